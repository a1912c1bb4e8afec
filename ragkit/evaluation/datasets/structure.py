"""A document's structure as plain JSON beside its text, so that a made set is chunked like its collection."""

from __future__ import annotations

from typing import Any, get_args

from ragkit.evaluation.datasets.lines import Line
from ragkit.text.cleaning import clean_text
from ragkit.types.documents import Block, BlockKind, Document, Heading, Page

KEY = "structure"


def document_row(document: Document) -> dict[str, Any]:
    """Return the line of corpus.jsonl for a document: BEIR's own keys, and `structure`, which BEIR's readers ignore."""
    return {
        "_id": document.source,
        "title": document.title,
        "text": document.text,
        KEY: {
            "sha256": document.sha256,
            "media_type": document.media_type,
            "language": document.metadata.get("language"),
            "pages": [[page.start, page.label] for page in document.pages],
            "headings": [[item.offset, item.level, item.text] for item in document.headings],
            "blocks": [[item.start, item.end, item.kind, item.header] for item in document.blocks],
        },
    }


def restored_document(line: Line, identifier: str) -> Document:
    """Return the document of a line of corpus.jsonl, plain or with `structure`. Raises InputError, DatasetError."""
    title = " ".join(clean_text(line.text("title", default="")).split())
    text = line.text("text")
    structure = line.row.get(KEY)
    if structure is None:
        return Document.from_text(identifier, text, title=title)
    try:
        language = structure.get("language")
        return Document(
            source=identifier,
            text=text,
            title=title,
            sha256=str(structure["sha256"]),
            media_type=str(structure["media_type"]),
            pages=tuple(Page(int(start), None if label is None else str(label)) for start, label in structure["pages"]),
            headings=tuple(Heading(int(at), int(level), str(text)) for at, level, text in structure["headings"]),
            blocks=tuple(Block(int(a), int(b), _kind(kind), str(head)) for a, b, kind, head in structure["blocks"]),
            metadata={"language": str(language)} if language else {},
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise line.error(f"{KEY!r} is malformed ({error})", cure="make the set again") from error


def _kind(value: object) -> BlockKind:
    for kind in get_args(BlockKind):
        if value == kind:
            found: BlockKind = kind
            return found
    raise ValueError(f"a block of kind {value!r}")
