"""Puts a slide into the text: its title, its shapes in reading order, its comments and notes."""

from __future__ import annotations

from typing import Final

from ragkit import ExtractionError
from ragkit_ingest.readers.base import Hints, TextBuilder
from ragkit_ingest.readers.ocr.inside import InnerPictures
from ragkit_ingest.readers.office.charts import add_chart, read_chart
from ragkit_ingest.readers.office.diagrams import add_diagram, read_diagram
from ragkit_ingest.readers.office.losses import Losses
from ragkit_ingest.readers.office.slides.comments import read_comments
from ragkit_ingest.readers.office.slides.layouts import Layout, Layouts
from ragkit_ingest.readers.office.slides.shapes import Shape, ShapeReader
from ragkit_ingest.readers.office.tables import add_table
from ragkit_ingest.readers.places import reading_order
from ragkit_ingest.readers.zip_package import Parts, Relation

_TITLES: Final = frozenset({"title", "ctrTitle"})
_FURNITURE: Final = frozenset({"sldNum", "dt", "ftr", "hdr", "sldImg"})


class SlideWriter:
    """Adds slides one by one; text that is on every slide is added once, at the end."""

    def __init__(self, out: TextBuilder, package: Parts, losses: Losses, authors: dict[str, str], hints: Hints) -> None:
        self._out = out
        self._package = package
        self._losses = losses
        self._authors = authors
        self._limits = hints.limits
        self._pictures = InnerPictures(hints)
        self._layouts = Layouts(package)
        self._furniture: dict[tuple[str, str], None] = {}

    def add(self, part: str, number: int) -> None:
        """Add a slide; a hidden one is left out and reported, unless the limits keep it."""
        before = self._out.size
        relations = self._package.relations(part)
        losses = Losses()
        reader = ShapeReader(self._package.addresses(part), losses, pictures=self._pictures.wanted)
        slide = reader.read(self._package.events(part))
        if slide.hidden and not self._limits.keep_hidden:
            self._out.warn(f"slide {number:,} is hidden and was left out")
            return
        self._losses.merge(losses)
        layout = self._layouts.of(part)
        shapes = self._body(slide.shapes)
        title = next((shape for shape in shapes if shape.placeholder in _TITLES and shape.lines), None)
        if title is not None:
            self._out.heading(" ".join(map(str.strip, title.lines)), 1)
            shapes.remove(title)
        for shape in _in_order(shapes, layout):
            self._shape(shape, relations)
        self._remarks(relations)
        if not slide.own_only:
            self._written_on_all(layout)
        if self._out.size == before:
            self._out.warn(f"slide {number:,} has no text")

    def finish(self) -> None:
        """Add the text that is on every slide."""
        for name, text in self._furniture:
            self._out.paragraph(f"{name}: {text}")
        self._pictures.report(self._out)

    def _body(self, shapes: list[Shape]) -> list[Shape]:
        """Return the shapes without furniture (dates, slide numbers); footers are kept for the end."""
        kept = []
        for shape in shapes:
            if shape.placeholder in _FURNITURE:
                text = " ".join(map(str.strip, shape.lines))
                if text and shape.placeholder in ("ftr", "hdr"):
                    self._furniture[("Slide footer" if shape.placeholder == "ftr" else "Slide header", text)] = None
            else:
                kept.append(shape)
        return kept

    def _written_on_all(self, layout: Layout) -> None:
        for one in (layout, layout.parent):
            for text in one.texts if one is not None else ():
                self._furniture["On every slide", text] = None

    def _shape(self, shape: Shape, relations: dict[str, Relation]) -> None:
        if shape.rows:
            add_table(self._out, shape.rows)
        elif len(shape.lines) > 1:
            self._out.items(shape.lines)
        elif shape.lines:
            self._out.paragraph(shape.lines[0].strip())
        if shape.said and not shape.lines:
            self._out.paragraph(f"[Picture: {shape.said}]")
        if shape.image:
            self._image(shape, relations)
        if shape.address:
            self._out.paragraph(shape.address)
        self._part(shape.chart, "chart", relations)
        self._part(shape.diagram, "diagram", relations)

    def _image(self, shape: Shape, relations: dict[str, Relation]) -> None:
        """Add the text of a picture; a picture without description and text is counted."""
        relation = relations.get(shape.image)
        known = relation is not None and relation.target in self._package
        text = self._pictures.text(self._package.read(relation.target)) if relation is not None and known else ""
        self._out.paragraph(text)
        if not text and not shape.said and not shape.decorative:
            self._losses.add("picture")

    def _part(self, identity: str, kind: str, relations: dict[str, Relation]) -> None:
        if not identity:
            return
        relation = relations.get(identity)
        if relation is None or relation.target not in self._package:
            self._losses.add(kind)
            return
        try:
            if kind == "chart":
                add_chart(self._out, read_chart(self._package.events(relation.target)))
            else:
                add_diagram(self._out, read_diagram(self._package.events(relation.target)))
        except ExtractionError as error:
            if error.reason != "damaged":
                raise
            self._losses.add(kind)

    def _remarks(self, relations: dict[str, Relation]) -> None:
        for relation in relations.values():
            if relation.kind == "comments" and relation.target in self._package:
                lines = list(read_comments(self._package.events(relation.target), self._authors))
                if self._limits.comments == "drop":
                    self._losses.add("comment", len(lines))
                    continue
                for line in lines:
                    self._out.paragraph(line)
        for relation in relations.values():
            if relation.kind == "notesSlide" and relation.target in self._package:
                addresses = self._package.addresses(relation.target)
                notes = ShapeReader(addresses, Losses()).read(self._package.events(relation.target))
                lines = [line for shape in notes.shapes if shape.placeholder not in _FURNITURE for line in shape.lines]
                if lines:
                    self._out.paragraph("Notes: " + "\n".join(lines))


def _in_order(shapes: list[Shape], layout: Layout) -> list[Shape]:
    """Return shapes in reading order, with groups expanded; a group is ordered as one shape."""
    order: list[Shape] = []
    waiting = [_sorted(shapes, layout)[::-1]]
    while waiting:
        level = waiting[-1]
        if not level:
            waiting.pop()
            continue
        shape = level.pop()
        order.append(shape)
        if shape.shapes:
            waiting.append(_sorted(shape.shapes, layout)[::-1])
    return order


def _sorted(shapes: list[Shape], layout: Layout) -> list[Shape]:
    shown = [shape for shape in shapes if not shape.is_blank()]
    boxes = [shape.box or (layout.box(shape) if shape.placeholder else None) for shape in shown]
    return [shown[index] for index in reading_order(boxes)]
