"""The order in which a person reads the shapes of a slide: rows from the top, each from the left, columns apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

_MOST: Final = 200  # shapes of one group; more are sorted by their corners
_SLACK: Final = 0.15  # of a box's size: so far may boxes overlap and still stand in two rows or columns


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
    for start, size in ((1, 3), (0, 2)):
        parts = _cut(group, boxes, start, size)
        if len(parts) > 1:
            return parts
    behind = _background(group, boxes)
    return [[behind], [index for index in group if index != behind]] if behind is not None else []


def _cut(group: list[int], boxes: dict[int, Box], start: int, size: int) -> list[list[int]]:
    """Return the group in parts that a straight line tells apart, in order; start, size: fields of Box."""
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


def _background(group: list[int], boxes: dict[int, Box]) -> int | None:
    """Return the shape that lies behind all others, None when there is none."""
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
