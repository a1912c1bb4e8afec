"""Word and PowerPoint documents that are one XML file: flat OPC, and Word 2003 XML (WordprocessingML 2003)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from ragkit_ingest.limits import MIB
from ragkit_ingest.readers.base import Extracted, Hints, TextBuilder
from ragkit_ingest.readers.office.docx import finish, read_document
from ragkit_ingest.readers.office.losses import Losses
from ragkit_ingest.readers.office.pptx import read_deck
from ragkit_ingest.readers.office.word.body import Body
from ragkit_ingest.readers.office.word.containers import Source
from ragkit_ingest.readers.office.word.drawings import Links
from ragkit_ingest.readers.office.word.flat_package import FlatPackage, as_utf8
from ragkit_ingest.readers.office.word.numbering import Numbering
from ragkit_ingest.readers.office.word.styles import read_styles
from ragkit_ingest.readers.sniff import WORD_XML
from ragkit_ingest.readers.zip_package import Event, properties_of, xml_events

_STEP: Final = 1 * MIB
_RENAMED: Final = {"vmerge": "vMerge"}
_CHANGES: Final = {"Word.Deletion": "del", "Word.Comment": "comment"}
_PROPERTIES: Final = {
    "Title": "title",
    "Author": "author",
    "Created": "created",
    "LastSaved": "modified",
    "Subject": "subject",
    "Description": "description",
    "Keywords": "keywords",
    "Category": "category",
    "LastAuthor": "modified_by",
}


class WordXmlReader:
    """Reads flat OPC files and Word 2003 XML."""

    name = "word_xml"
    media_types: tuple[str, ...] = (WORD_XML,)

    def read(self, data: bytes, *, name: str, hints: Hints) -> Extracted:
        """Return the text of the document; no base64 of pictures or objects comes into it."""
        if b"wordDocument" in data[:8192].replace(b"\0", b""):
            return _read_2003(data, name=name, keep_comments=hints.limits.comments == "keep")
        package = FlatPackage(data, hints.limits)
        if any(part.lower().startswith("ppt/") for part in package.names()):
            return read_deck(package, name=name, hints=hints)
        return read_document(package, name=name, hints=hints)


def _read_2003(data: bytes, *, name: str, keep_comments: bool) -> Extracted:
    xml = as_utf8(data)
    out, losses, numbering = TextBuilder(), Losses(), Numbering()
    numbering.read(_inside(xml, name, "lists"))
    styles = read_styles(_inside(xml, name, "styles"))
    body = Body(out, Source(styles, numbering, losses, keep_comments=keep_comments))
    body.read(_as_2007(_inside(xml, name, "body"), losses), Links())
    return finish(
        out, body, losses, name=name, properties=properties_of(_inside(xml, name, "DocumentProperties"), _PROPERTIES)
    )


def _inside(xml: bytes, name: str, element: str) -> Iterator[Event]:
    """Yield only the events inside the elements of a name."""
    depth = 0
    for event in xml_events(iter(xml[start : start + _STEP] for start in range(0, len(xml), _STEP)), name):
        if depth or (event.kind == "start" and event.name == element):
            depth += (event.kind == "start") - (event.kind == "end")
            yield event


def _as_2007(events: Iterable[Event], losses: Losses) -> Iterator[Event]:
    """Yield the events of a Word 2003 body under the names that Word has used since 2007."""
    changes: list[str] = []
    for event in events:
        name = _RENAMED.get(event.name, event.name)
        if event.name == "annotation":
            if event.kind == "start":
                changes.append(_CHANGES.get(event.attributes.get("type", ""), "annotation"))
            name = changes[-1] if event.kind == "start" else changes.pop() if changes else "annotation"
        elif event.name == "ocx" and event.kind == "start":
            losses.add("control")
        elif event.name == "binData" and event.kind == "start":
            yield Event("start", "imagedata")  # a picture, of which no more is read
            yield Event("end", "imagedata")
        yield event if name == event.name else event._replace(name=name)
