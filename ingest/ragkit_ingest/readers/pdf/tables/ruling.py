"""Tables that are drawn with lines: their grid from the page's strokes, merged cells where an inner line is missing."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import compress, pairwise, repeat
from statistics import median
from typing import Any

from ragkit_ingest.readers.grid import Cell
from ragkit_ingest.readers.pdf.calls import address_of, plain_call

_OBJECTS = 1_000  # a page of more objects is a drawing
_STROKES = 1_200
_PIECES = 20_000  # of strokes, as tables have that draw each cell's part of a line by itself
_SEGMENTS = 400
_THIN = 2.2  # points: what is thinner is a line
_LONG = 6.0
_SNAP = 2.5  # points: lines that are nearer are one
_COLUMNS, _ROWS = 60, 400
_PATH = 2  # type of an object
_MOVE, _LINE = 2, 0  # types of a segment
_SHARED = 0.6  # lines across an open table that end together
_FRAME = 0.75  # a cell over so much of the grid is a frame


@dataclass(frozen=True, slots=True)
class Stroke:
    """A level (or upright) line at `at`, from `low` to `high`, in points."""

    at: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Ruled:
    """A grid of lines. xs: edges of columns from the left; ys: edges of rows from the top; anchors: for each place
    (row, column) the upper left place of the cell that fills it."""

    xs: tuple[float, ...]
    ys: tuple[float, ...]
    anchors: dict[tuple[int, int], tuple[int, int]]

    def place(self, x: float, y: float) -> tuple[int, int] | None:
        """Return the place (row, column) of a point, None outside."""
        column = next((at for at, (low, high) in enumerate(pairwise(self.xs)) if low <= x < high), -1)
        row = next((at for at, (high, low) in enumerate(pairwise(self.ys)) if low <= y < high), -1)
        return (row, column) if row >= 0 and column >= 0 else None

    def is_single(self, row: int, column: int) -> bool:
        """Tell whether a place is in a cell of one row."""
        return all(self.anchors.get((other, column)) != self.anchors[row, column] for other in (row - 1, row + 1))

    def split(self, row: int, at: float, columns: frozenset[int]) -> Ruled:
        """Return the grid with one of its rows cut in two at a height; cells of other columns then span both."""
        anchors: dict[tuple[int, int], tuple[int, int]] = {}
        for (above, column), (top, left) in self.anchors.items():
            anchor = (top + (top > row), left)
            anchors[above + (above > row), column] = anchor
            if above == row:
                anchors[row + 1, column] = (row + 1, left) if column in columns else anchor
        return Ruled(self.xs, (*self.ys[: row + 1], at, *self.ys[row + 1 :]), anchors)

    def cells(self, texts: dict[tuple[int, int], str]) -> list[list[Cell]]:
        """Return rows of cells with their spans; texts: by the cell's upper left place."""
        own: dict[tuple[int, int], list[tuple[int, int]]] = {}
        for place, anchor in self.anchors.items():
            own.setdefault(anchor, []).append(place)
        rows: list[list[Cell]] = [[] for _ in self.ys[1:]]
        for (row, column), places in sorted(own.items()):
            down = max(place[0] for place in places) - row + 1
            across = max(place[1] for place in places) - column + 1
            rows[row].append(Cell(texts.get((row, column), ""), down, across))
        return rows


def ruled_grids(api: Any, page: Any) -> list[Ruled]:
    """Return the grids of a page, from the top."""
    level, upright, shaded = _strokes(api, page)
    if len(level) + len(upright) > _PIECES:
        return []
    level, upright = _joined(level), _joined(upright)
    if len(level) < 2 or len(upright) < 2 or len(level) + len(upright) > _STROKES:
        return []
    found = [grid for some in _connected(level, upright) if (grid := _shaded_grid(*some, shaded)) is not None]
    return sorted(found, key=lambda grid: -grid.ys[0])


def _shaded_grid(level: list[Stroke], upright: list[Stroke], shaded: Sequence[Stroke]) -> Ruled | None:
    """Return the grid of connected lines, with rows that only shading separates; None when the lines make no table."""
    grid = _grid(level, upright)
    if grid is None or not shaded:
        return grid
    return _grid(_with_shades(level, upright, shaded), upright) or grid


def _with_shades(level: list[Stroke], upright: list[Stroke], shaded: Sequence[Stroke]) -> list[Stroke]:
    """Return the level lines of a grid with the edges of shaded cells inside, which set a row apart without a line."""
    low, high = min(line.low for line in upright), max(line.high for line in upright)
    sides = {line.at for line in upright} | {end for line in level for end in (line.low, line.high)}

    def at_sides(edge: Stroke) -> bool:
        return all(any(abs(side - end) <= _SNAP for side in sides) for end in (edge.low, edge.high))

    inside = [edge for edge in shaded if low + _LONG < edge.at < high - _LONG and at_sides(edge)]
    return _joined([*level, *inside]) if inside else level


def _strokes(api: Any, page: Any) -> tuple[list[Stroke], list[Stroke], list[Stroke]]:
    """Return the horizontal and vertical lines of a page, and the horizontal edges of filled areas."""
    level: list[Stroke] = []
    upright: list[Stroke] = []
    shaded: list[Stroke] = []
    count = api.FPDFPage_CountObjects(page)
    if count > _OBJECTS:
        return level, upright, shaded
    bounds = (ctypes.c_float * 4)()
    edges, sides = [ctypes.addressof(bounds) + 4 * at for at in range(4)], memoryview(bounds).cast("B").cast("f")
    fill, stroke = ctypes.c_int(), ctypes.c_int()
    number = ctypes.c_void_p
    object_at = plain_call(api, "FPDFPage_GetObject", number, ctypes.c_int, returns=number)
    type_of = plain_call(api, "FPDFPageObj_GetType", number)
    bounds_of = plain_call(api, "FPDFPageObj_GetBounds", *[number] * 5)
    objects = [*map(object_at, repeat(address_of(page)), range(count))]
    for found in compress(objects, map(_PATH.__eq__, map(type_of, objects))):
        if not bounds_of(found, *edges):
            continue
        left, bottom, right, top = sides
        if top - bottom <= _THIN and right - left >= _LONG:
            level.append(Stroke((top + bottom) / 2, left, right))
        elif right - left <= _THIN and top - bottom >= _LONG:
            upright.append(Stroke((left + right) / 2, bottom, top))
        else:
            one = ctypes.cast(found, api.FPDF_PAGEOBJECT)
            if not api.FPDFPath_GetDrawMode(one, fill, stroke):
                continue
            if fill.value:
                shaded += [Stroke(edge, left, right) for edge in (top, bottom)]
            if stroke.value:
                for start, end in _segments(api, one):
                    _sort_in(start, end, level, upright)
    return level, upright, shaded


def _sort_in(start: tuple[float, float], end: tuple[float, float], level: list[Stroke], upright: list[Stroke]) -> None:
    (x0, y0), (x1, y1) = start, end
    if abs(y0 - y1) <= 1.0 and abs(x0 - x1) >= _LONG:
        level.append(Stroke((y0 + y1) / 2, min(x0, x1), max(x0, x1)))
    elif abs(x0 - x1) <= 1.0 and abs(y0 - y1) >= _LONG:
        upright.append(Stroke((x0 + x1) / 2, min(y0, y1), max(y0, y1)))


def _segments(api: Any, path: Any) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """Return the straight pieces of a path, in points of the page."""
    count = api.FPDFPath_CountSegments(path)
    matrix = api.FS_MATRIX()
    if not 0 < count <= _SEGMENTS or not api.FPDFPageObj_GetMatrix(path, matrix):
        return []
    found: list[tuple[tuple[float, float], tuple[float, float]]] = []
    x, y = ctypes.c_float(), ctypes.c_float()
    begin = last = (0.0, 0.0)
    for at in range(count):
        segment = api.FPDFPath_GetPathSegment(path, at)
        if not api.FPDFPathSegment_GetPoint(segment, x, y):
            return []
        point = (
            matrix.a * x.value + matrix.c * y.value + matrix.e,
            matrix.b * x.value + matrix.d * y.value + matrix.f,
        )
        kind = api.FPDFPathSegment_GetType(segment)
        if kind == _MOVE:
            begin = point
        elif kind == _LINE:
            found.append((last, point))
        last = point
        if api.FPDFPathSegment_GetClose(segment):
            found.append((point, begin))
            last = begin
    return found


def _joined(lines: list[Stroke]) -> list[Stroke]:
    """Return lines, with the pieces of one line joined."""
    found: list[Stroke] = []
    bundle: list[Stroke] = []
    for line in sorted(lines, key=lambda one: one.at):
        if bundle and line.at - bundle[0].at > _SNAP:
            found += _whole(bundle)
            bundle = []
        bundle.append(line)
    return found + _whole(bundle)


def _whole(pieces: list[Stroke]) -> list[Stroke]:
    """Return pieces of lines at one place with those joined that touch."""
    found: list[Stroke] = []
    for piece in sorted(pieces, key=lambda one: one.low):
        last = found[-1] if found else None
        if last is not None and piece.low <= last.high + _SNAP:
            found[-1] = Stroke(last.at, last.low, max(last.high, piece.high))
        else:
            found.append(Stroke(pieces[0].at, piece.low, piece.high))
    return found


def _connected(level: list[Stroke], upright: list[Stroke]) -> list[tuple[list[Stroke], list[Stroke]]]:
    """Return groups of lines that cross or touch each other."""
    parent = list(range(len(level) + len(upright)))
    for one, line in enumerate(level):
        for other, post in enumerate(upright, len(level)):
            meets = (
                line.low - _SNAP <= post.at <= line.high + _SNAP and post.low - _SNAP <= line.at <= post.high + _SNAP
            )
            if meets:
                parent[_root(parent, one)] = _root(parent, other)
    groups: dict[int, tuple[list[Stroke], list[Stroke]]] = {}
    for at, line in enumerate([*level, *upright]):
        groups.setdefault(_root(parent, at), ([], []))[at >= len(level)].append(line)
    return list(groups.values())


def _root(parent: list[int], at: int) -> int:
    while parent[at] != at:
        parent[at] = parent[parent[at]]
        at = parent[at]
    return at


def _edges(lines: Sequence[Stroke]) -> list[float]:
    """Return the positions of lines; lines near each other count as one."""
    found: list[float] = []
    for line in sorted(lines, key=lambda one: one.at):
        if not found or line.at - found[-1] > _SNAP:
            found.append(line.at)
    return found


def _with_ends(edges: list[float], across: Sequence[Stroke]) -> list[float]:
    """Return the edges of rows or columns, with those of a table that is open at its sides: where most lines across end
    together."""
    ends = [median(line.low for line in across), median(line.high for line in across)]
    shared = [
        sum(abs(line.low - ends[0]) <= _SNAP for line in across),
        sum(abs(line.high - ends[1]) <= _SNAP for line in across),
    ]
    if len(edges) < 2:
        return edges
    most = max(2.0, _SHARED * len(across))
    before = ends[:1] if shared[0] >= most and ends[0] < edges[0] - _LONG else []
    behind = ends[1:] if shared[1] >= most and ends[1] > edges[-1] + _LONG else []
    return [*before, *edges, *behind]


def _grid(level: list[Stroke], upright: list[Stroke]) -> Ruled | None:
    """Return the grid of connected lines; None when they make no table."""
    if len(level) < 2 or len(upright) < 2:
        return None
    xs, ys = _with_ends(_edges(upright), level), _with_ends(_edges(level), upright)[::-1]
    if not (3 <= len(xs) <= _COLUMNS + 1 and 3 <= len(ys) <= _ROWS + 1):
        return None
    rows, columns = len(ys) - 1, len(xs) - 1
    parent = list(range(rows * columns))

    def join(one: int, other: int) -> None:
        high, low = sorted((_root(parent, one), _root(parent, other)))
        parent[low] = high

    across, down = _covers(upright), _covers(level)
    for row in range(rows):
        middle = (ys[row] + ys[row + 1]) / 2
        for column in range(columns):
            at = row * columns + column
            if column + 1 < columns and not across(xs[column + 1], middle):
                join(at, at + 1)
            if row + 1 < rows and not down(ys[row + 1], (xs[column] + xs[column + 1]) / 2):
                join(at, at + columns)
    anchors = {(at // columns, at % columns): divmod(_root(parent, at), columns) for at in range(rows * columns)}
    return Ruled(tuple(xs), tuple(ys), anchors) if _is_table(anchors, rows * columns) else None


def _covers(lines: Sequence[Stroke]) -> Callable[[float, float], bool]:
    """Return a function that tells whether a line at a position covers a point."""

    def covered(at: float, point: float) -> bool:
        return any(abs(line.at - at) <= _SNAP and line.low - 1 <= point <= line.high + 1 for line in lines)

    return covered


def _is_table(anchors: dict[tuple[int, int], tuple[int, int]], places: int) -> bool:
    """Tell whether all cells are rectangles, and none is nearly all of the grid."""
    own: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for place, anchor in anchors.items():
        own.setdefault(anchor, []).append(place)
    for cell in own.values():
        height = max(row for row, _ in cell) - min(row for row, _ in cell) + 1
        width = max(column for _, column in cell) - min(column for _, column in cell) + 1
        if height * width != len(cell) or len(cell) > _FRAME * places:
            return False
    return len(own) >= 4
