"""Rows of tables whose cells have several lines: parts of one level put into one row, lines of a cell into its cell."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from ragkit_ingest.readers.pdf.glyphs import Part
from ragkit_ingest.readers.pdf.tables.runs import is_value
from ragkit_ingest.readers.titles import squeeze

_YEAR = re.compile(r"(?:19|20)\d\d")
_MARKS = frozenset("•●▪◦‣■□")
_BESIDE = 0.75  # largest height difference of cells in a row, in letter heights
_ALIKE = 0.12  # part of the height by which letters of one row may differ: smaller ones are raised signs
_SAME = 0.2  # letter heights between parts of one level
_NEARER = 0.85  # a line of a cell is so much nearer to its row than to the next one
_CELL_LINES = 6  # lines of a cell that are looked through for its row
_STEP = 1.4  # letter heights between the lines of a cell, at most
_NAME_LINES, _COLUMNS = 3, 3  # lines of a name, at most, and columns of figures below that it is one of, at least
_AHEAD = 20  # rows that are looked through for figures below names


def put_beside(rows: Sequence[list[Part]], bold: Sequence[bool]) -> tuple[list[list[Part]], list[bool]]:
    """Return rows with the cells that are drawn behind all lines of the cells before them put back into their row."""
    kept: list[list[Part]] = []
    weights: list[bool] = []
    drawn: list[int] = []  # parts that each row had as the file draws it
    back = -1  # the row that the last row was put into
    for number, (row, weight) in enumerate(zip(rows, bold, strict=True)):
        item = row[0].text.lstrip()[:1] in _MARKS  # of a list beside another one, which is no row with it
        at = -1 if item else _row_beside(kept, row, rows[number + 1 : number + 1 + _AHEAD])
        if at >= 0 and len(row) > 1 and min(drawn[at], max(drawn[at + 1 :])) > 1:
            at = -1  # a table beside another one
        elif not item and at < 0 <= back:  # the next line of a cell
            at = next((one for one in range(back + 1, len(kept)) if _goes_on_level(kept[one], row)), -1)
        back = at
        if at >= 0:
            kept[at] = [*kept[at], *row]
        else:
            kept.append(row)
            weights.append(weight)
            drawn.append(len(row))
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


def _row_beside(rows: Sequence[list[Part]], row: list[Part], ahead: Sequence[list[Part]]) -> int:
    """Return which of the last rows a row goes on with: one of cells, with nothing but further lines of these cells in
    between; -1 when there is none. ahead: the next rows, which may show that both are names of their columns."""
    first = row[0]
    if not rows or not first.height or first.bottom < rows[-1][0].bottom + 0.5 * first.height:
        return -1
    for at in range(len(rows) - 2, max(len(rows) - 2 - _CELL_LINES, -1), -1):
        above = rows[at]
        if abs(above[-1].bottom - first.bottom) < 0.3 * first.height:
            between = [part for one in rows[at + 1 :] for part in one]
            cells = len(above) > 1 or (len(row) > 1 and any(is_number(part.text) for part in row))
            if not cells and len(rows) - at <= _NAME_LINES and not _is_below_names(rows[:at], above):
                cells = _name_columns(above, row, ahead)
            below = all(any(cell.left < part.right and part.left < cell.right for cell in above) for part in between)
            clear = max(part.right for part in [above[-1], *between]) < first.left
            return at if cells and below and clear else -1
    return -1


def _is_below_names(rows: Sequence[list[Part]], row: Sequence[Part]) -> bool:
    """Tell whether the row right above another one holds names, which may stand over several of its columns."""
    higher = (one for one in reversed(rows) if one[0].bottom > row[0].bottom + 0.5 * row[0].height)
    names = next(higher, row)
    return len(names) > 1 and names is not row and names[0].bottom - row[0].bottom < 2 * _STEP * row[0].height


def _name_columns(above: Sequence[Part], row: Sequence[Part], ahead: Sequence[list[Part]]) -> bool:
    """Tell whether two parts on one level stand over columns of their own of a row of figures close below."""
    end = next((at for at, one in enumerate(ahead) if len(one) >= _COLUMNS), -1)
    if end < 0 or not any(is_number(part.text) for part in ahead[end]):
        return False
    table = ahead[end]
    levels = {round(one[0].bottom) for one in [row, *ahead[:end]]}
    near = len(levels) <= _NAME_LINES and 0 < min(levels) - table[0].bottom < 2 * _STEP * row[0].height
    first, second = _under(above[-1], table), _under(row[0], table)
    own = len(first) == len(second) == 1 and first != second
    between = [part for one in ahead[:end] for part in one]
    return near and own and max(levels) <= round(row[0].bottom) and all(len(_under(one, table)) < 2 for one in between)


def _under(name: Part, row: Sequence[Part]) -> list[int]:
    """Return the places of the cells of a row that stand below a name."""
    return [at for at, cell in enumerate(row) if cell.left < name.right and name.left < cell.right]


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
    steps = [(above[0].bottom - below[0].bottom) / max(above[0].height, 1.0) for above, below in pairwise(parts)]
    words = [*map(_is_words, cells)]
    names = _name_rows(cells, steps)
    groups = [[*range(names)]] if cells else []
    for at in range(names, len(cells)):
        here, first = steps[at - 1], groups[-1][0]
        continues = words[at] and here < min(_STEP, _NEARER * _step_below(at, steps, words))
        leads = words[at - 1] and (here < _BESIDE or (first > 0 and here < min(_STEP, _NEARER * steps[first - 1])))
        if continues or leads:
            groups[-1].append(at)
        else:
            groups.append([at])
    last = len(cells) - 1
    return [
        some
        for group in groups
        for some in ([group] if group[-1] < names or _is_one_row(cells, group, last) else [[at] for at in group])
    ]


def _name_rows(cells: Sequence[Sequence[str]], steps: Sequence[float]) -> int:
    """Return how many rows from the top are lines of the names of the columns, which stand closer together than to the
    rows of figures below them; at least 1."""
    count = 1
    while count < min(_NAME_LINES, len(steps)) and steps[count - 1] < min(_STEP, _NEARER * steps[count]):
        count += 1
    filled = [[at for at, text in enumerate(row) if text] for row in cells[:count]]
    named = all(own == filled[0] for own in filled) and all(map(_names, cells[:count]))
    figures = any(is_number(text) for row in cells[count : count + 2] for text in row if text)
    return count if named and figures else 1


def _names(row: Sequence[str]) -> bool:
    """Tell whether a row may be a line of names: words and years."""
    return all(may_name(text) for text in row if text)


def may_name(text: str) -> bool:
    """Tell whether a text may be a line of a column's name: words, a year, or a mark of a note."""
    return has_letters(text) or _YEAR.fullmatch(text) is not None or text[:1] in "%#"


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


def is_amount(text: str) -> bool:
    """Tell whether a cell holds a figure that is no year."""
    return any(map(str.isdigit, text)) and is_number(text) and _YEAR.fullmatch(text) is None
