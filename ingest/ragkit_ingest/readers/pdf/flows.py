"""Rows of a page from top to bottom, where the file draws an upper part (such as a headline) after a lower one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ragkit_ingest.readers.pdf.rows import Row

_UP = 0.5  # a row this many letter heights above the one before it begins a new flow
_DOWN = 4.0  # so does one this far below it
_OVERLAP = 0.3  # share of the narrower flow's width that must be above the other one
_LETTERS = 10  # a flow of fewer is a mark or a label, which stays where it is drawn
_MOST = 500  # a page of more flows is a drawing
_ROOM = 2.0  # points that flows below each other may share


@dataclass(frozen=True, slots=True)
class _Flow:
    """Consecutive rows down the page, and their box in points."""

    rows: Sequence[Row]
    left: float
    right: float
    bottom: float
    top: float
    letters: int

    def is_above(self, other: _Flow) -> bool:
        return self.bottom >= other.top - _ROOM

    def is_over(self, other: _Flow) -> bool:
        shared = min(self.right, other.right) - max(self.left, other.left)
        return shared > _OVERLAP * min(self.right - self.left, other.right - other.left)


def from_top(rows: list[Row]) -> list[Row]:
    """Return the rows with each flow put before the flows that stand wholly below it; columns keep their order.

    A flow moves only when all that it passes is below it, and the first of that is under it: so the second column of a
    page never gets between the parts of the first.
    """
    if not any(_rises(above, below) for above, below in pairwise(rows)) or not all(row.parts[0].height for row in rows):
        return rows
    flows = [*_flows(rows)]
    if len(flows) > _MOST:
        return rows
    placed: list[_Flow] = []
    for flow in flows:
        at = len(placed)
        while at and flow.letters >= _LETTERS and flow.is_above(placed[at - 1]):
            at -= 1
        while at < len(placed) and not flow.is_over(placed[at]):
            at += 1
        placed.insert(at, flow)
    return [row for flow in placed for row in flow.rows]


def _rises(above: Row, below: Row) -> bool:
    if above.cells and below.table == above.table:
        return False
    return below.parts[0].bottom - above.parts[0].bottom > _UP * max(below.parts[0].height, above.parts[0].height)


def _flows(rows: Sequence[Row]) -> Iterator[_Flow]:
    start = 0
    for at in range(1, len(rows) + 1):
        if at < len(rows) and not _breaks(rows[at - 1], rows[at]):
            continue
        own = rows[start:at]
        parts = [part for row in own for part in row.parts]
        yield _Flow(
            own,
            min(part.left for part in parts),
            max(part.right for part in parts),
            min(part.bottom for part in parts),
            max(part.bottom + part.height for part in parts),
            sum(len(part.text) for part in parts),
        )
        start = at


def _breaks(above: Row, below: Row) -> bool:
    if above.cells and below.table == above.table:
        return False
    step = above.parts[0].bottom - below.parts[0].bottom
    height = max(above.parts[0].height, below.parts[0].height)
    return step < -_UP * height or step > _DOWN * height
