"""Names of columns that stand close together, told apart by the columns below them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ragkit_ingest.readers.pdf.geometry import Rows, column_of
from ragkit_ingest.readers.pdf.glyphs import Part

_STEP = 2.6  # letter heights between the names and the first row, at most
_SHARE = 0.6  # so many of the columns have a name, at least
_COLUMNS = 3


def with_names(block: Rows[Part], words: Callable[[int], Sequence[Part]], floor: int) -> Rows[Part]:
    """Return a block of rows with the row of names above it, where each of its words stands over a column of its own.

    words: gives the parts of a row of the page by narrow gaps. floor: index of the first row that is free.
    """
    if len(block.heads) == 1:
        parts = words(block.start)
        columns = _named_columns(block, parts)
        return Rows(block.start, [[*parts], *block.rows], columns) if columns else block
    first = block.start - 1
    if block.heads or first < floor or len(block.columns) < _COLUMNS:
        return block
    parts = words(first)
    columns = _named_columns(block, parts)
    return Rows(first, [[*parts], *block.rows], columns) if columns else block


def _named_columns(block: Rows[Part], parts: Sequence[Part]) -> list[tuple[float, float]]:
    """Return the columns of a block as wide as their names need; none where the parts are no names of its columns."""
    step = parts[0].bottom - block.rows[0][0].bottom if parts else 0.0
    if len(parts) < max(_COLUMNS, _SHARE * len(block.columns)) or not 0 < step < _STEP * parts[0].height:
        return []
    columns = [*block.columns]
    taken: set[int] = set()
    for part in parts:
        at = column_of(part, block.columns)
        before = columns[at - 1][1] if at else part.left
        behind = block.columns[at + 1][0] if at + 1 < len(columns) else part.right
        if at in taken or part.left < before or part.right > behind:
            return []
        taken.add(at)
        columns[at] = (min(part.left, columns[at][0]), max(part.right, columns[at][1]))
    return columns
