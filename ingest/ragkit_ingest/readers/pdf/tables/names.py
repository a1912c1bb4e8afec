"""Column names that are close together, separated by the columns below them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ragkit_ingest.readers.pdf.geometry import Rows, column_of, merged_spans
from ragkit_ingest.readers.pdf.glyphs import Part

_STEP = 2.6  # letter heights between the names and the first row, at most
_SHARE = 0.6  # so many of the columns have a name, at least
_COLUMNS = 3
_GUTTER = 0.35  # letter heights between columns over all their rows


def with_names(block: Rows[Part], words: Callable[[int], Sequence[Part]], floor: int) -> Rows[Part]:
    """Return a block of rows with the row of names above it, if each of its words is above a different column.

    words: gives the parts of a row of the page by narrow gaps. floor: index of the first row that is free.
    """
    if len(block.heads) == 1:
        return _headed(block, words(block.start), block.start)
    if block.heads or len(block.columns) < _COLUMNS:
        return block
    parts = words(block.start)
    if len(parts) > len(block.rows[0]) and len(block.rows) > 1:  # names that were taken for one
        below = [(part.left, part.right) for row in block.rows[1:] for part in row]
        columns = merged_spans(below, _GUTTER * parts[0].height)
        named = _headed(Rows(block.start + 1, block.rows[1:], columns), parts, block.start)
        if named.start == block.start:
            return named
    first = block.start - 1
    return _headed(block, words(first), first) if first >= floor else block


def _headed(block: Rows[Part], parts: Sequence[Part], start: int) -> Rows[Part]:
    """Return a block with the row of names at `start`; the block unchanged where they are not its names."""
    columns = _named_columns(block, parts)
    return Rows(start, [[*parts], *block.rows], columns) if columns else block


def _named_columns(block: Rows[Part], parts: Sequence[Part]) -> list[tuple[float, float]]:
    """Return the columns of a block, widened to their names; [] where the parts do not name its columns."""
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
