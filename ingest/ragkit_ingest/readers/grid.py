"""Tables with merged cells as plain rows: a value is repeated in every row and column that its cell spans."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from ragkit_ingest.readers.base import TextBuilder, is_number, looks_like_header
from ragkit_ingest.readers.text.units import are_units, heads_units, names_units, with_unit
from ragkit_ingest.readers.titles import squeeze

JOIN: Final = " > "
"""Stands between the names of a column that has several header rows: "2026 > Q1"."""
_MAX_COLUMNS: Final = 1_000
_MAX_CELLS: Final = 200_000
_MAX_HEADER_ROWS: Final = 4
_ROWS_BELOW: Final = 6
_DATE = re.compile(r"\d{4}-\d{1,2}(?:-\d{1,2})?|\d{1,2}[./-]\d{1,2}[./-](?:\d{4}|\d{2})|\d{1,2}/\d{4}")


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell as the file has it. rows, columns: how many logical rows and columns it spans; heads: it names others."""

    text: str
    rows: int = 1
    columns: int = 1
    heads: bool = False


@dataclass(frozen=True, slots=True)
class Grid:
    """Logical rows of equal meaning by column. source: for each place the cell that fills it, None for a blank place.

    cut: cells were left out, because the spans of a hostile file would fill millions of places.
    """

    source: tuple[tuple[Cell | None, ...], ...]
    cut: bool = False

    @property
    def width(self) -> int:
        """Columns of the widest row."""
        return max((len(row) for row in self.source), default=0)


def lay_out(rows: Iterable[Sequence[Cell]]) -> Grid:
    """Return the logical places of cells, as browsers lay out rowspan and colspan (HTML 4.9.12.1)."""
    placed: list[list[Cell | None]] = []
    open_spans: dict[int, tuple[Cell, int]] = {}  # column -> the cell that reaches down, and the rows that are left
    places = 0
    for row in rows:
        line: list[Cell | None] = []
        coming = list(row)
        while coming or any(column >= len(line) for column in open_spans):
            column = len(line)
            if column in open_spans:
                cell, left = open_spans.pop(column)
                line.append(cell)
                if left > 1:
                    open_spans[column] = (cell, left - 1)
            elif coming:
                cell = coming.pop(0)
                for at in range(column, min(column + max(1, cell.columns), _MAX_COLUMNS)):
                    if at in open_spans:  # a span from above ends this one, as in browsers' quirks
                        break
                    line.append(cell)
                if cell.rows > 1:
                    open_spans.update(dict.fromkeys(range(column, len(line)), (cell, cell.rows - 1)))
            else:
                line.append(None)
            places += 1
            if len(line) >= _MAX_COLUMNS or places > _MAX_CELLS:
                return Grid((*map(tuple, placed), tuple(line)), cut=True)
        placed.append(line)
    return Grid(tuple(map(tuple, placed)))


def header_rows(grid: Grid) -> int:
    """Return the number of header rows: rows that are marked as such, else rows of names under spanning names.

    A first row with a name over several columns is a header, and so is the row below it that names them one by one; a
    row of units below the names belongs to them.
    """
    count = _rows_of_names(grid)
    return count + (0 < count < len(grid.source) - 1 and _is_row_of_units(grid, count))


def has_units(rows: Sequence[Sequence[Cell]]) -> bool:
    """Tell whether the second row of a table says in what units the values are."""
    grid = lay_out(rows[: _ROWS_BELOW + 2])
    return len(grid.source) > 2 and _is_row_of_units(grid, 1)


def _rows_of_names(grid: Grid) -> int:
    marked = 0
    for row in grid.source[:_MAX_HEADER_ROWS]:
        names_columns = bool(row) and all(cell is None or cell.heads or not cell.text for cell in row)
        if not names_columns or (marked and is_section(row, grid.width)):
            break  # a name over the whole width, below those of the columns, heads the rows after it
        marked += 1
    if marked and marked < len(grid.source):
        return marked
    count = 0
    while count < min(_MAX_HEADER_ROWS, len(grid.source) - 1) and _leads_on(grid, count):
        count += 1
    if count:
        count -= _is_row_of_data(grid, count)
        return min(count + 1, len(grid.source) - 1)
    if len(grid.source) < 2:
        return 0
    first, below = _texts(grid.source[0]), _texts(grid.source[1])
    return int(looks_like_header(first) or _are_dates_above_values(first, below))


def _are_dates_above_values(first: Sequence[str], below: Sequence[str]) -> bool:
    """Tell whether a row names columns by dates: all but its first cell are dates, and what is below them is not."""
    named = [(name, value) for name, value in zip(first[1:], below[1:], strict=False) if name]
    return (
        len(named) > 1
        and len({name for name, _ in named}) == len(named)
        and all(_DATE.fullmatch(name) and not _DATE.fullmatch(value) for name, value in named)
        and not any(map(str.isdigit, first[0]))
    )


def _is_row_of_units(grid: Grid, at: int) -> bool:
    """Tell whether a row below the names says in what units the values are.

    It has words above numbers. Other columns are blank there, or all of the words are known units.
    """
    units, below = _texts(grid.source[at]), [_texts(row) for row in grid.source[at + 1 : at + _ROWS_BELOW]]
    numeric = [
        all(is_number(row[place]) for row in below if place < len(row) and row[place]) for place in range(len(units))
    ]
    filled = [any(place < len(row) and row[place] for row in below) for place in range(len(units))]
    said = [text for place, text in enumerate(units) if numeric[place] and filled[place] and not names_units(text)]
    others = [text for place, text in enumerate(units) if not (numeric[place] and filled[place])]
    if not said or any(map(is_number, units)):
        return False
    if are_units(said) and (len(said) > 1 or all(map(names_units, others))):
        return True
    return len(below) > 1 and all(map(is_name, said)) and all(map(names_units, others))


def _is_row_of_data(grid: Grid, count: int) -> bool:
    """Tell whether the row below `count` header rows is data: the corner of the header above its first cell is
    blank."""
    corner = [row[0] if row else None for row in grid.source[:count]]
    first = grid.source[count][0] if grid.source[count] else None
    return count > 1 and all(cell is None or not cell.text for cell in corner) and bool(first and first.text)


def _leads_on(grid: Grid, index: int) -> bool:
    """Tell whether a row holds only names, one of them over several columns that the next row names one by one."""
    row, below = grid.source[index], grid.source[index + 1]
    names = [cell for cell in row if cell is not None and cell.text]
    if len({id(cell) for cell in names}) < 2 or any(not is_name(cell.text) for cell in names):
        return False
    for start in range(len(row) - 1):
        cell = row[start]
        if cell is not None and cell.text and row[start + 1] is cell:
            under = [below[at] for at in (start, start + 1) if at < len(below)]
            if len(under) == 2 and all(one and is_name(one.text) for one in under):
                deeper = under[0] is under[1] and index + 2 < len(grid.source)
                if under[0] is not under[1] or (deeper and _leads_on(grid, index + 1)):
                    return True
    return False


_ANSWERS: Final = frozenset({"true", "false", "yes", "no", "ja", "nein", "oui", "non", "x", "✓", "✗", "-", "–", "n/a"})


def is_name(text: str) -> bool:
    """Tell whether a text may name a column: it is short, and neither a number nor an answer such as "yes"."""
    if text.strip().lower() in _ANSWERS:
        return False
    return looks_like_header((text, "another name")) if text != "another name" else True


def _texts(row: Sequence[Cell | None]) -> list[str]:
    return [squeeze(cell.text) if cell is not None else "" for cell in row]


def column_names(grid: Grid, count: int) -> list[str]:
    """Return the name of each column: the texts of the top `count` rows, joined, without repeats next to each other."""
    names = []
    units = count > 1 and are_units(_texts(_own_cells(grid, count - 1)))
    for column in range(grid.width):
        parts: list[str] = []
        for row in grid.source[:count]:
            cell = row[column] if column < len(row) else None
            text = squeeze(cell.text) if cell is not None else ""
            if text and parts and parts[-1] == text:
                continue
            if units and parts and text and row is grid.source[count - 1] and not heads_units(text):
                parts[-1] = with_unit(parts[-1], text)
            elif text:
                parts.append(text)
        names.append(JOIN.join(parts))
    return names


def _own_cells(grid: Grid, at: int) -> list[Cell | None]:
    """Return the cells of a row that do not reach down from the row above it."""
    above = grid.source[at - 1]
    return [cell for place, cell in enumerate(grid.source[at]) if place >= len(above) or cell is not above[place]]


def is_section(row: Sequence[Cell | None], width: int) -> bool:
    """Tell whether one cell fills a whole row of a table of several columns: a section heading, which is written
    once."""
    first = row[0] if row else None
    return width > 1 and len(row) == width and first is not None and all(cell is first for cell in row)


def add_grid(
    out: TextBuilder, rows: Iterable[Sequence[Cell]], *, header: bool | None = None, caption: str = ""
) -> None:
    """Add a table with merged cells: names joined over header rows, values in each row and column that they span.

    header: True or False when the file says whether the first rows name the columns; None to judge by their looks.
    caption: stands above the table; leading rows of one cell over the whole width become part of it.
    """
    out.paragraph(squeeze(caption))
    grid = lay_out(rows)
    if grid.cut:
        out.warn(f"a table is cut: it has over {_MAX_COLUMNS:,} columns or {_MAX_CELLS:,} cells")
    width = grid.width
    lead = 0
    while lead < len(grid.source) - 1 and is_section(grid.source[lead], width):
        text = squeeze(_texts(grid.source[lead])[0])
        caption = f"{caption} {text}".strip() if text else caption
        if text:
            out.paragraph(text)
        lead += 1
    grid = Grid(grid.source[lead:])
    count = 0 if header is False else header_rows(grid)
    if header and not count and len(grid.source) > 1:
        count = 1
    body = [[_texts(row)[0]] if is_section(row, width) and width > 1 else _texts(row) for row in grid.source[count:]]
    named = [column_names(grid, count), *body] if count else body
    out.table(named, header=bool(count), caption=caption)
