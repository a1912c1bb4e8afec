"""Drawings in a Word document: pictures with their descriptions, charts, diagrams and embedded objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from ragkit import ExtractionError
from ragkit_ingest.readers.links import address_after
from ragkit_ingest.readers.office.charts import read_chart
from ragkit_ingest.readers.office.diagrams import read_diagram
from ragkit_ingest.readers.office.losses import Losses, spoken
from ragkit_ingest.readers.office.word.paragraphs import Outline, Paragraph, Words
from ragkit_ingest.readers.office.word.styles import is_on
from ragkit_ingest.readers.zip_package import Parts, Relation

_MOST_SAID: Final = 500


@dataclass(frozen=True, slots=True)
class Links:
    """The relationships of a part of the document: other parts, and external addresses."""

    relations: Mapping[str, Relation] = field(default_factory=dict)
    addresses: Mapping[str, str] = field(default_factory=dict)

    def target(self, identity: str) -> str:
        """Return the part that a relationship leads to, "" for none."""
        relation = self.relations.get(identity)
        return relation.target if relation is not None else ""


@dataclass(slots=True)
class _Drawing:
    element: str
    own: str = ""  # its description as a whole
    address: str = ""
    said: list[str] = field(default_factory=list)  # of pictures in it
    silent: int = 0  # pictures of which nothing is said
    decorative: bool = False
    picture: str | None = None  # the description of the open picture
    has_image: bool = False  # of VML
    parts: list[str] = field(default_factory=list)  # its pictures


class Drawings:
    """Reads w:drawing, w:pict and w:object; text boxes can nest them."""

    def __init__(self, package: Parts | None, losses: Losses, pictures: Callable[[str], str] | None = None) -> None:
        """pictures: reads the words of a picture, given its part; "" for none."""
        self._package = package
        self._pictures = pictures
        self._losses = losses
        self._open: list[_Drawing] = []

    def begin(self, element: str) -> None:
        """Begin a drawing."""
        self._open.append(_Drawing(element))

    def take(self, name: str, attributes: Mapping[str, str], paragraph: Paragraph | None, links: Links) -> None:
        """Take an element inside of a drawing."""
        if not self._open:
            return
        drawing = self._open[-1]
        if name in ("docPr", "cNvPr", "pic", "decorative"):
            _describe(drawing, name, attributes)
        elif name == "blip":
            drawing.parts.append(links.target(attributes.get("r:embed", "")))
        elif name in ("shape", "rect", "imagedata", "textpath"):
            drawing.parts += [links.target(attributes["r:id"])] if name == "imagedata" and "r:id" in attributes else []
            self._vml(drawing, name, attributes, paragraph)
        elif name == "hlinkClick":
            drawing.address = links.addresses.get(attributes.get("r:id", ""), drawing.address)
        elif name == "OLEObject":
            self._losses.add("object", name=attributes.get("ProgID", ""))
        elif name == "control":
            self._losses.add("control", name=attributes.get("name", ""))
        elif paragraph is not None:
            self._part(name, attributes, paragraph, links)

    def _vml(self, drawing: _Drawing, name: str, attributes: Mapping[str, str], paragraph: Paragraph | None) -> None:
        if name == "textpath":  # WordArt: watermarks, too
            if paragraph is not None and attributes.get("string"):
                paragraph.add(f" {attributes['string'][:1_000]} ")
            return
        drawing.has_image = drawing.has_image or name == "imagedata"
        said = spoken(attributes.get("alt", ""), attributes.get("title", ""))
        if said and len(drawing.said) < _MOST_SAID and said not in drawing.said:
            drawing.said.append(said)

    def _part(self, name: str, attributes: Mapping[str, str], paragraph: Paragraph, links: Links) -> None:
        """Add a chart or a diagram after the paragraph."""
        kind, key = ("diagram", "r:dm") if name == "relIds" else ("chart", "r:id")
        if name not in ("relIds", "chart"):
            return
        part = links.target(attributes.get(key, ""))
        if self._package is None or not part or part not in self._package:
            self._losses.add(kind)
            return
        try:
            events = self._package.events(part)
            paragraph.after.append(Outline(tuple(read_diagram(events))) if kind == "diagram" else read_chart(events))
        except ExtractionError as error:
            if error.reason != "damaged":
                raise
            self._losses.add(kind)

    def end_picture(self) -> None:
        """End a picture in a drawing."""
        if self._open and self._open[-1].picture is not None:
            drawing = self._open[-1]
            if drawing.picture:
                drawing.said.append(drawing.picture)
            else:
                drawing.silent += 1
            drawing.picture = None

    def end(self, paragraph: Paragraph | None) -> None:
        """End a drawing: its description becomes text, pictures without one are counted."""
        if not self._open:
            return
        drawing = self._open.pop()
        if drawing.element == "object":
            drawing.silent, drawing.has_image = 0, False
        said = "; ".join(dict.fromkeys(text for text in (drawing.own, *drawing.said) if text))
        if said and paragraph is not None:
            paragraph.add(f" [Picture: {said}]{address_after(said, drawing.address)} ")
        elif drawing.address and paragraph is not None:
            paragraph.add(address_after("link", drawing.address) + " ")
        silent = drawing.silent or (drawing.has_image and not drawing.said)
        read = [text for part in drawing.parts if self._pictures is not None and (text := self._pictures(part))]
        if read and paragraph is not None:
            paragraph.after += [Words(tuple(text.split("\n"))) for text in read]
        elif silent and not drawing.own and not drawing.decorative:
            self._losses.add("picture", int(silent))


def _describe(drawing: _Drawing, name: str, attributes: Mapping[str, str]) -> None:
    """Take the description of a whole drawing, or of a picture in it."""
    if name == "pic":
        drawing.picture = ""
        return
    if name == "decorative":
        drawing.decorative = is_on(attributes)
        return
    said = spoken(attributes.get("descr", ""), attributes.get("title", ""))
    if name == "docPr":
        drawing.own = said
    elif drawing.picture is not None:
        drawing.picture = said
    elif said and said != drawing.own:
        drawing.said.append(said)
