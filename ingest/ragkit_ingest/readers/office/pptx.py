"""PPTX: a page is a slide; titles are headings, tables keep their rows, speaker notes follow their slide."""

from __future__ import annotations

from dataclasses import dataclass, field

from ragkit import ExtractionError
from ragkit_ingest.readers.base import Extracted, Hints, TextBuilder, squeeze
from ragkit_ingest.readers.sniff import PPTX
from ragkit_ingest.readers.zip_package import Event, Package, core_properties

_TITLES = frozenset({"title", "ctrTitle"})
_FURNITURE = frozenset({"sldNum", "dt", "ftr", "hdr", "sldImg"})
_MAIN = "ppt/presentation.xml"


class PptxReader:
    """Reads PowerPoint presentations."""

    name = "pptx"
    media_types: tuple[str, ...] = (PPTX,)

    def read(self, data: bytes, *, name: str, hints: Hints) -> Extracted:
        """Return the text of the slides in order; hidden slides are left out and reported."""
        package = Package(data, hints.limits)
        main = next((item.target for item in package.relations("").values() if item.kind == "officeDocument"), _MAIN)
        if main not in package:
            raise ExtractionError("damaged", f"the part {main} is missing")
        builder = TextBuilder()
        slides = _slide_parts(package, main)
        for number, part in enumerate(slides[: hints.limits.max_pages], 1):
            if hints.budget.spent():
                builder.warn(f"stopped before slide {number:,} of {len(slides):,}: out of time")
                break
            builder.page()
            if part not in package:
                builder.warn(f"slide {number:,} is missing")
                continue
            _add_slide(builder, package, part, number)
        if len(slides) > hints.limits.max_pages:
            builder.warn(f"only the first {hints.limits.max_pages:,} of {len(slides):,} slides were read")
        properties = core_properties(package)
        return builder.finish(name=name, title=str(properties.get("title", "")), metadata=properties)


def _slide_parts(package: Package, main: str) -> list[str]:
    relations = package.relations(main)
    parts: list[str] = []
    for event in package.events(main):
        if event.kind == "start" and event.name == "sldId":
            relation = relations.get(event.attributes.get("r:id", ""))
            if relation is not None:
                parts.append(relation.target)
    if not parts:
        parts = [item.target for item in relations.values() if item.kind == "slide"]
    return parts


@dataclass(slots=True)
class _Slide:
    hidden: bool = False
    title: str = ""
    shapes: list[list[str] | list[list[str]]] = field(default_factory=list)


def _add_slide(builder: TextBuilder, package: Package, part: str, number: int) -> None:
    slide = _Shapes().read(package, part)
    if slide.hidden:
        builder.warn(f"slide {number:,} is hidden and was left out")
        return
    before = builder.size
    builder.heading(slide.title, 1)
    _add_shapes(builder, slide)
    for relation in package.relations(part).values():
        if relation.kind == "diagramData" and relation.target in package:
            _add_shapes(builder, _Shapes().read(package, relation.target))
        elif relation.kind == "notesSlide" and relation.target in package:
            notes = _Shapes().read(package, relation.target)
            lines = [line for shape in notes.shapes for line in shape if isinstance(line, str)]
            if lines:
                builder.paragraph("Notes: " + "\n".join(lines))
    if builder.size == before:
        builder.warn(f"slide {number:,} has no text")


def _add_shapes(builder: TextBuilder, slide: _Slide) -> None:
    for shape in slide.shapes:
        rows = [row for row in shape if isinstance(row, list)]
        lines = [line for line in shape if isinstance(line, str)]
        if rows:
            builder.table(rows)
        elif len(lines) > 1:
            builder.items(lines)
        elif lines:
            builder.paragraph(lines[0])


class _Shapes:
    """Collects the shapes of one slide, notes page or diagram."""

    def __init__(self) -> None:
        self._slide = _Slide()
        self._kind = ""  # of the placeholder that the current shape is
        self._lines: list[str] = []
        self._text: list[str] = []
        self._indent = 0
        self._rows: list[list[str]] | None = None
        self._in_text = False
        self._skip = 0

    def read(self, package: Package, part: str) -> _Slide:
        for event in package.events(part):
            if self._skip:
                self._skip += (event.kind == "start") - (event.kind == "end")
            elif event.kind == "text":
                if self._in_text:
                    self._text.append(event.text)
            elif event.kind == "start":
                self._start(event)
            else:
                self._end(event.name)
        self._end_shape()
        return self._slide

    def _start(self, event: Event) -> None:
        name, attributes = event.name, event.attributes
        if name in ("Fallback", "AlternateContentFallback") or (name == "fld" and attributes.get("type") == "slidenum"):
            self._skip = 1
        elif name == "sld":
            self._slide.hidden = attributes.get("show", "1") in ("0", "false")
        elif name == "ph":
            self._kind = attributes.get("type", "body")
        elif name == "pPr":
            self._indent = int(attributes.get("lvl", "0")[:1] or 0) if attributes.get("lvl", "0").isdecimal() else 0
        elif name == "t":
            self._in_text = True
        elif name == "br":
            self._text.append(" ")
        elif name == "tbl":
            self._end_shape()
            self._rows = []
        elif name == "tr" and self._rows is not None:
            self._rows.append([])

    def _end(self, name: str) -> None:
        if name == "t":
            self._in_text = False
        elif name == "p":
            line = squeeze("".join(self._text))
            self._text.clear()
            if line:
                self._lines.append("  " * self._indent + line)
            self._indent = 0
        elif name == "tc" and self._rows:
            self._rows[-1].append(" ".join(map(str.strip, self._lines)))
            self._lines = []
        elif name == "tbl" and self._rows is not None:
            self._slide.shapes.append(self._rows)
            self._rows, self._lines = None, []
        elif name in ("sp", "graphicFrame", "pt", "cxnSp"):
            self._end_shape()

    def _end_shape(self) -> None:
        lines, self._lines = self._lines, []
        kind, self._kind = self._kind, ""
        if kind in _TITLES and not self._slide.title:
            self._slide.title = " ".join(map(str.strip, lines))
        elif lines and kind not in _FURNITURE:
            self._slide.shapes.append(lines)
