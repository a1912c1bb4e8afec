"""Tables from the rows of a sheet: separated by blank rows and columns, with titles and column names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from ragkit_ingest.readers.base import TextBuilder, cell_text, is_number, looks_like_header
from ragkit_ingest.readers.grid import Cell, Grid, column_names, header_rows, is_name, is_section
from ragkit_ingest.readers.titles import squeeze

_BATCH: Final = 2_000
_HEADER_WITHIN: Final = 10
_CAPTION_LIMIT: Final = 150
_MAX_FILLED: Final = 200_000
_MAX_DEPTH: Final = 4
_MAX_GROUPS: Final = 100
_FAR: Final = 20
_TITLE_ROWS: Final = 3
_SAMPLE: Final = 50  # rows that tell which columns are used


@dataclass(slots=True)
class Merge:
    """A merged range; rows and columns count from 1, both ends are in it. cell: set when its first row has come."""

    top: int
    left: int
    bottom: int
    right: int
    cell: Cell | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A row with text. cells: text by column, from 1, blank ones left out. merges: those that reach into it.

    strong: all of its cells are bold or filled, as names of columns often are.
    """

    number: int
    cells: dict[int, str]
    merges: Sequence[Merge] = ()
    strong: bool = False


@dataclass(frozen=True, slots=True)
class _Piece:
    """Rows that belong together, and the first and last of their columns."""

    rows: list[Row]
    left: int
    right: int


@dataclass(frozen=True, slots=True)
class _Names:
    """The names of the columns of a table, for the rows of it that come later."""

    left: int
    right: int
    label: str
    strong: bool
    texts_below: bool


@dataclass(slots=True)
class SheetTables:
    """Takes the rows of one sheet in order and adds its tables to a text; holds a batch of rows, never all of them.

    before: called with the number of the first row of what is added next.
    """

    out: TextBuilder
    before: Callable[[int], None] | None = None
    _rows: list[Row] = field(default_factory=list)
    _names: list[_Names] = field(default_factory=list)
    _titles: list[str] = field(default_factory=list)
    _filled: int = 0
    _continued: bool = False

    def add(self, row: Row) -> None:
        """Add a row that has text; a jump in the row number means that the rows between are blank."""
        if self._rows and row.number != self._rows[-1].number + 1:
            self._flush(continues=False)
        elif len(self._rows) >= _BATCH:
            self._flush(continues=True)
        self._rows.append(row)

    def close(self) -> None:
        """Write the rows that are held; the next row begins another sheet."""
        self._flush(continues=False)
        self._names.clear()
        self._titles.clear()

    def _flush(self, *, continues: bool) -> None:
        rows, self._rows = self._rows, []
        if rows:
            if self.before is not None:
                self.before(rows[0].number)
            goes_on = self._continued
            for piece in _pieces(rows, split=not goes_on):
                for number, part in enumerate(_stacked(piece)):
                    self._continued = goes_on and not number
                    self._write(part)
        self._continued = continues

    def _write(self, piece: _Piece) -> None:
        if not self._continued:
            piece = _Piece(_with_groups(piece.rows, piece.left, piece.right), piece.left, piece.right)
        rows = piece.rows
        if piece.left == piece.right:
            lines = [row.cells[piece.left] for row in rows]
            if not self._continued and len(lines) <= _TITLE_ROWS:
                self._title(lines)
            else:
                self.out.paragraph("\n".join(map(squeeze, lines)))
            return
        known = self._known(piece)
        at, count = (0, 0) if self._continued else find_header(rows, piece.left, piece.right)
        if count and known is not None and self._is_data(piece, known, at):
            at = count = 0
        if at:
            self._title([" | ".join(_distinct(row, piece)) for row in rows[:at]])
        if count:
            known = self._own_names(piece, at, count)
        self._table(_Piece(rows[at:], piece.left, piece.right), count, known)

    def _title(self, lines: Sequence[str]) -> None:
        for line in lines:
            self.out.paragraph(squeeze(line))
        self._titles.extend(map(squeeze, lines))

    def _known(self, piece: _Piece) -> _Names | None:
        """Return the last names for these columns, if no title came between."""
        if self._titles:
            return None
        return next((n for n in reversed(self._names) if n.left <= piece.left and piece.right <= n.right), None)

    def _is_data(self, piece: _Piece, known: _Names, at: int) -> bool:
        """Tell whether rows after a gap continue the table above, although the first of them could be names."""
        return not at and (len(piece.rows) == 1 or (known.strong and known.texts_below and not piece.rows[0].strong))

    def _own_names(self, piece: _Piece, at: int, count: int) -> _Names:
        grid = _grid(piece.rows[at : at + count], piece.left, piece.right)
        names = [name for name in column_names(grid, count) if name]
        below = piece.rows[at + count : at + count + 1]
        text = bool(below) and looks_like_header(_distinct(below[0], piece))
        found = _Names(piece.left, piece.right, " | ".join(names), piece.rows[at].strong, text)
        self._names = [n for n in self._names if n.right < piece.left or piece.right < n.left]
        self._names.append(found)
        return found

    def _table(self, piece: _Piece, count: int, names: _Names | None) -> None:
        width = piece.right - piece.left + 1
        lines: list[str] = []
        if count:
            lines.append(_line(column_names(_grid(piece.rows[:count], piece.left, piece.right), count)))
        lines.extend(_line(self._filled_row(row, piece, width)) for row in piece.rows[count:])
        start, end = self.out.paragraph("\n".join(lines))
        label, caption = names.label if names is not None else "", self._caption()
        header = f"{caption}: {label}" if caption and label else caption or label
        self.out.mark_block(start, end, "table", header)
        self._titles.clear()

    def _caption(self) -> str:
        caption = " ".join(self._titles)
        return caption if len(caption) <= _CAPTION_LIMIT else ""

    def _filled_row(self, row: Row, piece: _Piece, width: int) -> list[str]:
        """Return the texts of a row's columns, merged values in each place; a section over all of them once."""
        cells = row.cells
        if not row.merges or self._filled > _MAX_FILLED:
            return [cells.get(column, "") for column in range(piece.left, piece.right + 1)]
        places = _places(row, piece.left, piece.right)
        self._filled += width
        if self._filled > _MAX_FILLED:
            self.out.warn(f"merged cells: after {_MAX_FILLED:,} places their values stand once only")
        return [places[0].text] if is_section(places, width) and places[0] else [c.text if c else "" for c in places]


def _line(cells: Sequence[str]) -> str:
    names = [cell_text(cell) for cell in cells]
    while names and not names[-1]:
        names.pop()
    return " | ".join(names)


def _places(row: Row, left: int, right: int) -> list[Cell | None]:
    """Return the cell at each column of a row; a merged one stands in all of its columns as the same object."""
    places = [Cell(row.cells[column]) if column in row.cells else None for column in range(left, right + 1)]
    for merge in row.merges:
        if merge.cell is not None and merge.left <= right and left <= merge.right:
            for column in range(max(left, merge.left), min(right, merge.right) + 1):
                places[column - left] = merge.cell
    return places


def _grid(rows: Sequence[Row], left: int, right: int) -> Grid:
    return Grid(tuple(tuple(_places(row, left, right)) for row in rows))


def _distinct(row: Row, piece: _Piece) -> list[str]:
    """Return the texts of a row in these columns, each merged one once."""
    cells = {id(cell): cell.text for cell in _places(row, piece.left, piece.right) if cell is not None}
    return [text for text in cells.values() if text]


def find_header(rows: Sequence[Row], left: int, right: int) -> tuple[int, int]:
    """Return (rows above the names of the columns, rows of names); (titles, 0) where no row names them.

    Rows with far fewer cells than most rows have are titles; the first row that is no title decides.
    """
    sample = rows[: _HEADER_WITHIN + 40]
    grid = _grid(sample[: _HEADER_WITHIN + 4], left, right)
    counts = Counter(sum(left <= column <= right for column in row.cells) for row in sample[1:] or sample)
    usual = max(counts, key=lambda count: (counts[count], count))
    for at in range(min(_HEADER_WITHIN, len(sample) - 1, len(grid.source) - 1)):
        cells = {id(cell) for cell in grid.source[at] if cell is not None and cell.text}
        count = header_rows(Grid(grid.source[at:])) if len(cells) > 1 else 0
        if len(cells) < 2 or (len(cells) * 5 < usual * 3 and not (count > 1 and _has_corner(grid, at))):
            continue
        if count < 2 and _is_title_with_gaps(grid, at):
            continue
        marked = sample[at].strong and not sample[at + 1].strong
        return at, count or int(marked)  # names that are dates or numbers are recognised by their format
    return 0, 0


def _is_title_with_gaps(grid: Grid, at: int) -> bool:
    """Tell whether a row with blank places stands above a full row of names, and that one above a row of values.

    Rows of one or two cells, such as "Customer: | Orion", may stand between.
    """
    rows = [[cell.text if cell is not None else "" for cell in row] for row in grid.source[at:]]
    full = next((number for number, row in enumerate(rows) if all(row)), 0)
    if not full or full + 1 >= len(rows) or any(sum(map(bool, row)) > 2 for row in rows[1:full]):
        return False
    return looks_like_header(rows[full]) and not looks_like_header(rows[full + 1])


def _has_corner(grid: Grid, at: int) -> bool:
    """Tell whether the first cell of a row of names is blank or spans rows, unlike that of a title."""
    first, below = grid.source[at][0], grid.source[at + 1][0]
    return first is None or first is below


def _with_groups(rows: list[Row], left: int, right: int) -> list[Row]:
    """Return rows where names over several columns reach to the next name, as files without merged cells show them.

    Such names are recognised by their place: above names that repeat for each of them ("Q1, Q2, Q1, Q2").
    """
    for at in range(min(_HEADER_WITHIN, len(rows) - 2)):
        row, below = rows[at], rows[at + 1]
        first = left if left in below.cells else left + 1  # below a blank corner, the first name is of its column only
        used = [column for column in range(first, right + 1) if any(column in row.cells for row in rows[:_SAMPLE])]
        texts = [below.cells.get(column, "") for column in used]
        own = sorted(column for column in row.cells if first <= column <= right)
        if row.merges or len(own) < 2 or own[0] == left or len(own) > len(texts) * 2 // 3 or not all(texts):
            continue
        ends = [max(column for column in used if column < following) for following in (*own[1:], right + 1)]
        groups = [texts[used.index(start) : used.index(end) + 1] for start, end in zip(own, ends, strict=True)]
        names = [*map(row.cells.get, own)]
        repeated = len(set(texts)) < len(texts) and all(len(set(group)) == len(group) for group in groups)
        if repeated and len(set(names)) == len(names) and all(map(is_name, texts)):
            merges = [
                Merge(row.number, start, row.number, end, Cell(row.cells[start]))
                for start, end in zip(own, ends, strict=True)
            ]
            return [*rows[:at], Row(row.number, row.cells, merges, row.strong), *rows[at + 1 :]]
    return rows


def _pieces(rows: list[Row], *, split: bool, depth: int = 0) -> list[_Piece]:
    """Split rows into tables, left to right and top to bottom (an XY cut), where each has its own column names."""
    columns = sorted({column for row in rows for column in row.cells})
    groups: list[tuple[int, int]] = []
    for column in columns:
        if groups and groups[-1][1] == column - 1:
            groups[-1] = (groups[-1][0], column)
        else:
            groups.append((column, column))
    if depth >= _MAX_DEPTH or len(groups) < 2:
        return [_Piece(rows, columns[0], columns[-1])]
    parts = _clusters(rows, groups) if split and len(groups) <= _MAX_GROUPS else _far_parts(groups)
    if len(parts) < 2:
        return [_Piece(rows, columns[0], columns[-1])]
    found: list[_Piece] = []
    for left, right in parts:
        for part in _runs(_within(rows, left, right)):
            found.extend(_pieces(part, split=split, depth=depth + 1))
    return found


def _stacked(piece: _Piece) -> list[_Piece]:
    """Part a table where another one begins below without a blank row: at its title or its bold names."""
    rows, parts, begin = piece.rows, [], 0
    for at in range(2, len(rows) - 2):
        title, bold = len(rows[at].cells) == 1, rows[at].strong and not rows[at + 1].strong
        if at - begin > 1 and ((title and _begins_anew(rows, at + 1)) or (bold and _begins_anew(rows, at))):
            parts.append(_Piece(rows[begin:at], piece.left, piece.right))
            begin = at
    return [*parts, _Piece(rows[begin:], piece.left, piece.right)]


def _begins_anew(rows: Sequence[Row], at: int) -> bool:
    """Tell whether a row names columns anew: it has words where the rows above and the row below have numbers."""
    names, below, above = rows[at].cells, rows[at + 1].cells, rows[max(0, at - 4) : at]
    if len(names) < 2 or not looks_like_header(list(names.values())):
        return False
    for column, name in names.items():
        values = [row.cells[column] for row in above if column in row.cells and len(row.cells) > 1]
        if values and all(map(is_number, values[1:] or values)) and is_name(name) and is_number(below.get(column, "")):
            return True
    return False


def _far_parts(groups: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Join groups of columns up to a gap of many blank columns, which no table has."""
    parts: list[tuple[int, int]] = []
    for left, right in groups:
        if parts and left - parts[-1][1] <= _FAR:
            parts[-1] = (parts[-1][0], right)
        else:
            parts.append((left, right))
    return parts


def _within(rows: Sequence[Row], left: int, right: int) -> list[Row]:
    """Return the rows cut to these columns, without rows that are blank there."""
    found = []
    for row in rows:
        cells = {column: text for column, text in row.cells.items() if left <= column <= right}
        if cells:
            found.append(Row(row.number, cells, row.merges, row.strong))
    return found


def _runs(rows: list[Row]) -> list[list[Row]]:
    runs: list[list[Row]] = []
    for row in rows:
        if runs and runs[-1][-1].number == row.number - 1:
            runs[-1].append(row)
        else:
            runs.append([row])
    return runs


def _clusters(rows: list[Row], groups: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Join groups of columns that are one table.

    A group is a table of its own when its columns have names, and either two blank columns or other rows part it from
    the one before it. A group without names stays with its row, unless it stands beside the names as a note does.
    """
    parts: list[tuple[int, int]] = []
    before: list[Row] = []
    for left, right in groups:
        own = _within(rows, left, right)
        if parts and not _stands_alone(own, before, (left, right), parts[-1]):
            parts[-1] = (parts[-1][0], right)
            continue
        parts.append((left, right))
        before = own
    return parts


def _stands_alone(own: list[Row], before: list[Row], place: tuple[int, int], last: tuple[int, int]) -> bool:
    if place[0] - last[1] > _FAR:
        return True
    at, count = find_header(before, *last)
    if not count or last[0] == last[1]:
        return False
    named = before[at].number
    left, right = place
    mine, names = find_header(own, left, right) if right > left else (0, 0)
    if names:
        apart = left - last[1] > 2 or own[mine].number != named or abs(own[-1].number - before[-1].number) > 1
        deeper = [row for row in own[mine + names :] if row.number < named + count]  # beside names of the first table
        apart = apart or any(not looks_like_header([*row.cells.values()]) for row in deeper)
        return apart or _has_own_keys(own[mine:], before[at], (names, *place), last[0], titled=bool(at and mine))
    beside = all(not named <= row.number < named + count for row in own)
    return beside and len(own) * 3 <= len(before)


def _has_own_keys(own: Sequence[Row], before: Row, place: tuple[int, int, int], key: int, *, titled: bool) -> bool:
    """Tell whether columns beside a table, one blank column away, are a table of their own and not its continuation.

    Their first column names each row by another word, as in a continuation numbers do; and they have a title, the same
    first name as the table beside them (its column is `key`), or values of their own. own: rows from the names on;
    before: the names of the table beside them. place: how many rows of names there are, the first and last column.
    """
    count, left, right = place
    keys = [row.cells.get(left, "") for row in own[count:]]
    if len(keys) < 2 or len(set(keys)) < len(keys) or not all(map(is_name, keys)):
        return False
    same_name = own[0].cells.get(left) == before.cells.get(key)
    values = [text for row in own[count:] for column, text in row.cells.items() if column > left]
    return titled or same_name or (right > left and sum(map(is_number, values)) * 2 > len(values))
