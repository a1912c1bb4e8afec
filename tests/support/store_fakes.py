"""Small documents with chunks and vectors, for the tests of the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragkit.store.base import Writer
from ragkit.store.rows import embedded_hash
from ragkit.store.sqlite.store import Store
from ragkit.testing import HashEmbedder
from ragkit.types.documents import Block, Chunk, Document, Heading, Metadata, Page

EMBEDDER = HashEmbedder(32)
SETTINGS: dict[str, Any] = {"chunk": {"max_tokens": 160, "min_tokens": 24, "context": True}, "model": "hash"}


@dataclass(frozen=True)
class ChunkedDocument:
    """A document and everything that is put with it."""

    document: Document
    chunks: Sequence[Chunk]
    vectors: NDArray[np.float32]
    units: Sequence[NDArray[np.float32] | None] = ()

    def put(self, writer: Writer) -> str:
        return writer.put(self.document, self.chunks, self.vectors, units=self.units)


def cut(
    source: str,
    paragraphs: Sequence[str] = ("first", "second 😀 é", "third"),
    *,
    title: str = "Title",
    metadata: Metadata | None = None,
    paged: bool = True,
    media_type: str = "text/plain",
) -> ChunkedDocument:
    """Make a document of one chunk a paragraph, with a page, a heading and units each where `paged`."""
    starts: list[int] = []
    at = 0
    for paragraph in paragraphs:
        starts.append(at)
        at += len(paragraph) + 1
    text = "\n".join(paragraphs)
    document = Document(
        source=source,
        text=text,
        title=title,
        media_type=media_type,
        metadata=metadata or {},
        pages=tuple(Page(start, f"p-{start}" if start else None) for start in starts) if paged else (),
        headings=(Heading(0, 1, "Head"),) if paged else (),
        blocks=(Block(0, len(paragraphs[0]), "table", "a | b"),) if paged and paragraphs else (),
        warnings=("page 3 has no text",) if paged else (),
    )
    chunks = [
        Chunk(
            ordinal=index,
            start=start,
            end=start + len(paragraph),
            text=paragraph,
            context=f"{title} › Head",
            tokens=len(paragraph) + 2,
            heading="Head",
            page=document.page_at(start),
            page_end=document.page_at(start + len(paragraph) - 1),
            units=((0, 1), (1, len(paragraph))) if len(paragraph) > 1 else (),
        )
        for index, (start, paragraph) in enumerate(zip(starts, paragraphs, strict=True))
    ]
    vectors = EMBEDDER.embed_documents([chunk.embedded for chunk in chunks])
    units = [
        EMBEDDER.embed_documents([chunk.text[start:end] for start, end in chunk.units]) if chunk.units else None
        for chunk in chunks
    ]
    return ChunkedDocument(document, chunks, vectors, units)


def writing(store: Store, kind: str = "ingest", **options: Any) -> Any:
    """Open a run with the fake model."""
    return store.write(**{"kind": kind, "fingerprint": EMBEDDER.fingerprint, "settings": SETTINGS} | options)


def new_store(data: Path, name: str = "default", **options: Any) -> Store:
    """Make a collection in a data folder."""
    return Store(data / "collections" / name, create=True, **options)


def hashes(item: ChunkedDocument) -> list[bytes]:
    """Return the keys of a document's vectors."""
    return [embedded_hash(chunk) for chunk in item.chunks]
