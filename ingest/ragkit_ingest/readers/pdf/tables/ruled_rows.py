"""Rows of tables that are drawn with lines: the words of a page put into the cells of its grids."""

from __future__ import annotations

from collections.abc import Sequence

from ragkit_ingest.readers.grid import Cell, column_names, header_rows, lay_out
from ragkit_ingest.readers.pdf.glyphs import Glyphs, Part, RawLine
from ragkit_ingest.readers.pdf.right_to_left import runs_right_to_left
from ragkit_ingest.readers.pdf.rows import Row, RuledTable
from ragkit_ingest.readers.pdf.tables.ruling import Ruled
from ragkit_ingest.readers.pdf.tables.split_rows import split_rows
from ragkit_ingest.readers.titles import squeeze

_CELL_LETTERS = 300  # cells with more letters than this on average are boxes of a layout
_LETTERS = 10  # what has fewer is a drawing
_COARSE = 0.3  # so many lines of cells with gaps inside mean that columns are not drawn
_LABEL = 0.88  # letters of a form's label are at most so high as what is filled in
_TABLE = 1_000  # numbers of tables with lines begin here


def ruled_tables(grids: Sequence[Ruled], lines: Sequence[RawLine], glyphs: Glyphs) -> list[RuledTable]:
    """Return the tables of a page whose grids hold words."""
    found: list[RuledTable] = []
    taken: set[int] = set()
    for number, grid in enumerate(grids):
        inside = [at for at, line in enumerate(lines) if at not in taken and _is_inside(line, grid)]
        table = _table(grid, [lines[at] for at in inside], glyphs, _TABLE + number) if inside else ()
        if table:
            taken.update(inside)
            found.append(RuledTable(table, frozenset(inside)))
    return found


def _is_inside(line: RawLine, grid: Ruled) -> bool:
    middle = line.bottom + line.height / 2
    return (
        line.height > 0
        and grid.ys[-1] < middle < grid.ys[0]
        and grid.xs[0] - 2 < line.left
        and line.right < grid.xs[-1] + 2
    )


def _table(grid: Ruled, lines: Sequence[RawLine], glyphs: Glyphs, number: int) -> tuple[Row, ...]:
    placed: dict[tuple[int, int], list[Part]] = {}
    bands: dict[int, list[Part]] = {}
    parts = [part for line in lines for part in glyphs.parts(line, cuts=grid.xs)]
    if _too_coarse(grid, parts):
        return ()
    grid = split_rows(grid, parts)
    for part in parts:
        place = grid.place((part.left + part.right) / 2, part.bottom + part.height / 2)
        if place is not None:
            placed.setdefault(grid.anchors[place], []).append(part)
            bands.setdefault(place[0], []).append(part)
    texts = {anchor: _joined(parts) for anchor, parts in placed.items()}
    if len(texts) < 3 or not _LETTERS <= sum(map(len, texts.values())) <= _CELL_LETTERS * len(texts):
        return ()
    laid = lay_out(grid.cells(texts))
    boxes = _are_boxes([*placed.values()])
    heads = 0 if boxes else header_rows(laid)
    names = [column_names(laid, heads)] if heads else []
    body = [_texts(row, once=boxes) for row in laid.source[heads:]]
    first = [part for row in range(max(heads, 1)) for part in bands.get(row, [])]
    rows: list[Row] = []
    step = -1 if runs_right_to_left([*texts.values()]) else 1
    for at, cells in enumerate([*names, *body]):
        parts = first if names and at == 0 else bands.get(at + heads - len(names), [])
        if any(cells):
            rows.append(Row(parts or [Part("")], bold=False, cells=tuple(cells[::step]), table=number))
    return tuple(rows)


def _texts(row: Sequence[Cell | None], *, once: bool) -> list[str]:
    """Return the words of a row's cells; those of a cell over several columns in each of them, or once."""
    kept = [cell for at, cell in enumerate(row) if not (once and at and cell is not None and cell is row[at - 1])]
    return [squeeze(cell.text) if cell is not None else "" for cell in kept]


def _are_boxes(cells: Sequence[Sequence[Part]]) -> bool:
    """Tell whether the cells are those of a form: most have a small label above what was filled in."""
    labelled = 0
    for parts in cells:
        top = max(part.bottom for part in parts)
        first = [part.height for part in parts if part.bottom == top]
        below = [part.height for part in parts if part.bottom < top - 0.5 * max(first)]
        labelled += bool(below) and max(first) < _LABEL * min(below)
    return labelled > 1 and labelled * 2 >= len(cells)


def _too_coarse(grid: Ruled, parts: Sequence[Part]) -> bool:
    """Tell whether many cells hold words with gaps between them on one line: columns without lines between them."""
    seen: dict[tuple[int, int, int], int] = {}
    for part in parts:
        place = grid.place((part.left + part.right) / 2, part.bottom + part.height / 2)
        if place is not None:
            key = (*grid.anchors[place], round(part.bottom))
            seen[key] = seen.get(key, 0) + 1
    return sum(count > 1 for count in seen.values()) > _COARSE * len(seen)


def _joined(parts: list[Part]) -> str:
    """Return the words of a cell, line by line."""
    way = -1 if runs_right_to_left([part.text for part in parts]) else 1
    rows = sorted(parts, key=lambda part: (-round(part.bottom / 3), way * part.left))
    return squeeze(" ".join(part.text for part in rows).replace("\ufffe ", "\ufffe"))
