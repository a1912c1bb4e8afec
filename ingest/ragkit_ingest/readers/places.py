"""The order in which a person reads the shapes of a slide: rows from the top, each from the left, columns apart.

Heads in a row stand before what is below each of them, as on the layout "Comparison".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

_MOST: Final = 200  # shapes of one group; more are sorted by their corners
_SLACK: Final = 0.15  # share of a box's size that boxes may overlap and still be in two rows or columns

_IN_LINE: Final = 0.7  # of the smaller width: so much do a head and what is below it share


class Box(NamedTuple):
    """Where a shape stands: left, top, width and height in EMU."""

    left: int
    top: int
    width: int
    height: int


def reading_order(boxes: Sequence[Box | None]) -> list[int]:
    """Return the indices of boxes in reading order, by recursive cuts (XY-cut: rows first); those of None come last.

    Where boxes overlap so that no cut parts them, their upper left corners decide.
    """
    placed = {index: box for index, box in enumerate(boxes) if box is not None}
    order: list[int] = []
    waiting = [list(placed)]
    while waiting:
        group = waiting.pop()
        if len(group) < 2:
            order += group
            continue
        parts = _parts(group, placed) if len(group) <= _MOST else []
        if len(parts) > 1:
            waiting.extend(reversed(parts))
        else:
            order += _by_corner(group, placed)
    return order + [index for index, box in enumerate(boxes) if box is None]


def _parts(group: list[int], boxes: dict[int, Box]) -> list[list[int]]:
    for parts in (_with_heads(_cut(group, boxes, 1, 3), boxes), _cut(group, boxes, 0, 2)):
        if len(parts) > 1:
            return parts
    behind = _background(group, boxes)
    return [[behind], [index for index in group if index != behind]] if behind is not None else []


def _cut(group: list[int], boxes: dict[int, Box], start: int, size: int) -> list[list[int]]:
    """Return the group in the parts that a straight line separates, in order; start, size: fields of Box."""
    spans = sorted(
        (
            boxes[index][start] + boxes[index][size] * _SLACK,
            boxes[index][start] + boxes[index][size] * (1 - _SLACK),
            index,
        )
        for index in group
    )
    parts: list[list[int]] = []
    end = 0.0
    for low, high, index in spans:
        if not parts or low >= end:
            parts.append([])
            end = high
        parts[-1].append(index)
        end = max(end, high)
    return parts


def _with_heads(rows: list[list[int]], boxes: dict[int, Box]) -> list[list[int]]:
    """Return rows, with each row of column heads joined to the row below it, so that they are cut by columns.

    Heads are recognised by their height: far lower than the box right below them. Three rows in line are a table.
    """
    joined: list[list[int]] = []
    above = [_spread(row, boxes) for row in rows]
    at = 0
    while at < len(rows):
        heads, bodies, after = (*above[at : at + 3], [], [])[:3]
        low = all(head.height * 1.5 <= body.height for head, body in zip(heads, bodies, strict=False))
        near = all(body.top - head.top <= head.height * 2 for head, body in zip(heads, bodies, strict=False))
        if low and near and _in_line(heads, bodies) and not _in_line(bodies, after):
            joined.append(rows[at] + rows[at + 1])
            at += 2
        else:
            joined.append(rows[at])
            at += 1
    return joined


def _spread(row: list[int], boxes: dict[int, Box]) -> list[Box]:
    return sorted(boxes[index] for index in row)


def _in_line(upper: list[Box], lower: list[Box]) -> bool:
    """Tell whether two rows have as many boxes, more than one, each below another."""
    if len(upper) != len(lower) or len(upper) < 2:
        return False
    for one, other in zip(upper, lower, strict=True):
        shared = min(one.left + one.width, other.left + other.width) - max(one.left, other.left)
        if shared < min(one.width, other.width) * _IN_LINE:
            return False
    return True


def _background(group: list[int], boxes: dict[int, Box]) -> int | None:
    """Return the background shape, which encloses all others, None when there is none."""
    largest = max(group, key=lambda index: boxes[index].width * boxes[index].height)
    around = boxes[largest]
    for index in group:
        box = boxes[index]
        if index != largest and not (
            around.left <= box.left + box.width / 2 <= around.left + around.width
            and around.top <= box.top + box.height / 2 <= around.top + around.height
            and box.width * box.height * 2 < around.width * around.height
        ):
            return None
    return largest


def _by_corner(group: list[int], boxes: dict[int, Box]) -> list[int]:
    rows: list[list[int]] = []
    for index in sorted(group, key=lambda index: (boxes[index].top, boxes[index].left)):
        first = boxes[rows[-1][0]] if rows else None
        if first is not None and boxes[index].top - first.top < min(first.height, boxes[index].height) * 0.25:
            rows[-1].append(index)
        else:
            rows.append([index])
    return [index for row in rows for index in sorted(row, key=lambda index: boxes[index].left)]
