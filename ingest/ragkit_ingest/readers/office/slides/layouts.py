"""Layouts and masters of slides: the boxes of placeholders, and the text on every slide."""

from __future__ import annotations

from dataclasses import dataclass, field

from ragkit_ingest.readers.office.losses import Losses
from ragkit_ingest.readers.office.slides.shapes import Shape, ShapeReader
from ragkit_ingest.readers.places import Box
from ragkit_ingest.readers.zip_package import Parts

_ALIKE = {"ctrTitle": "title", "subTitle": "body", "obj": "body"}
"""Types of placeholders that a master has under another name."""


@dataclass(slots=True)
class Layout:
    """Boxes of placeholders by index and by type, and the texts of other shapes; parent: the master of a layout."""

    by_index: dict[str, Box] = field(default_factory=dict)
    by_type: dict[str, Box] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)
    parent: Layout | None = None

    def box(self, shape: Shape) -> Box | None:
        """Return the inherited box of a placeholder; None when no layout or master has it."""
        own = self.by_index.get(shape.index)
        kind = self.types.get(shape.index, "")
        if own is None and not kind:  # the slide changed its layout: a placeholder of the same type stands for it
            kind = shape.placeholder
            own = self.by_type.get(kind)
        if own is not None or self.parent is None:
            return own
        return self.parent.by_type.get(kind) or self.parent.by_type.get(_ALIKE.get(kind, ""))


class Layouts:
    """Reads each layout and master once."""

    def __init__(self, package: Parts) -> None:
        self._package = package
        self._known: dict[str, Layout] = {}

    def of(self, part: str, kind: str = "slideLayout") -> Layout:
        """Return the layout of a slide, or the master of a layout; an empty one when it has none."""
        relations = self._package.relations(part).values()
        target = next((item.target for item in relations if item.kind == kind), "")
        if target not in self._package:
            return Layout()
        if target not in self._known:
            layout = self._known[target] = self._read(target)
            if kind == "slideLayout":
                layout.parent = self.of(target, "slideMaster")
        return self._known[target]

    def _read(self, part: str) -> Layout:
        layout = Layout()
        slide = ShapeReader({}, Losses()).read(self._package.events(part))
        waiting = list(reversed(slide.shapes))
        while waiting:
            shape = waiting.pop()
            waiting.extend(reversed(shape.shapes))
            if not shape.placeholder:
                layout.texts += [line.strip() for line in shape.lines]
                continue
            layout.types[shape.index] = shape.placeholder
            if shape.box is not None:
                layout.by_index.setdefault(shape.index, shape.box)
                layout.by_type.setdefault(shape.placeholder, shape.box)
        return layout
