"""Tables of a page while they are read: cells with their spans, or prose where the table was for layout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from ragkit_ingest.readers.base import TextBuilder
from ragkit_ingest.readers.grid import Cell, add_grid
from ragkit_ingest.readers.titles import squeeze

_CELL_LIMIT: Final = 1_500  # a cell of more characters than this is prose: the table was for layout
_SPAN_LIMIT: Final = 1_000


@dataclass(slots=True)
class _OpenCell:
    """A cell that is being read."""

    heads: bool
    rows: int
    columns: int
    words: list[str] = field(default_factory=list)
    items: int = 0  # of lists in it

    def done(self) -> Cell:
        return Cell(" ".join(self.words), self.rows, self.columns, heads=self.heads)


@dataclass(slots=True)
class HtmlTable:
    """A table that is being read; layout: a cell holds more than words, so all become prose."""

    caption: str = ""
    layout: bool = False
    cell: _OpenCell | None = None
    has_heads: bool = False
    in_head: bool = False
    _rows: list[list[Cell]] = field(default_factory=list)
    _foot: list[list[Cell]] = field(default_factory=list)
    _part: str = ""  # the tag of the open group of rows
    _group: int = 0  # its first row

    def start_part(self, tag: str, attributes: Mapping[str, str]) -> None:
        """Begin a row, a cell or a group of rows."""
        if tag in ("thead", "tbody", "tfoot"):
            self.end_cell()
            self._end_group(tag)
        elif tag == "tr":
            self.end_cell()
            self._rows.append([])
        elif tag in ("td", "th"):
            self.end_cell()
            if not self._rows:
                self._rows.append([])
            heads = tag == "th" or self.in_head
            self.has_heads = self.has_heads or heads
            rows = 65_534 if attributes.get("rowspan", "").strip() == "0" else _span(attributes.get("rowspan", ""))
            self.cell = _OpenCell(heads, rows, _span(attributes.get("colspan", "")))

    def _end_group(self, following: str = "") -> None:
        """End a group of rows: no cell reaches beyond it, and a foot stands last, as browsers show it."""
        rows = self._rows[self._group :]
        del self._rows[self._group :]
        clipped = [[replace(cell, rows=min(cell.rows, len(rows) - at)) for cell in row] for at, row in enumerate(rows)]
        (self._foot if self._part == "tfoot" else self._rows).extend(clipped)
        self._part, self._group, self.in_head = following, len(self._rows), following == "thead"

    def _close(self) -> None:
        """End the last group of rows, and put those of the foot below the others."""
        self._end_group()
        self._rows += self._foot
        self._foot.clear()

    def end_cell(self) -> None:
        """End the open cell."""
        if self.cell is not None:
            self._rows[-1].append(self.cell.done())
            self.cell = None

    def put(self, text: str, *, mark: str = "") -> bool:
        """Add text to the open cell, an item of a list after a semicolon; False when none is open."""
        if self.cell is None:
            return False
        if mark:
            if self.cell.items and self.cell.words:
                self.cell.words[-1] += ";"
            self.cell.items += 1
            text = text if mark == "- " else mark + text
        self.cell.words.append(text)
        return True

    def become_layout(self, out: TextBuilder) -> None:
        """Turn the cells read so far into paragraphs; the following ones become prose, too."""
        self.layout = True
        if self.cell is not None and self._rows:
            self._rows[-1].append(self.cell.done())
        self.cell = None
        self._close()
        self._prose(out)

    def inline(self) -> str:
        """Return the table on one line, for the cell that holds it: cells by commas, rows by semicolons."""
        self._close()
        rows = [", ".join(squeeze(cell.text) for cell in row if cell.text.strip()) for row in self._rows]
        return "; ".join(filter(None, [self.caption, *rows]))

    def add_to(self, out: TextBuilder) -> None:
        """Add the table; one column, or a very long cell, is prose."""
        self._close()
        places = max((sum(cell.columns for cell in row) for row in self._rows), default=0)
        longest = max((len(cell.text) for row in self._rows for cell in row), default=0)
        if places < 2 or (longest > _CELL_LIMIT and not self.has_heads):
            out.paragraph(self.caption)
            self._prose(out)
            return
        first = self._rows[0] if self._rows else []
        mixed = any(cell.heads for cell in first) and not all(cell.heads or not cell.text.strip() for cell in first)
        add_grid(out, self._rows, header=False if mixed else None, caption=self.caption)

    def _prose(self, out: TextBuilder) -> None:
        for row in self._rows:
            for cell in row:
                out.paragraph(cell.text)
        self._rows, self._group = [[]], 0


def _span(value: str) -> int:
    digits = value.strip()[:6]
    return min(max(int(digits), 1), _SPAN_LIMIT) if digits.isascii() and digits.isdecimal() else 1
