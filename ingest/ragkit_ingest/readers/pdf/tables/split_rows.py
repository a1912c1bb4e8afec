"""Rows of figures that share one band between two rules of a table, split by the heights of their figures."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from ragkit_ingest.readers.pdf.glyphs import Part
from ragkit_ingest.readers.pdf.tables.ruling import Ruled
from ragkit_ingest.readers.pdf.tables.runs import is_value

_LEVEL = 2.5  # points: parts that are nearer are at the same height
_PLACES = 4_000  # a grid of more has a rule for each row
_COLUMNS = 3  # so many columns must have the same levels


def split_rows(grid: Ruled, parts: Sequence[Part]) -> Ruled:
    """Return a grid with the bands split where most columns have figures on the same levels; a cell with one line, as a
    label in the middle of its group, then spans the rows of its band."""
    if len(grid.anchors) > _PLACES:
        return grid
    cells: dict[tuple[int, int], list[Part]] = {}
    for part in parts:
        place = grid.place((part.left + part.right) / 2, part.bottom + part.height / 2)
        if place is not None:
            cells.setdefault(place, []).append(part)
    for row in reversed(range(len(grid.ys) - 1)):
        own = {column: found for (at, column), found in cells.items() if at == row and grid.is_single(row, column)}
        levels, columns = _shared_levels(own)
        for above, below in reversed([*pairwise(levels)]):
            grid = grid.split(row, (above + below) / 2, columns)
    return grid


def _shared_levels(cells: dict[int, list[Part]]) -> tuple[list[float], frozenset[int]]:
    """Return the levels, from the top, that the columns of figures in a band share, and those columns; none where other
    cells have several lines, too."""
    levels = {column: _levels(parts) for column, parts in cells.items()}
    longest = max(levels.values(), key=len, default=[])
    alike = frozenset(column for column, found in levels.items() if _same(found, longest))
    figures = sum(all(is_value(word) for part in cells[column] for word in part.text.split()) for column in alike)
    if len(longest) < 2 or len(alike) < _COLUMNS or figures * 2 < len(alike):
        return [], frozenset()
    if any(len(found) > 1 for column, found in levels.items() if column not in alike):
        return [], frozenset()
    return longest, alike


def _levels(parts: Sequence[Part]) -> list[float]:
    """Return the middles of the lines of a cell, from the top."""
    found: list[float] = []
    for middle in sorted((part.bottom + part.height / 2 for part in parts), reverse=True):
        if not found or found[-1] - middle > _LEVEL:
            found.append(middle)
    return found


def _same(one: Sequence[float], other: Sequence[float]) -> bool:
    return len(one) == len(other) and all(abs(a - b) <= _LEVEL for a, b in zip(one, other, strict=True))
