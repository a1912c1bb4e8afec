"""Rows of tables whose cells have several lines: parts of one level put into one row, lines of a cell into its cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from ragkit_ingest.readers.pdf.glyphs import Part
from ragkit_ingest.readers.pdf.tables.runs import is_value
from ragkit_ingest.readers.titles import squeeze

_MARKS = frozenset("•●▪◦‣■□")
_BESIDE = 0.75  # largest height difference of cells in a row, in letter heights
_ALIKE = 0.12  # part of the height by which letters of one row may differ: smaller ones are raised signs
_SAME = 0.2  # letter heights between parts of one level
_NEARER = 0.85  # a line of a cell is so much nearer to its row than to the next one
_CELL_LINES = 6  # lines of a cell that are looked through for its row
_STEP = 1.4  # letter heights between the lines of a cell, at most


def put_beside(rows: Sequence[list[Part]], bold: Sequence[bool]) -> tuple[list[list[Part]], list[bool]]:
    """Return rows with the cells that are drawn behind all lines of the cells before them put back into their row."""
    kept: list[list[Part]] = []
    weights: list[bool] = []
    back = -1  # the last row that a cell was put back into
    for row, weight in zip(rows, bold, strict=True):
        item = row[0].text.lstrip()[:1] in _MARKS  # of a list beside another one, which is no row with it
        at = -1 if item else _row_beside(kept, row)
        if not item and at < 0 <= back < len(kept) - 1 and _goes_on_level(kept[-1], row):
            at = len(kept) - 1
        elif at >= 0:
            back = at
        if at >= 0:
            kept[at] = [*kept[at], *row]
        else:
            kept.append(row)
            weights.append(weight)
    return kept, weights


def with_mark(row: list[Part]) -> list[Part]:
    """Return a row in which the mark of a list item is joined to the text after it."""
    if len(row) < 2 or row[0].text.strip() not in _MARKS:
        return row
    mark, words, *rest = row
    return [Part(f"{mark.text.strip()} {words.text}", mark.left, words.right, words.bottom, words.height), *rest]


def _goes_on_level(last: Sequence[Part], row: Sequence[Part]) -> bool:
    """Tell whether a row is to the right of another one at the same height."""
    return abs(last[-1].bottom - row[0].bottom) < 0.3 * row[0].height and last[-1].right < row[0].left


def _row_beside(rows: Sequence[list[Part]], row: list[Part]) -> int:
    """Return which of the last rows a row goes on with: one of cells, with nothing but further lines of these cells in
    between; -1 when there is none."""
    first = row[0]
    if not rows or not first.height or first.bottom < rows[-1][0].bottom + 0.5 * first.height:
        return -1
    for at in range(len(rows) - 2, max(len(rows) - 2 - _CELL_LINES, -1), -1):
        above = rows[at]
        if abs(above[-1].bottom - first.bottom) < 0.3 * first.height:
            between = [part for one in rows[at + 1 :] for part in one]
            cells = len(above) > 1 or (len(row) > 1 and any(is_number(part.text) for part in row))
            below = all(any(cell.left < part.right and part.left < cell.right for cell in above) for part in between)
            clear = max(part.right for part in [above[-1], *between]) < first.left
            return at if cells and below and clear else -1
    return -1


@dataclass(slots=True)
class Levelled:
    """Rows of parts from the top. bold: of each row. drawn: by the index of its first row, the end of each stretch that
    was put in order, and its rows as the file has them."""

    rows: list[list[Part]] = field(default_factory=list)
    bold: list[bool] = field(default_factory=list)
    drawn: dict[int, tuple[int, list[list[Part]]]] = field(default_factory=dict)

    def plain(self, start: int, end: int) -> list[tuple[list[Part], bool]]:
        """Return the rows [start, end), which are in no table, in the order of the file, with whether they are bold."""
        found: list[tuple[list[Part], bool]] = []
        at = start
        while at < end:
            stop, rows = self.drawn.get(at, (at + 1, [self.rows[at]]))
            if stop > end:
                stop, rows = at + 1, [self.rows[at]]
            found += [(row, self.bold[at]) for row in rows]
            at = stop
        return found


def on_levels(rows: Sequence[list[Part]], bold: Sequence[bool]) -> Levelled:
    """Return rows with cells that stand a little higher or lower than those before them put into a row with others of
    their level: a cell of two lines beside one line in their middle."""
    if not any(0 < _rise(above, below) < _BESIDE for above, below in pairwise(rows)):
        return Levelled([*rows], [*bold])
    found = Levelled()
    start = 0
    for at in range(1, len(rows) + 1):
        if at < len(rows) and _is_beside(rows[start:at], rows[at]):
            continue
        band, weights = [*rows[start:at]], [*bold[start:at]]
        if any(_rise(above, below) > _SAME for above, below in pairwise(band)):
            levels = _by_level(band)
            found.drawn[len(found.rows)] = (len(found.rows) + len(levels), band)
            band, weights = levels, [all(weights)] * len(levels)
        found.rows += band
        found.bold += weights
        start = at
    return found


def _rise(above: Sequence[Part], below: Sequence[Part]) -> float:
    """Return by how many letter heights a row is above the one before it."""
    return (below[0].bottom - above[0].bottom) / max(above[0].height, below[0].height, 1.0)


def _is_beside(band: Sequence[list[Part]], row: Sequence[Part]) -> bool:
    """Tell whether a row's parts stand beside the parts of a band of rows, at nearly their level."""
    levels = [part for one in band for part in one]
    near = min(abs(part.bottom - row[0].bottom) for part in levels) < _BESIDE * row[0].height
    alike = all(abs(part.height - row[0].height) < _ALIKE * part.height for part in levels)
    return (
        near
        and alike
        and not any(
            abs(one.bottom - part.bottom) < _BESIDE * part.height and one.left < part.right and part.left < one.right
            for one in levels
            for part in row
        )
    )


def _by_level(band: Sequence[list[Part]]) -> list[list[Part]]:
    """Return the parts of a band as rows, one for each level, from the top."""
    rows: list[list[Part]] = []
    for part in sorted((part for row in band for part in row), key=lambda part: -part.bottom):
        if rows and rows[-1][0].bottom - part.bottom < _SAME * part.height:
            rows[-1].append(part)
        else:
            rows.append([part])
    return [sorted(row, key=lambda part: part.left) for row in rows]


def cell_lines(cells: Sequence[Sequence[str]], parts: Sequence[Sequence[Part]]) -> list[list[int]]:
    """Return the rows of a table as groups of indexes: a row, and the rows around it that hold only more lines of its
    cells, which stand nearer to it than to other rows. parts: of the rows, for their places."""
    groups = [[0]] if cells else []
    steps = [(above[0].bottom - below[0].bottom) / max(above[0].height, 1.0) for above, below in pairwise(parts)]
    words = [*map(_is_words, cells)]
    for at in range(1, len(cells)):
        here, first = steps[at - 1], groups[-1][0]
        continues = words[at] and here < min(_STEP, _NEARER * _step_below(at, steps, words))
        leads = words[at - 1] and (here < _BESIDE or (first > 0 and here < min(_STEP, _NEARER * steps[first - 1])))
        if continues or leads:
            groups[-1].append(at)
        else:
            groups.append([at])
    last = len(cells) - 1
    return [
        some for group in groups for some in ([group] if _is_one_row(cells, group, last) else [[at] for at in group])
    ]


def _step_below(at: int, steps: Sequence[float], words: Sequence[bool]) -> float:
    """Return the step below the lines of a cell that begin with a row, in letter heights."""
    here = steps[at - 1]
    while at < len(steps) and words[at + 1] and abs(steps[at] - here) < 0.1 * here:
        at += 1
    return steps[at] if at < len(steps) else 2 * _STEP


def _is_words(row: Sequence[str]) -> bool:
    """Tell whether a row may be just another line of text cells."""
    filled = [text for text in row if text]
    return 0 < len(filled) < len(row) and all(map(has_letters, filled))


def _is_one_row(cells: Sequence[Sequence[str]], group: Sequence[int], last: int) -> bool:
    """Tell whether a group is one row with further lines: none where that row has a figure, and of its label only those
    that stand around it, where it has none by itself, or below it and above another row."""
    counts = [sum(map(bool, cells[at])) for at in group]
    whole = group[counts.index(max(counts))]
    if counts.count(max(counts)) > 1:
        return len(group) == 1
    for at in group:
        if at == whole:
            continue
        if any(text and other and is_number(other) for text, other in zip(cells[at], cells[whole], strict=True)):
            return False
        label, own = cells[at][0], cells[whole][0]
        above = at < whole or (group[0] < whole and cells[group[0]][0] != "")
        if label and not (above if not own else whole < at < last and not own.endswith(":")):
            return False
    return True


def joined(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the cells of several rows, line by line, as those of one."""
    return [squeeze(" ".join(texts)) for texts in zip(*rows, strict=True)]


def has_letters(text: str) -> bool:
    """Tell whether a cell holds words."""
    return any(map(str.isalpha, text)) and not is_number(text)


def is_number(text: str) -> bool:
    """Tell whether a cell holds figures, signs and dashes only."""
    return all(is_value(token) for token in text.split())
