"""Blocks of rows that share columns, found from the boxes of their parts alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median
from typing import Generic, Protocol, TypeVar

GAP = 0.75  # parts of a row are so many letter heights apart, at least
_GUTTER = 0.35  # columns stay apart by so many letter heights over all their rows
_HEADING = 1.25  # a part by itself with letters so much higher is a heading, and ends a block
_STEP = 2.6  # rows of one block are at most so many letter heights apart


class Boxed(Protocol):
    """Something with a place on the page, in points from the lower left."""

    left: float
    right: float
    bottom: float
    height: float


Part = TypeVar("Part", bound=Boxed)


@dataclass(slots=True)
class Rows(Generic[Part]):
    """Rows [start, end) of a page that share columns. columns: (left, right) of each, from left to right.

    heads: rows above them with names that stand over several columns; they are among [start, end).
    """

    start: int
    rows: list[list[Part]] = field(default_factory=list)
    columns: list[tuple[float, float]] = field(default_factory=list)
    heads: list[list[Part]] = field(default_factory=list)

    @property
    def end(self) -> int:
        """Index of the row after the last one."""
        return self.start + len(self.heads) + len(self.rows)

    def over(self, part: Part) -> list[int]:
        """Return the columns that a part stands over: those that it overlaps, or both beside its middle."""
        found = [
            at
            for at, (left, right) in enumerate(self.columns)
            if min(part.right, right) - max(part.left, left) > 0.3 * min(part.right - part.left, right - left)
        ]
        if found:
            return found
        middle = (part.left + part.right) / 2
        between = (at for at, (left, _) in enumerate(self.columns[:-1]) if left <= middle <= self.columns[at + 1][1])
        at = next(between, -1)
        return [at, at + 1] if at >= 0 else []

    def cells(self, row: Sequence[Part]) -> list[list[Part]]:
        """Return the parts of a row by column."""
        found: list[list[Part]] = [[] for _ in self.columns]
        last = len(self.columns) - 1
        for part in row:
            at = 0
            while at < last and self.columns[at][1] <= part.left:
                at += 1
            found[at].append(part)
        return found


def column_of(part: Boxed, columns: Sequence[tuple[float, float]]) -> int:
    """Return the index of the column that a part overlaps most, else the nearest one."""
    return max(range(len(columns)), key=lambda at: min(part.right, columns[at][1]) - max(part.left, columns[at][0]))


def blocks_of(rows: Sequence[list[Part]]) -> list[Rows[Part]]:
    """Return the blocks of rows that share at least two columns, with at least two rows of several parts."""
    found: list[Rows[Part]] = []
    current: Rows[Part] | None = None
    for index, row in enumerate(rows):
        heads = current.rows if current is not None and _heads(current, row) else []
        joined = _grown(current, row) if current is not None and not heads else None
        if current is not None and joined is not None:
            current.rows.append(row)
            current.columns = joined
            continue
        start = current.start if current is not None and heads else index
        if not heads:
            _keep(found, current)
        spans = [(part.left, part.right) for part in row]
        current = Rows(start, [row], spans, heads) if len(row) > 1 else None
    _keep(found, current)
    return found


def _heads(block: Rows[Part], row: Sequence[Part]) -> bool:
    """Tell whether a block is only a row of names, over the columns that the next row separates."""
    if len(block.rows) != 1 or block.heads or not _near(block.rows[0], row) or len(row) <= len(block.rows[0]):
        return False
    spans: list[int] = []
    for part in block.rows[0]:
        under = sum(min(part.right, one.right) - max(part.left, one.left) > 0 for one in row)
        middle = (part.left + part.right) / 2
        around = [at for at, one in enumerate(row[:-1]) if one.left <= middle <= row[at + 1].right]
        spans.append(max(under, 2 if around and under == 0 else 1))
    return len(spans) > 1 and all(span > 1 for span in spans[1:])


def _near(above: Sequence[Part], below: Sequence[Part]) -> bool:
    return 0 < above[0].bottom - below[0].bottom < _STEP * max(above[0].height, below[0].height)


def _keep(found: list[Rows[Part]], block: Rows[Part] | None) -> None:
    if block is None:
        return
    while block.rows and len(block.rows[-1]) < 2 and column_of(block.rows[-1][0], block.columns) == 0 and _apart(block):
        block.rows.pop()
    if sum(len(row) > 1 for row in block.rows) >= 2:
        found.append(block)


def _apart(block: Rows[Part]) -> bool:
    """Tell whether the last row stands farther from the one above than the rows of the block usually do."""
    steps = [above[0].bottom - below[0].bottom for above, below in pairwise(block.rows)]
    return len(steps) > 1 and steps[-1] > 1.3 * median(steps[:-1])


def _grown(block: Rows[Part], row: Sequence[Part]) -> list[tuple[float, float]] | None:
    """Return the columns of a block with one more row, None when the row spans them or is too far away."""
    if not _near(block.rows[-1], row) or (len(row) > 1 and _splits(block, row)):
        return None
    if len(row) == 1 and row[0].height > _HEADING * max(part.height for part in block.rows[-1]):
        return None
    merged = merged_spans([*block.columns, *((part.left, part.right) for part in row)], _GUTTER * row[0].height)
    return merged if len(merged) >= len(block.columns) or _widens_first(block, row, merged) else None


def merged_spans(spans: Sequence[tuple[float, float]], room: float) -> list[tuple[float, float]]:
    """Return spans from left to right with those joined that are not farther apart than `room`, in points."""
    merged: list[tuple[float, float]] = []
    for left, right in sorted(spans):
        if merged and left < merged[-1][1] + room:
            merged[-1] = (merged[-1][0], max(merged[-1][1], right))
        else:
            merged.append((left, right))
    return merged


def _widens_first(block: Rows[Part], row: Sequence[Part], merged: Sequence[tuple[float, float]]) -> bool:
    """Tell whether a row shows that the first two columns are one: a name in the middle of the column and narrow
    cells at its left look like two until a wide cell lies over both."""
    if len(merged) != len(block.columns) - 1 or len(merged) < 2 or len(row) < 2 or row[0].right < block.columns[1][0]:
        return False
    places = ([column_of(part, merged) for part in one] for one in [*block.rows, row])
    return all(len(set(found)) == len(found) for found in places)


def _splits(block: Rows[Part], row: Sequence[Part]) -> bool:
    """Tell whether two parts of a row stand in one column of a block: what it has so far are names over columns."""
    if len(block.rows) != 1 or len(row) <= len(block.columns):
        return False
    places = [column_of(part, block.columns) for part in row if block.over(part)]
    return len(set(places)) < len(places)
