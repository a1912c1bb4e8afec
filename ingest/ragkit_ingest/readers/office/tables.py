"""Tables of Word documents and slides as rows of text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ragkit_ingest.readers.base import TextBuilder
from ragkit_ingest.readers.grid import Cell, add_grid, has_units
from ragkit_ingest.readers.titles import squeeze

_CELL_LIMIT: Final = 1_500  # a cell of more characters is prose: the table was for layout


def flat(rows: Sequence[Sequence[Cell]]) -> str:
    """Return a table inside a cell or a note on one line: cells by commas, rows by semicolons."""
    lines = (", ".join(filter(None, (squeeze(cell.text) for cell in row))) for row in rows)
    return "; ".join(filter(None, lines))


def add_table(out: TextBuilder, rows: Sequence[Sequence[Cell]]) -> None:
    """Add a table; one of a single column, or with prose in its cells, was for layout and becomes paragraphs."""
    cells = [cell for row in rows for cell in row]
    width = max((sum(cell.columns for cell in row) for row in rows), default=0)
    if width < 2 or max(len(cell.text) for cell in cells) > _CELL_LIMIT or max(map(len, rows)) < 2:
        for cell in cells:
            out.paragraph(cell.text)
        return
    headed = [bool(row) and all(cell.heads for cell in row) for row in rows]
    if (
        headed[1:2] == [True]
        or has_units(rows)
        or any(cell.rows > 1 or (cell.columns > 1 and cell.text) for cell in cells)
    ):
        add_grid(out, rows)
    else:
        plain = [[text for cell in row for text in (cell.text, *[""] * (cell.columns - 1))] for row in rows]
        out.table(plain, header=headed[0] or None)
