"""ODP: a page is a slide; its title is a heading, shapes follow by their place, notes and comments come last."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from ragkit_ingest.readers.base import TextBuilder
from ragkit_ingest.readers.odf.blocks import Blocks
from ragkit_ingest.readers.odf.inline import SHAPES, Inline
from ragkit_ingest.readers.odf.nodes import Node

CONTAINERS: Final = frozenset(["document-content", "document", "body", "presentation", "drawing"])
_FURNITURE: Final = frozenset(["date-time", "footer", "page-number", "header", "handout"])
_LENGTH: Final = re.compile(r"(-?\d+(?:\.\d+)?)\s*(cm|mm|in|pt|pc|px)?")
_UNITS: Final = {"cm": 1.0, "mm": 0.1, "in": 2.54, "pt": 2.54 / 72, "pc": 2.54 / 6, "px": 2.54 / 96}
_SAME_LINE: Final = 0.5  # cm


def add_slide(out: TextBuilder, blocks: Blocks, inline: Inline, page: Node, *, number: int, keep_hidden: bool) -> None:
    """Add a slide; a hidden one is left out and reported."""
    out.page()
    hidden = inline.styles.style(page.get("style-name")).hidden
    if hidden and not keep_hidden:
        out.warn(f"slide {number:,} is hidden and was left out")
        return
    before = out.size
    shapes = [child for child in page.nodes() if child.name in SHAPES and child.get("class") not in _FURNITURE]
    for title in shapes:
        if title.get("class") == "title":
            out.heading(inline.words_of(title), 1)
    for shape in _by_place([shape for shape in shapes if shape.get("class") != "title"]):
        blocks.add(shape)
    for child in page.nodes():
        if child.name == "notes":
            _add_notes(out, inline, child)
        elif child.name == "annotation":
            blocks.add(child)
    if out.size == before:
        out.warn(f"slide {number:,} has no text")


def _add_notes(out: TextBuilder, inline: Inline, notes: Node) -> None:
    words = [inline.words_of(shape) for shape in notes.nodes() if _is_text(shape)]
    words.extend(inline.words_of(item) for item in inline.later if isinstance(item, Node))
    inline.later.clear()
    text = "\n".join(filter(None, words))
    out.paragraph(f"Notes: {text}" if text else "")


def _is_text(shape: Node) -> bool:
    return shape.name in SHAPES and shape.name != "page-thumbnail" and shape.get("class") not in _FURNITURE


def _by_place(shapes: list[Node]) -> list[Node]:
    """Return shapes in reading order: from top to bottom; those that stand beside each other from left to right."""
    placed = sorted((_placed(shape, order) for order, shape in enumerate(shapes)), key=lambda one: (one.top, one.order))
    bands: list[list[_Placed]] = []
    for one in placed:
        if bands and any(one.beside(other) for other in bands[-1]):
            bands[-1].append(one)
        else:
            bands.append([one])
    return [one.shape for band in bands for one in sorted(band, key=lambda one: (round(one.left), one.top, one.order))]


@dataclass(frozen=True, slots=True)
class _Placed:
    """A shape with its place in cm."""

    shape: Node
    order: int
    top: float
    left: float
    height: float

    def beside(self, other: _Placed) -> bool:
        """Tell whether two shapes share at least half of the height of the lower one, or begin at the same height."""
        shared = min(self.top + self.height, other.top + other.height) - max(self.top, other.top)
        return abs(self.top - other.top) <= _SAME_LINE or shared > min(self.height, other.height) / 2 > 0


def _placed(shape: Node, order: int) -> _Placed:
    top, left = _place(shape)
    return _Placed(shape, order, top, left, _length(shape.get("height")))


def _place(shape: Node) -> tuple[float, float]:
    """Return (top, left) in cm; a group stands where the first of its shapes does."""
    if shape.name == "g" and not shape.get("y"):
        return min((_place(child) for child in shape.nodes() if child.name in SHAPES), default=(0.0, 0.0))
    return _length(shape.get("y") or shape.get("y1")), _length(shape.get("x") or shape.get("x1"))


def _length(text: str) -> float:
    match = _LENGTH.fullmatch(text.strip())
    return float(match.group(1)) * _UNITS[match.group(2) or "cm"] if match is not None else 0.0
