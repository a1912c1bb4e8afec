"""XML of documents (DocBook, DITA, JATS, TEI) as headings, paragraphs, lists, tables and code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from ragkit_ingest.readers.base import TextBuilder
from ragkit_ingest.readers.data.xml_words import (
    CELLS,
    CODE,
    HEADINGS,
    INLINE,
    ITEMS,
    LINKS,
    NUMBER_FORMS,
    NUMBERED,
    PARAGRAPHS,
    ROWS,
    SECTIONS,
    TABLES,
    as_raised,
)
from ragkit_ingest.readers.grid import Cell, add_grid
from ragkit_ingest.readers.links import address_after
from ragkit_ingest.readers.office.number_formats import formatted
from ragkit_ingest.readers.titles import squeeze

_SPAN_LIMIT: Final = 1_000
_ITEM: Final = "\0"
"""Stands before the items of lists among lines; XML has no such character."""


@dataclass(slots=True)
class _Open:
    """An open element. lines: those of its children; pieces: its own text with that of inline children, in order.

    span: rows and columns that a cell of a table fills; cells: those of a row. form: how a list writes its numbers, ""
    for bullets; number: of its next item.
    """

    name: str
    link: str = ""
    look: str = ""
    span: tuple[int, int] = (1, 1)
    cells: list[Cell] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)
    form: str = ""
    number: int = 1

    def mark(self) -> str:
        """Count an item of a list, and return what stands before it."""
        self.number += 1
        return f"{formatted(self.number - 1, self.form)}. " if self.form else "- "


class ProseLayout:
    """Layout of prose: the names of elements are markup, and do not appear in the text."""

    def __init__(self, builder: TextBuilder) -> None:
        self.title = ""
        self._out = builder
        self._open: list[_Open] = []
        self._rows: list[list[Cell]] = []
        self._columns: list[str] = []  # names of the columns of the open table (CALS colspec)
        self._level = 0
        self._tables = 0

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        """Open an element."""
        name = name.lower()
        link = next((value for key, value in attributes.items() if key.rpartition(" ")[2] in ("href", "url")), "")
        if name in SECTIONS or name in TABLES:
            self._settle()
            self._level += name in SECTIONS
            self._tables += name in TABLES
        elif name == "colspec":
            self._columns.append(attributes.get("colname", f"{len(self._columns) + 1}"))
        look = attributes.get("rend", "") if name == "hi" else ""
        span = _span(attributes, self._columns) if name in CELLS else (1, 1)
        form = _form(name, attributes)
        start = _count(attributes.get("startingnumber", "")) or 1
        self._open.append(_Open(name, link if name in LINKS else "", look, span, form=form, number=start))

    def text(self, words: str) -> None:
        """Add characters to the element that is open."""
        self._open[-1].pieces.append(words)

    def end(self) -> None:
        """Close the element that is open."""
        element = self._open.pop()
        above = self._open[-1] if self._open else element
        if element.name in HEADINGS and not self._in_item():
            self._heading(element)
        elif element.name in CODE:
            self._settle()
            self._out.code("".join(element.pieces))
        elif element.name in INLINE:
            words = as_raised(element.name, "".join(element.pieces), element.look)
            above.pieces.append(words + address_after(words, element.link))
        elif element.name in ROWS and self._tables:
            self._rows.append(element.cells or [Cell(_flat([*element.lines, _words(element)]))])
        elif element.name in TABLES:
            self._table(element)
        else:
            self._block(element, above)

    def _block(self, element: _Open, above: _Open) -> None:
        words = _words(element)
        lines = [*element.lines, words] if words else element.lines
        if element.name in SECTIONS:
            self._put(lines)
            self._level -= 1
        elif element.name in ITEMS:
            whole = " ".join(line.removeprefix(_ITEM).removeprefix("- ") for line in lines)
            above.lines += [f"{_ITEM}{above.mark()}{whole}"] if lines else []
        elif self._tables and element.name in CELLS:
            above.cells.append(Cell(_flat(lines), *element.span, heads=self._heads(element)))
        elif not self._open:
            self._put(lines)
        else:
            above.lines += lines
            if element.name in PARAGRAPHS and not self._in_item() and not self._tables:
                self._settle()

    def _heading(self, element: _Open) -> None:
        words = _words(element)
        if self._tables:
            self._put([words])
            return
        self._settle()
        if not self.title and self._level <= 1:
            self.title = words
        self._out.heading(words, max(1, self._level))

    def _table(self, element: _Open) -> None:
        self._tables -= 1
        if not self._tables:
            add_grid(self._out, self._rows)
            self._rows, self._columns = [], []
        self._put(element.lines)

    def _heads(self, cell: _Open) -> bool:
        """Tell whether a cell names columns."""
        return cell.name == "th" or any(element.name in ("thead", "sthead") for element in self._open)

    def _in_item(self) -> bool:
        return any(element.name in ITEMS for element in self._open)

    def _settle(self) -> None:
        """Write the text that the open elements have so far, the outermost first."""
        for element in self._open:
            words = _words(element) if element.name not in ITEMS else ""
            if element.lines or words:
                self._put([*element.lines, words])
                element.lines = []
                element.pieces = [] if words else element.pieces

    def _put(self, lines: list[str]) -> None:
        items: list[str] = []
        for line in [*lines, ""]:
            if line.startswith(_ITEM):
                items.append(line.removeprefix(_ITEM))
                continue
            if items:
                self._out.items(items)
                items = []
            self._out.paragraph(line)


def _form(name: str, attributes: Mapping[str, str]) -> str:
    """Return how the items of an element are numbered, as Word names it; "" for bullets and for other elements."""
    if name != "list" and name not in NUMBERED:
        return ""
    named = (attributes.get(key, "").lower() for key in ("numeration", "list-type", "rend", "type"))
    return next((NUMBER_FORMS[one] for one in named if one in NUMBER_FORMS), NUMBERED.get(name, ""))


def _flat(lines: Sequence[str]) -> str:
    """Return lines, items of lists among them, on one line."""
    return " ".join(line.removeprefix(_ITEM) for line in lines)


def _words(element: _Open) -> str:
    return squeeze("".join(element.pieces))


def _span(attributes: Mapping[str, str], columns: list[str]) -> tuple[int, int]:
    """Return how many rows and columns a cell fills: HTML's rowspan, TEI's rows, CALS' morerows and column names."""
    rows = _count(attributes.get("rowspan") or attributes.get("rows", "")) or _count(attributes.get("morerows", "")) + 1
    first, last = attributes.get("namest", ""), attributes.get("nameend", "")
    if first in columns and last in columns:
        return rows, max(1, columns.index(last) - columns.index(first) + 1)
    return rows, _count(attributes.get("colspan") or attributes.get("cols", "")) or 1


def _count(text: str) -> int:
    """Return a number of rows or columns, 0 for an invalid one."""
    digits = text.strip()[:6]
    return min(int(digits), _SPAN_LIMIT) if digits.isascii() and digits.isdecimal() else 0
