"""The shapes of a slide, a layout, a master or a notes page, read from XML events."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from ragkit_ingest.readers.grid import Cell
from ragkit_ingest.readers.links import address_after
from ragkit_ingest.readers.office.equations import Equation
from ragkit_ingest.readers.office.losses import Losses, spoken
from ragkit_ingest.readers.office.slides.text import TextFrame
from ragkit_ingest.readers.places import Box
from ragkit_ingest.readers.zip_package import Event

_SHAPES: Final = frozenset({"sp", "pic", "graphicFrame", "cxnSp", "grpSp", "contentPart"})
_TRUE: Final = ("1", "true", "on")
_MAX_SPAN: Final = 1_000
_INTEGER: Final = re.compile(r"-?\d{1,15}")


@dataclass(slots=True)
class Shape:
    """A shape. kind: its element; placeholder: type of the placeholder that it is, "" for none; index: its number."""

    kind: str
    placeholder: str = ""
    index: str = ""
    box: Box | None = None
    lines: list[str] = field(default_factory=list)
    rows: list[list[Cell]] | None = None
    chart: str = ""  # relationships of its chart and diagram
    diagram: str = ""
    said: str = ""  # its alternative text
    address: str = ""
    hidden: bool = False
    decorative: bool = False
    picture: bool = False
    image: str = ""  # relationship of its picture, where pictures are read
    object: str | None = None  # program of an embedded object
    shapes: list[Shape] = field(default_factory=list)

    def is_blank(self) -> bool:
        """Tell whether nothing of it becomes text."""
        return not (
            self.lines
            or self.rows
            or self.chart
            or self.diagram
            or self.said
            or self.shapes
            or self.address
            or self.image
        )


@dataclass(slots=True)
class Slide:
    """A slide, or a page like one. own_only: the shapes of its layout and master are not shown."""

    shapes: list[Shape] = field(default_factory=list)
    hidden: bool = False
    own_only: bool = False


class ShapeReader:
    """Follows the events of a slide; groups hold shapes, so the open ones stand on a stack.

    pictures: shapes name their pictures, so that these can be read; whoever reads them counts those without words.
    """

    def __init__(self, addresses: Mapping[str, str], losses: Losses, *, pictures: bool = False) -> None:
        self._pictures = pictures
        self.slide = Slide()
        self._addresses = addresses
        self._losses = losses
        self._open: list[Shape] = []
        self._frame: TextFrame | None = None
        self._cell: tuple[int, int, bool] | None = None
        self._equation: Equation | None = None
        self._choices: list[bool] = []
        self._in_text = False
        self._in_place = False
        self._offset = (0, 0)
        self._skip = 0

    def read(self, events: Iterable[Event]) -> Slide:
        """Return the slide."""
        for event in events:
            if self._skip:
                self._skip += (event.kind == "start") - (event.kind == "end")
            elif event.kind == "start":
                self._start(event)
            elif event.kind == "end":
                self._end(event.name)
            elif self._equation is not None:
                self._equation.text(event.text)
            elif self._in_text and self._frame is not None:
                self._frame.text(event.text)
        return self.slide

    def _start(self, event: Event) -> None:
        name, attributes = event.name, event.attributes
        if self._skipped(name, attributes):
            self._skip = 1
        elif self._equation is not None:
            self._equation.start(name, attributes)
        elif name in _SHAPES:
            self._open.append(Shape(name, picture=name == "pic"))
        elif name == "AlternateContent":
            self._choices.append(False)
        elif name == "sld":
            self.slide.hidden = attributes.get("show", "1") in ("0", "false")
            self.slide.own_only = attributes.get("showMasterSp", "1") in ("0", "false")
        elif name == "txBody":
            self._frame = TextFrame()
        elif self._frame is not None:
            self._in_frame(event, self._frame)
        elif self._open:
            self._in_shape(event, self._open[-1])

    def _skipped(self, name: str, attributes: Mapping[str, str]) -> bool:
        if name in ("Choice", "Fallback"):
            if self._choices and not self._choices[-1]:
                self._choices[-1] = True
                return False
            return True
        return name == "fld" and attributes.get("type") == "slidenum"

    def _in_frame(self, event: Event, frame: TextFrame) -> None:
        name = event.name
        if name == "oMath":
            self._equation = Equation()
            self._equation.start(name, event.attributes)
        elif name == "t":
            self._in_text = True
        elif name == "br":
            frame.add(" ")
        else:
            frame.start(name, event.attributes, self._addresses.get(event.attributes.get("r:id", ""), ""))

    def _in_shape(self, event: Event, shape: Shape) -> None:
        name, attributes = event.name, event.attributes
        if name == "cNvPr":
            shape.said = spoken(attributes.get("descr", ""), attributes.get("title", ""))
            shape.hidden = attributes.get("hidden", "0") in _TRUE
        elif name == "ph":
            shape.placeholder, shape.index = attributes.get("type", "obj"), attributes.get("idx", "0")
        elif name == "hlinkClick":
            shape.address = self._addresses.get(attributes.get("r:id", ""), shape.address)
        elif name == "decorative":
            shape.decorative = attributes.get("val", "1") in _TRUE
        elif name in ("xfrm", "off", "ext"):
            self._place(name, attributes, shape)
        elif name in ("tbl", "tr", "tc"):
            self._table(name, attributes, shape)
        else:
            self._content(name, attributes, shape)

    def _content(self, name: str, attributes: Mapping[str, str], shape: Shape) -> None:
        if name == "chart":
            shape.chart = attributes.get("r:id", "")
        elif name == "blip":
            shape.image = attributes.get("r:embed", "") if self._pictures and shape.picture else ""
        elif name == "relIds":
            shape.diagram = attributes.get("r:dm", "")
        elif name == "oleObj":
            shape.object = attributes.get("progId", "")
        elif name in ("videoFile", "audioFile", "wavAudioFile", "quickTimeFile"):
            self._losses.add("media")
            shape.picture = False

    def _place(self, name: str, attributes: Mapping[str, str], shape: Shape) -> None:
        if name == "xfrm":
            self._in_place = True
        elif not self._in_place or shape.box is not None:
            return
        elif name == "off":
            self._offset = (_number(attributes.get("x")), _number(attributes.get("y")))
        else:
            shape.box = Box(*self._offset, _number(attributes.get("cx")), _number(attributes.get("cy")))

    def _table(self, name: str, attributes: Mapping[str, str], shape: Shape) -> None:
        if name == "tbl":
            shape.rows = []
        elif shape.rows is None:
            return
        elif name == "tr":
            shape.rows.append([])
        else:
            covered = any(attributes.get(key, "0") in _TRUE for key in ("hMerge", "vMerge"))
            self._cell = (_span(attributes.get("rowSpan")), _span(attributes.get("gridSpan")), covered)

    def _end(self, name: str) -> None:
        if self._equation is not None:
            self._end_equation(name)
        elif name == "t":
            self._in_text = False
        elif name == "AlternateContent":
            self._choices.pop()
        elif name == "txBody" and self._frame is not None:
            self._end_frame(self._frame)
        elif self._frame is not None:
            self._frame.end(name)
        elif name == "xfrm":
            self._in_place = False
        elif name in _SHAPES and self._open:
            self._end_shape(self._open.pop())

    def _end_equation(self, name: str) -> None:
        equation = self._equation
        if equation is None:
            return
        equation.end(name)
        if not equation.open:
            self._equation = None
            if equation.cut:
                self._losses.add("equation")
            if self._frame is not None and equation.result():
                self._frame.add(equation.result(), "equation")

    def _end_frame(self, frame: TextFrame) -> None:
        self._frame = None
        self._losses.add("struck", frame.struck)
        if not self._open:
            return
        shape = self._open[-1]
        if self._cell is None or not shape.rows:
            shape.lines += frame.lines
            return
        rows, columns, covered = self._cell
        self._cell = None
        if not covered:
            shape.rows[-1].append(Cell(" ".join(map(str.strip, frame.lines)), rows, columns))

    def _end_shape(self, shape: Shape) -> None:
        if shape.hidden:
            self._losses.add("shape")
            return
        if shape.object is not None:
            self._losses.add("object", name=shape.object)
            shape.shapes = [inner for inner in shape.shapes if not inner.picture]
        elif shape.picture and not shape.said and not shape.decorative and not shape.image:
            preview = any(outer.object is not None for outer in self._open[-1:])
            self._losses.add("picture", 0 if preview else 1)
        if shape.address:
            said = " ".join([*shape.lines, shape.said])
            shape.address = address_after(said if said.strip() else "link", shape.address).strip()
        holder = self._open[-1].shapes if self._open else self.slide.shapes
        holder.append(shape)


def _number(value: str | None) -> int:
    return int(value) if value and _INTEGER.fullmatch(value) else 0


def _span(value: str | None) -> int:
    return min(max(1, _number(value)), _MAX_SPAN)
