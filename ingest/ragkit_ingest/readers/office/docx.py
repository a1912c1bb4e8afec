"""DOCX: the parts of a Word document, put together: body, notes, comments, headers and footers, embedded documents."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import replace
from functools import partial
from typing import Final

from ragkit import ExtractionError
from ragkit_ingest.readers.base import Extracted, Hints, TextBuilder
from ragkit_ingest.readers.ocr.inside import InnerPictures
from ragkit_ingest.readers.office.losses import Losses
from ragkit_ingest.readers.office.word.body import Body
from ragkit_ingest.readers.office.word.containers import Source
from ragkit_ingest.readers.office.word.drawings import Links
from ragkit_ingest.readers.office.word.numbering import Numbering
from ragkit_ingest.readers.office.word.styles import Style, is_on, read_styles
from ragkit_ingest.readers.sniff import DOCX, EMAIL, HTML, TEXT
from ragkit_ingest.readers.zip_package import Package, Parts, core_properties

_MAIN: Final = "word/document.xml"
_MAX_EMBEDDED: Final = 100
_MAX_DEPTH: Final = 2
_DEPTH: ContextVar[int] = ContextVar("depth of embedded documents", default=0)
_NOTES: Final = ("footnotes", "endnotes", "comments")
_FRAGMENT: Final = re.compile(
    rb"\s*(?:\xef\xbb\xbf)?<(?:p|div|span|table|ul|ol|h[1-6]|b|i|em|strong|a|br|font|article|section)[\s>/]",
    re.IGNORECASE,
)
"""The beginning of HTML without an html or body element."""
_WEB_ARCHIVE: Final = re.compile(rb"\s*(?:from|subject|date|mime-version):", re.IGNORECASE)
_PAGE: Final = {"hdr": "Page header", "ftr": "Page footer"}


class DocxReader:
    """Reads Word documents."""

    name = "docx"
    media_types: tuple[str, ...] = (DOCX,)

    def read(self, data: bytes, *, name: str, hints: Hints) -> Extracted:
        """Return the text as the page shows it; deleted and hidden text is left out and counted."""
        return read_document(Package(data, hints.limits), name=name, hints=hints)


def read_document(package: Parts, *, name: str, hints: Hints) -> Extracted:
    """Return the text of a Word document from its parts."""
    part = next((item.target for item in package.relations("").values() if item.kind == "officeDocument"), _MAIN)
    if part not in package:
        raise ExtractionError("damaged", f"the part {part} is missing")
    relations = package.relations(part)
    related = {item.kind: item.target for item in relations.values()}
    out, losses, numbering = TextBuilder(), Losses(), Numbering()
    if "numbering" in related and related["numbering"] in package:
        numbering.read(package.events(related["numbering"]))
    styles = _styles(package, related.get("styles", "word/styles.xml"))
    pictures = InnerPictures(hints)
    source = Source(
        styles,
        numbering,
        losses,
        package,
        _embedding(package, hints),
        keep_comments=hints.limits.comments == "keep",
        pictures=partial(_picture_text, package, pictures) if pictures.wanted else None,
    )
    body = Body(out, source)
    even_differs = _settings(package, related.get("settings", ""), body)
    for kind in _NOTES:
        if kind in related and related[kind] in package:
            body.read(package.events(related[kind]), _links(package, related[kind]))
    body.read(package.events(part), Links(relations, package.addresses(part)))
    for text in body.notes.rest():
        out.paragraph(text)
    _furniture(package, body, Links(relations), even_differs=even_differs)
    pictures.report(out)
    return finish(out, body, losses, name=name, properties=core_properties(package))


def finish(out: TextBuilder, body: Body, losses: Losses, *, name: str, properties: dict[str, object]) -> Extracted:
    """Add headers and footers and what was left out, and return the document."""
    said: set[tuple[str, str]] = set()
    for kind, text in body.furniture:
        words = " | ".join(line.strip() for line in text.split("\n") if line.strip())
        if words and (kind, words) not in said:
            said.add((kind, words))
            out.paragraph(f"{_PAGE[kind]}: {words}")
    losses.add("comment", body.notes.dropped)
    losses.report(out)
    return out.finish(name=name, title=str(properties.get("title") or body.output.title), metadata=properties)


def _picture_text(package: Parts, pictures: InnerPictures, part: str) -> str:
    return pictures.text(package.read(part)) if part in package else ""


def _styles(package: Parts, part: str) -> dict[str, Style]:
    return read_styles(package.events(part)) if part in package else {}


def _links(package: Parts, part: str) -> Links:
    return Links(package.relations(part), package.addresses(part))


def _settings(package: Parts, part: str, body: Body) -> bool:
    """Take the formats of notes from settings.xml; return whether even pages have headers of their own."""
    differs, kind = False, ""
    if part not in package:
        return differs
    for event in package.events(part):
        if event.kind == "end":
            kind = "" if event.name in ("footnotePr", "endnotePr") else kind
        elif event.kind == "start":
            if event.name == "evenAndOddHeaders":
                differs = is_on(event.attributes)
            elif event.name in ("footnotePr", "endnotePr"):
                kind = event.name[:-2]
            elif event.name == "numFmt" and kind:
                body.notes.formats[kind] = event.attributes.get("val", "decimal")
    return differs


def _furniture(package: Parts, body: Body, links: Links, *, even_differs: bool) -> None:
    """Read each header and footer that appears on a page, once."""
    done: set[str] = set()
    for section in body.sections:
        for _, kind, identity in section.references:
            part = links.target(identity)
            shown = section.first_differs if kind == "first" else even_differs if kind == "even" else True
            if shown and part not in done and part in package:
                done.add(part)
                body.read(package.events(part), _links(package, part))


def _embedding(package: Parts, hints: Hints) -> Callable[[str], Extracted | None]:
    """Return a function that reads a document embedded as w:altChunk, by the reader of its format."""
    count = 0

    def embedded(part: str) -> Extracted | None:
        nonlocal count
        count += 1
        depth = _DEPTH.get()
        if part not in package or count > _MAX_EMBEDDED or depth >= _MAX_DEPTH or hints.budget.spent():
            return None
        token = _DEPTH.set(depth + 1)
        try:
            return _read_embedded(package.read(part), name=part.rpartition("/")[2], hints=hints)
        except ExtractionError:
            return None
        finally:
            _DEPTH.reset(token)

    return embedded


def _read_embedded(data: bytes, *, name: str, hints: Hints) -> Extracted:
    from ragkit_ingest.readers.registry import choose, reader_for  # it knows this module by name only

    media_type, reader = choose(data, name=name)
    if media_type == TEXT and _FRAGMENT.match(data[:4096]):
        media_type, reader = HTML, reader_for(HTML)
    elif media_type == TEXT and _WEB_ARCHIVE.match(data[:4096]):
        media_type, reader = EMAIL, reader_for(EMAIL)
    return reader.read(data, name=name, hints=replace(hints, media_type=media_type, neighbours=None))
