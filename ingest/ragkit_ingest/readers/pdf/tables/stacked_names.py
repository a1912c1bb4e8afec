"""Names of columns that a page draws one by one, each of several lines, put into one row above their figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from ragkit_ingest.readers.pdf.geometry import merged_spans
from ragkit_ingest.readers.pdf.glyphs import Part
from ragkit_ingest.readers.pdf.tables.levels import has_letters, is_number, may_name

_COLUMNS = 3  # columns of figures, and names of them, at least
_MOST = 60  # names that are looked at
_SHARE = 0.6  # so many of the columns have a name, at least
_LINES = 4  # lines of a name, at most
_STEP = 1.4  # letter heights between the lines of a name, at most
_NEAR = 2.6  # letter heights between names and the figures below them, at most
_NEAR_GROUP = 2.5  # letter heights that names over several others are set above these, at most
_ALIKE = 0.12  # part of the height by which the letters of names differ, at most
_SAMPLE = 8  # rows of figures that are looked at for their columns
_GUTTER = 0.35  # letter heights between columns over all their rows

_ROOM = 0.4  # letter heights between a name and a column of signs, at least
_CURRENCY = frozenset("$€£¥")

_Stack = list[Part]
"""The lines of one name, from the lowest."""


def with_stacked_names(
    rows: Sequence[list[Part]], bold: Sequence[bool], split: Callable[[list[Part]], list[Part]]
) -> tuple[list[list[Part]], list[bool]]:
    """Return rows with names of columns that are drawn one after the other, from left to right, as one row.

    split: returns the parts of a row between its gaps, for names over several columns that were not looked at.
    """
    kept, weights = [*rows], [*bold]
    for at in range(len(rows) - 1, _COLUMNS - 1, -1):
        if len(rows[at]) < _COLUMNS or not any(is_number(part.text) for part in rows[at]):
            continue
        first, stacks = _stacks_above(rows, at, split)
        if not _name_columns(stacks, rows[at : at + _SAMPLE]):
            continue
        level = min(stack[0].bottom for stack in stacks)
        if groups := _groups_over(stacks, split(rows[first - 1]) if first else []):
            near = level + _NEAR_GROUP * groups[0].height  # rows of one table are near each other
            kept[first - 1] = [replace(group, bottom=min(group.bottom, near)) for group in groups]
        names = [_joined(stack, level) for stack in stacks]
        kept[first:at] = [_beside_signs(names, rows[at : at + _SAMPLE])]
        weights[first:at] = [all(bold[first:at])]
    return kept, weights


def _stacks_above(
    rows: Sequence[list[Part]], end: int, split: Callable[[list[Part]], list[Part]]
) -> tuple[int, list[_Stack]]:
    """Return the first row of the names that are drawn right before a row of figures, and these from the left."""
    stacks: list[_Stack] = []
    first = end
    while first > 0 and (grown := _with_row(stacks, split(rows[first - 1]), rows[end][0].bottom)):
        stacks, first = grown, first - 1
    if len(stacks) > 1:  # a title may stand close above the first name
        top = max(stack[-1].bottom for stack in stacks[1:]) + 0.5 * stacks[0][0].height
        while len(stacks[0]) > 1 and stacks[0][-1].bottom > top:
            stacks[0].pop()
            first += 1
    return first, stacks


def _with_row(stacks: Sequence[_Stack], row: Sequence[Part], floor: float) -> list[_Stack]:
    """Return names with the row that is drawn before them: lines above the first of them, or names to its left.

    The result is empty where the row holds anything else.
    """
    found = [[*stack] for stack in stacks]
    for part in reversed(row):
        alike = not found or abs(part.height - found[0][0].height) <= _ALIKE * part.height
        if not alike or part.bottom <= floor or not may_name(part.text) or len(found) > _MOST:
            return []
        if found and _goes_on(found[0], part):
            found[0].append(part)
        elif not found or _is_left_of(part, found):
            found.insert(0, [part])
        else:
            return []
    return found


def _goes_on(stack: _Stack, part: Part) -> bool:
    """Tell whether a part is the line above the lines of a name."""
    step = part.bottom - stack[-1].bottom
    beside = part.right <= stack[-1].left or stack[-1].right <= part.left
    return len(stack) < _LINES and 0.5 * part.height < step < _STEP * part.height and not beside


def _is_left_of(part: Part, stacks: Sequence[_Stack]) -> bool:
    """Tell whether a part is the lowest line of a name to the left of others, which end at about one level."""
    left = min(line.left for line in stacks[0])
    return part.right < left and abs(part.bottom - stacks[-1][0].bottom) < _STEP * part.height


def _name_columns(stacks: Sequence[_Stack], figures: Sequence[Sequence[Part]]) -> bool:
    """Tell whether names stand close above rows of figures, each over a column of its own."""
    if len(stacks) < _COLUMNS or sum(any(has_letters(line.text) for line in stack) for stack in stacks) * 2 < len(
        stacks
    ):
        return False
    height, floor = stacks[0][0].height, figures[0][0].bottom
    if min(stack[0].bottom for stack in stacks) - floor > _NEAR * height or max(map(len, stacks)) < 2:
        return False
    end = next((at for at, row in enumerate(figures) if len(row) < 2), len(figures))
    columns = merged_spans([(part.left, part.right) for row in figures[:end] for part in row], _GUTTER * height)
    taken: list[int] = []
    for stack in stacks:
        name = _joined(stack, floor)
        under = [at for at, (left, right) in enumerate(columns) if left < name.right and name.left < right]
        if len(under) > 1:
            return False
        taken += under
    return len(taken) == len(set(taken)) and len(taken) >= max(_COLUMNS, _SHARE * len(columns))


def _beside_signs(names: list[Part], figures: Sequence[Sequence[Part]]) -> list[Part]:
    """Return a row of names with a blank part over each column of currency signs, so that every column has one."""
    row, room = [*names], _ROOM * names[0].height
    for part in (part for line in figures for part in line if part.text in _CURRENCY):
        if not all(part.right < name.left or name.right < part.left for name in row):
            continue
        for name in row:  # columns are apart by some room
            name.left = max(name.left, part.right + room) if part.left < name.left else name.left
            name.right = min(name.right, part.left - room) if name.right < part.right else name.right
        row.append(Part("", part.left, part.right, names[0].bottom, names[0].height))
    return sorted(row, key=lambda part: part.left)


def _groups_over(stacks: Sequence[_Stack], row: Sequence[Part]) -> list[Part]:
    """Return the parts of the row above names when each stands over several of them; [] when they do not.

    A part in the middle of the names that are nearest to it becomes as wide as they are.
    """
    top = max(stack[-1].bottom for stack in stacks)
    if len(row) < 2 or not all(0 < part.bottom - top < _NEAR * part.height for part in row):
        return []
    names = [_joined(stack, top) for stack in stacks[1:]]
    nearest: list[list[Part]] = [[] for _ in row]
    for name in names:
        distances = [abs(_middle(part) - _middle(name)) for part in row]
        nearest[distances.index(min(distances))].append(name)
    found: list[Part] = []
    for part, below in zip(row, nearest, strict=True):
        left = min([part.left, *(name.left for name in below)])
        right = max([part.right, *(name.right for name in below)])
        if len(below) > 1 and abs((left + right) / 2 - _middle(part)) <= part.height:
            found.append(Part(part.text, left, right, part.bottom, part.height))
    if len(found) == len(row):
        return found
    over = (sum(name.left < part.right and part.left < name.right for name in names) for part in row)
    return [*row] if min(over) > 1 else []


def _middle(part: Part) -> float:
    return (part.left + part.right) / 2


def _joined(stack: _Stack, bottom: float) -> Part:
    """Return the lines of a name as one part at a height."""
    text = " ".join(line.text for line in reversed(stack))
    left, right = min(line.left for line in stack), max(line.right for line in stack)
    return Part(text, left, right, bottom, stack[0].height, len(stack))
