"""ODP: a page is a slide; its title is a heading, shapes follow by their place, notes and comments come last."""

from __future__ import annotations

import re
from typing import Final

from ragkit_ingest.readers.base import TextBuilder
from ragkit_ingest.readers.odf.blocks import Blocks
from ragkit_ingest.readers.odf.inline import SHAPES, Inline
from ragkit_ingest.readers.odf.nodes import Node
from ragkit_ingest.readers.places import Box, reading_order

CONTAINERS: Final = frozenset(["document-content", "document", "body", "presentation", "drawing"])
_FURNITURE: Final = frozenset(["date-time", "footer", "page-number", "header", "handout"])
_LENGTH: Final = re.compile(r"(-?\d+(?:\.\d+)?)\s*(cm|mm|in|pt|pc|px)?")
_PLACE: Final = {"x": "0", "y": "0", "width": "1cm", "height": "1cm"}
_UNITS: Final = {"cm": 360_000, "mm": 36_000, "in": 914_400, "pt": 12_700, "pc": 152_400, "px": 9_525}


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
    """Return shapes in reading order."""
    return [shapes[index] for index in reading_order([_box(shape) for shape in shapes])]


def _box(shape: Node) -> Box | None:
    """Return the box of a shape; that of a group encloses its shapes; None where the file has none."""
    if shape.name == "g":
        inner = [box for child in shape.nodes() if child.name in SHAPES and (box := _box(child)) is not None]
        if not inner:
            return None
        left, top = min(box.left for box in inner), min(box.top for box in inner)
        right, bottom = max(box.left + box.width for box in inner), max(box.top + box.height for box in inner)
        return Box(left, top, right - left, bottom - top)
    if shape.get("x1"):
        left, right = sorted((_length(shape.get("x1")), _length(shape.get("x2"))))
        top, bottom = sorted((_length(shape.get("y1")), _length(shape.get("y2"))))
        return Box(left, top, right - left, bottom - top)
    if not shape.get("x") and not shape.get("y"):
        return None
    return Box(*(_length(shape.get(name) or default) for name, default in _PLACE.items()))


def _length(text: str) -> int:
    """Return a length in EMU (360,000 a cm)."""
    match = _LENGTH.fullmatch(text.strip())
    return round(float(match.group(1)) * _UNITS[match.group(2) or "cm"]) if match is not None else 0
