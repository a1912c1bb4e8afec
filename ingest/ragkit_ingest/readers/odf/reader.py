"""ODT, ODS and ODP: which of them a file is, its properties, and the report of what was left out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ragkit import ExtractionError
from ragkit_ingest.readers.base import Extracted, Hints, TextBuilder
from ragkit_ingest.readers.ocr.inside import InnerPictures
from ragkit_ingest.readers.odf.blocks import Blocks
from ragkit_ingest.readers.odf.inline import Inline
from ragkit_ingest.readers.odf.nodes import Node, Step, steps
from ragkit_ingest.readers.odf.objects import Objects
from ragkit_ingest.readers.odf.sheets import CONTAINERS as SHEETS
from ragkit_ingest.readers.odf.sheets import Sheets
from ragkit_ingest.readers.odf.slides import CONTAINERS as SLIDES
from ragkit_ingest.readers.odf.slides import add_slide
from ragkit_ingest.readers.odf.styles import read_styles
from ragkit_ingest.readers.sniff import ODP, ODS, ODT
from ragkit_ingest.readers.titles import squeeze
from ragkit_ingest.readers.zip_package import Package

_CONTENT: Final = "content.xml"
_TEXT: Final = frozenset(["document-content", "document", "body", "text"])
_CHECK_EVERY: Final = 200
_PROPERTIES: Final = {
    "title": "title",
    "subject": "subject",
    "description": "description",
    "initial-creator": "author",
    "creator": "modified_by",
    "creation-date": "created",
    "date": "modified",
    "language": "language",
    "keyword": "keywords",
}


class OdfReader:
    """Reads OpenDocument texts, spreadsheets and presentations."""

    name = "odf"
    media_types: tuple[str, ...] = (ODT, ODS, ODP)

    def read(self, data: bytes, *, name: str, hints: Hints) -> Extracted:
        """Return the text; deleted and hidden passages are left out and reported."""
        package = Package(data, hints.limits)
        if _CONTENT not in package:
            raise ExtractionError("damaged", f"the part {_CONTENT} is missing")
        if _is_encrypted(package):
            raise ExtractionError("encrypted", "the document has a password")
        inline = Inline(read_styles(package), Objects(package), keep_comments=hints.limits.comments == "keep")
        pictures = InnerPictures(hints)
        if pictures.wanted:
            inline.pictures = lambda part: pictures.text(package.read(part)) if part in package else ""
        out = TextBuilder()
        blocks = Blocks(out, inline)
        if hints.media_type == ODS:
            Sheets(out, inline, hints).read(steps(package.events(_CONTENT), SHEETS))
        elif hints.media_type == ODP:
            _read_slides(out, blocks, steps(package.events(_CONTENT), SLIDES), hints)
        else:
            _read_text(out, blocks, steps(package.events(_CONTENT), _TEXT), hints)
        pictures.report(out)
        if inline.objects.without_data:
            out.warn(f"charts without data: {inline.objects.without_data:,}")
        for words, count in sorted((+inline.counts).items()):
            out.warn(f"{words}: {count:,}")
        properties = _properties(package)
        title = str(properties.get("title", "") or blocks.title)
        return out.finish(name=name, title=title, metadata=properties)


def _read_text(out: TextBuilder, blocks: Blocks, found: Iterator[Step], hints: Hints) -> None:
    _furniture(out, blocks.inline, "header")
    count = 0
    for step in found:
        if step.kind != "node":
            continue
        if step.node.name == "forms":
            blocks.inline.forms.update(_forms(step.node))
            continue
        blocks.add(step.node)
        count += 1
        if count % _CHECK_EVERY == 0 and hints.budget.spent():
            out.warn(f"stopped after {count:,} paragraphs and tables: out of time")
            break
    _furniture(out, blocks.inline, "footer")


def _read_slides(out: TextBuilder, blocks: Blocks, found: Iterator[Step], hints: Hints) -> None:
    number = 0
    for step in found:
        if step.kind != "node" or step.node.name != "page":
            continue
        number += 1
        if number > hints.limits.max_pages:
            out.warn(f"only the first {hints.limits.max_pages:,} slides were read")
            break
        if number > 1 and hints.budget.spent():
            out.warn(f"stopped before slide {number:,}: out of time")
            break
        add_slide(out, blocks, blocks.inline, step.node, number=number, keep_hidden=hints.limits.keep_hidden)


def _furniture(out: TextBuilder, inline: Inline, kind: str) -> None:
    """Add the headers or footers of pages, each text once; one with only a page number is left out."""
    inline.furniture = True
    seen: list[str] = []
    for node in inline.styles.furniture:
        if not node.name.startswith(kind):
            continue
        for paragraph in node.find("p", "h"):
            text = inline.line(paragraph)
            numbered = any(True for _ in paragraph.find("page-number", "page-count", "sheet-name"))
            if text and text not in seen and not (numbered and len(text.split()) < 3):
                seen.append(text)
    inline.furniture = False
    inline.later.clear()
    if seen:
        start, end = out.paragraph("\n".join(seen))
        out.mark_block(start, end, "boilerplate")


def _forms(node: Node) -> dict[str, str]:
    """Return the values of form fields, by id: "Name: Ada", "[x] Agreed"."""
    found: dict[str, str] = {}
    for form in node.find("form"):
        for field in form.nodes():
            label = squeeze(field.get("label") or field.get("name"))
            if field.name in ("checkbox", "radio"):
                ticked = (field.get("current-state") or field.get("state")) == "checked"
                ticked = ticked or (field.get("current-selected") or field.get("selected")) == "true"
                text = f"[{'x' if ticked else ' '}] {label}"
            else:
                chosen = [o.get("label") for o in field.find("option", "item") if o.get("current-selected") == "true"]
                value = squeeze(field.get("current-value") or field.get("value") or ", ".join(chosen))
                text = f"{label}: {value}" if value and label else label if field.name == "button" else value
            found[field.get("id")] = f" {text} " if text else ""
    found.pop("", None)
    return found


def _is_encrypted(package: Package) -> bool:
    part = "META-INF/manifest.xml"
    if part not in package:
        return False
    return any(event.name == "encryption-data" for event in package.events(part))


def _properties(package: Package) -> dict[str, object]:
    """Return the properties in meta.xml, under the names that all readers use."""
    found: dict[str, object] = {}
    if "meta.xml" not in package:
        return found
    for step in steps(package.events("meta.xml"), frozenset(["document-meta", "document", "meta"])):
        name = _PROPERTIES.get(step.node.name, "")
        words = squeeze(step.node.words())
        if step.kind == "node" and name and words:
            found.setdefault(name, words)
    return found
