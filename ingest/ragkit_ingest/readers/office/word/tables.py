"""Tables of Word documents: spans over columns and rows, header rows, and tables that only lay out a page."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from ragkit_ingest.readers.grid import Cell

_MAX_SPAN: Final = 1_000


@dataclass(slots=True)
class _Place:
    """A cell while it is read. above: it continues the cell above it (vMerge)."""

    text: str
    columns: int
    above: bool
    rows: int = 1
    heads: bool = False


@dataclass(slots=True)
class CellState:
    """The properties of an open cell."""

    columns: int = 1
    above: bool = False
    beside: bool = False  # it goes on from the cell before it (hMerge)
    deleted: bool = False


@dataclass(slots=True)
class Table:
    """A table that is open."""

    rows: list[list[_Place]] = field(default_factory=list)
    heads: bool = False
    deleted: bool = False
    after: int = 0
    lost: int = 0  # rows and cells that a tracked change deletes

    def start_row(self) -> None:
        """Begin a row."""
        self.rows.append([])
        self.heads = self.deleted = False
        self.after = 0

    def skip(self, columns: int) -> None:
        """Leave columns blank before the first cell of the row."""
        if self.rows and columns > 0:
            self.rows[-1].append(_Place("", min(columns, _MAX_SPAN), above=False))

    def add(self, text: str, state: CellState) -> None:
        """Add a cell to the row."""
        if not self.rows:
            self.start_row()
        row = self.rows[-1]
        if state.deleted:
            self.lost += 1
            text = ""
        columns = min(max(1, state.columns), _MAX_SPAN)
        if state.beside and row:
            row[-1].columns += columns
            row[-1].text = "\n".join(filter(None, (row[-1].text, text)))
            return
        row.append(_Place(text, columns, above=state.above))

    def end_row(self) -> None:
        """End a row; one that a tracked change deletes is left out."""
        if not self.rows:
            return
        if self.deleted:
            self.rows.pop()
            self.lost += 1
            return
        if self.after:
            self.rows[-1].append(_Place("", min(self.after, _MAX_SPAN), above=False))
        for place in self.rows[-1]:
            place.heads = self.heads

    def cells(self) -> tuple[tuple[Cell, ...], ...]:
        """Return the cells; a cell over several rows is returned once, with its span."""
        open_: dict[int, _Place] = {}  # first column -> the cell that may go on below
        kept: list[list[_Place]] = []
        for row in self.rows:
            line: list[_Place] = []
            coming: dict[int, _Place] = {}
            column = 0
            for place in row:
                owner = open_.get(column) if place.above else None
                if owner is not None and owner.columns == place.columns:
                    owner.rows += 1
                    owner.text = "\n".join(filter(None, (owner.text, place.text)))
                    coming[column] = owner
                else:
                    line.append(place)
                    coming[column] = place
                column += place.columns
            open_ = coming
            kept.append(line)
        return tuple(tuple(Cell(one.text, one.rows, one.columns, one.heads) for one in row) for row in kept)
