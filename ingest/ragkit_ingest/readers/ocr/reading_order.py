"""Boxes that OCR found on a page, in reading order: columns one after the other, cells of a row on one line."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean, median

from ragkit_ingest.readers.ocr.engine import OcrPage
from ragkit_ingest.readers.pdf.arrange import arranged
from ragkit_ingest.readers.pdf.glyphs import Part
from ragkit_ingest.readers.pdf.tables.levels import Levelled, put_beside
from ragkit_ingest.readers.pdf.tables.runs import is_value
from ragkit_ingest.readers.pdf.text import Line, line_of

_WIDE = 0.55  # a box with more of its region's width than this spans all columns
_GUTTER = 0.8  # columns are separated by so many letter heights
_COLUMN_BOXES = 3
_PROSE = 14  # letters that lines of a column have on average
_DEPTH = 6
_EVEN = (0.65, 1.4)  # heights between these shares of the usual one are the usual one: boxes fit letters loosely


def ordered_lines(page: OcrPage, *, width: float = 0.0, height: float = 0.0) -> list[Line]:
    """Return the lines of a page in reading order.

    width, height: of the page in points, 0 to take pixels for points.
    """
    across = (width or page.width) / max(page.width, 1)
    up = (height or page.height) / max(page.height, 1)
    top = height or float(page.height)
    parts = [
        Part(line.text, line.left * across, line.right * across, top - line.bottom * up, (line.bottom - line.top) * up)
        for line in page.lines
    ]
    if not parts:
        return []
    usual = median(part.height for part in parts)
    for part in parts:
        if _EVEN[0] * usual < part.height < _EVEN[1] * usual:
            middle = part.bottom + part.height / 2
            part.height, part.bottom = usual, middle - usual / 2
    return [line for region in _regions(parts, _DEPTH) for line in _lines(region)]


def _regions(parts: list[Part], depth: int) -> list[list[Part]]:
    """Cut a page into regions in reading order: at boxes over all columns, then at gutters."""
    left, right = min(part.left for part in parts), max(part.right for part in parts)
    if depth == 0 or len(parts) < 2 * _COLUMN_BOXES:
        return [parts]
    found: list[list[Part]] = []
    strip: list[Part] = []
    for part in sorted(parts, key=lambda one: -(one.bottom + one.height)):
        if part.right - part.left > _WIDE * (right - left):
            found += _columns(strip, depth)
            strip = []
            if found and len(found[-1]) and found[-1][0].right - found[-1][0].left > _WIDE * (right - left):
                found[-1].append(part)
            else:
                found.append([part])
        else:
            strip.append(part)
    return found + _columns(strip, depth)


def _columns(strip: list[Part], depth: int) -> list[list[Part]]:
    if not strip:
        return []
    at = _gutter(strip)
    if at is None:
        return [strip]
    before = [part for part in strip if part.right <= at]
    behind = [part for part in strip if part.right > at]
    return [*_regions(before, depth - 1), *_regions(behind, depth - 1)]


def _gutter(strip: Sequence[Part]) -> float | None:
    """Return where a gutter between two columns of running text is; None when there is none."""
    usual = median(part.height for part in strip)
    edge, best = -1.0, None
    for part in sorted(strip, key=lambda one: one.left):
        gap = part.left - edge
        if edge >= 0 and gap > _GUTTER * usual and (best is None or gap > best[0]):
            middle = edge + gap / 2
            sides = ([one for one in strip if one.right <= middle], [one for one in strip if one.right > middle])
            if all(map(_is_column, sides)):
                best = (gap, middle)
        edge = max(edge, part.right)
    return best[1] if best else None


def _is_column(side: Sequence[Part]) -> bool:
    words = [part for part in side if not all(map(is_value, part.text.split()))]
    return len(side) >= _COLUMN_BOXES and len(words) * 5 > len(side) * 4 and mean(len(p.text) for p in side) >= _PROSE


def _lines(region: list[Part]) -> list[Line]:
    rows: list[list[Part]] = []
    for part in sorted(region, key=lambda one: -(one.bottom + one.height / 2)):
        row = rows[-1] if rows else None
        if row is not None and row[0].bottom < part.bottom + part.height / 2 and not _over(row, part):
            row.append(part)
        else:
            rows.append([part])
    for row in rows:
        row.sort(key=lambda one: one.left)
    return [line_of(row) for row in arranged(Levelled(*put_beside(rows, [False] * len(rows))))]


def _over(row: Sequence[Part], part: Part) -> bool:
    """Tell whether a part stands over or under one of a row."""
    return any(min(one.right, part.right) - max(one.left, part.left) > 0.5 * one.height for one in row)
