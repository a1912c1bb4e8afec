"""Lines of a page in reading order where geometry matters: columns side by side, and tables with their cells."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import pairwise
from statistics import mean

from ragkit_ingest.readers.grid import JOIN
from ragkit_ingest.readers.pdf.geometry import GAP, Rows, blocks_of, column_of
from ragkit_ingest.readers.pdf.glyphs import Glyphs, Part, RawLine
from ragkit_ingest.readers.pdf.right_to_left import mirrored, runs_right_to_left
from ragkit_ingest.readers.pdf.rows import Row, RuledTable
from ragkit_ingest.readers.pdf.tables.levels import (
    Levelled,
    cell_lines,
    is_amount,
    is_number,
    joined,
    on_levels,
    put_beside,
    with_mark,
)
from ragkit_ingest.readers.pdf.tables.names import with_names
from ragkit_ingest.readers.pdf.tables.stacked_names import with_stacked_names
from ragkit_ingest.readers.titles import squeeze

_LOOSE = 0.66  # a line whose letters take more of their height in width than this on average has gaps
_FULL = 90  # a line of more letters than this that is not loose is running text
_NARROW = 0.3  # letter heights between column names that are close together: wider than a space
_NEAR = 2  # lines around a loose one that are looked at
_SAMPLE = 4  # lines of running text that are looked at for a gutter between columns
_LONG = 45  # letters that a line over two columns has at least
_PROSE = 16  # letters that parts of running text in columns have on average, at least
_DENSE_PROSE = 10  # the same for scripts without capitals, of which some have a sign for a word
_FULL_LINE = 0.7  # of the longest line of a column: lines of scripts without capitals that are running text
_FEW_LINES = 3
_SHORT_COLUMN = 8  # rows that a block of addresses has at most
_BESIDE = re.compile(
    r"(?:bill|ship|sold|deliver|invoice|mail|remit)(?:ed)? to|from|to|buyer|seller|vendor|customer|supplier|sender|"
    r"recipient|client|payer|payee|(?:billing|shipping|delivery|postal|mailing|invoice) address|absender|empfänger|"
    r"(?:rechnungs|liefer)(?:adresse|anschrift)|käufer|verkäufer|kunde|lieferant|acheteur|vendeur|"
    r"adresse de (?:facturation|livraison)|facturar a|enviar a|landlord|tenant|lessor|lessee",
    re.IGNORECASE,
)
_SIGN = re.compile(r"[$€£¥]|[%)*]+|\)%")
_STREET = re.compile(r"\b\d{1,4}[a-z]?(?:,|$)|\b\d{4,5}\b(?:-\d{4})?|^\d{1,5} [A-Z]")


def arrange(
    lines: Sequence[RawLine], glyphs: Glyphs, *, every: bool = False, tables: Callable[[], list[RuledTable]]
) -> list[Row]:
    """Return the rows of a page: columns one after the other, tables as cells, everything else in the file's order.

    every: gaps are looked for in all lines, whatever their looks. tables: finds those drawn with lines; it is asked
    only on pages that seem to have any.
    """
    loose = [at for at, line in enumerate(lines) if _is_loose(line)]
    beside = [at for at in range(1, len(lines)) if _stands_beside(lines[at - 1], lines[at])]
    near = set(range(len(lines))) if every else _looked_at(lines, loose, beside, glyphs)
    drawn = tables() if near or loose or beside else []
    if not near and not drawn:
        return [Row([_whole(line)], bold=line.bold) for line in lines]
    found: list[Row] = []
    turned = runs_right_to_left([line.text for line in lines])
    taken = {at: table for table in drawn for at in table.lines}
    start = 0
    given: set[int] = set()
    for at in range(len(lines) + 1):
        table = taken.get(at)
        if at < len(lines) and table is None:
            continue
        kept = range(start, at)
        rows: list[list[Part]] = []
        bold: list[bool] = []
        sources: dict[int, RawLine] = {}
        for one in kept:
            rows += map(with_mark, _on_levels(glyphs.parts(lines[one]))) if one in near else [[_whole(lines[one])]]
            bold += [lines[one].bold] * (len(rows) - len(bold))
            sources[id(rows[-1][0])] = lines[one]
        split = partial(_split, sources=sources, glyphs=glyphs)
        levelled = on_levels(*with_stacked_names(*put_beside(rows, bold), split))
        if turned:
            found += _arranged_either_way(levelled, len(found))
        else:
            found += arranged(levelled, number=len(found), words=_words_of(levelled.rows, sources, glyphs))
        if table is not None and id(table) not in given:
            given.add(id(table))
            found += table.rows
        start = at + 1
    return found


def arranged(page: Levelled, *, number: int = 0, words: Callable[[int], Sequence[Part]] | None = None) -> list[Row]:
    """Return rows of parts in reading order: those that share columns are columns of text, or a table.

    number: of the first table among them. words: gives the parts of a row by narrow gaps, where that is known.
    """
    found: list[Row] = []
    at = 0
    for count, shared in enumerate(_blocks(page.rows)):
        block, texts = shared, _texts(shared)
        if words is not None and (shared.heads or _needs_cells(_signs_joined(texts))):
            block = with_names(shared, words, at)
        found += [Row(row, bold=bold) for row, bold in page.plain(at, block.start)]
        cells = texts if block is shared else _texts(block)
        found += _block(block, cells, page.bold[block.start : block.end], number + count)
        at = block.end
    return found + [Row(row, bold=bold) for row, bold in page.plain(at, len(page.rows))]


def _blocks(rows: Sequence[list[Part]]) -> Iterator[Rows[Part]]:
    """Yield the blocks of rows that share columns; names of several lines, with those over them, begin a block."""
    starts = [0]
    for at, row in enumerate(rows):
        if any(part.lines > 1 for part in row):
            under = at > 0 and 1 < len(rows[at - 1]) < len(row)
            starts.append(max(at - under, starts[-1]))
    for start, end in pairwise([*starts, len(rows)]):
        for block in blocks_of(rows[start:end]):
            block.start += start
            yield block


def _arranged_either_way(page: Levelled, number: int) -> list[Row]:
    """Return the rows of a right-to-left page in reading order."""
    found = arranged(Levelled(mirrored(page.rows), page.bold), number=number)
    mirrored([row.parts for row in found])
    return found


def _words_of(
    rows: Sequence[list[Part]], sources: Mapping[int, RawLine], glyphs: Glyphs
) -> Callable[[int], Sequence[Part]]:
    """Return a function that splits a row at narrow gaps. sources: lines by the identity of their first part."""

    return lambda index: _split(rows[index], gap=_NARROW, sources=sources, glyphs=glyphs)


def _split(row: list[Part], *, gap: float = GAP, sources: Mapping[int, RawLine], glyphs: Glyphs) -> list[Part]:
    """Return the parts of a row between gaps of so many letter heights, as far as its line is known."""
    line = sources.get(id(row[0]))
    return glyphs.parts(line, gap=gap) if line is not None else row


def _on_levels(parts: list[Part]) -> list[list[Part]]:
    """Return the parts of a line as rows: one for each level that they stand on."""
    rows = [[parts[0]]]
    for part in parts[1:]:
        if part.bottom == rows[-1][-1].bottom:
            rows[-1].append(part)
        else:
            rows.append([part])
    return rows


def _whole(line: RawLine) -> Part:
    return Part(line.shown(), line.left, line.right, line.bottom, line.height)


def _stands_beside(last: RawLine, line: RawLine) -> bool:
    """Tell whether a line stands to the right of the one before it and higher, as in the next cell of a row."""
    return line.height > 0 and line.left > last.right and line.bottom > last.bottom


def _looked_at(lines: Sequence[RawLine], loose: Sequence[int], beside: Sequence[int], glyphs: Glyphs) -> set[int]:
    """Return the lines to split into parts: those around lines that seem to have gaps or to be in the next cell."""
    near: set[int] = set()
    if len(loose) > 1 or len(beside) > 1:
        for at in [*loose, *beside]:
            around = range(max(at - _NEAR, 0), min(at + _NEAR + 1, len(lines)))
            near.update(one for one in around if one == at or len(lines[one].text) < _FULL)
    if _has_gutter(lines, glyphs):
        return set(range(len(lines)))
    return near


def _is_loose(line: RawLine) -> bool:
    return line.height > 0 and " " in line.text and line.right - line.left > _LOOSE * line.height * len(line.text)


def _has_gutter(lines: Sequence[RawLine], glyphs: Glyphs) -> bool:
    """Tell whether consecutive long lines have a gap at the same place: text in two columns, drawn row by row."""
    run: list[RawLine] = []
    tried = 0
    for line in lines:
        if len(line.text) < _LONG or not line.pieces:
            run = []
            continue
        run.append(line)
        if len(run) == _SAMPLE:
            parts: list[list[Part]] = []
            for one in run:
                parts.append(glyphs.parts(one))
                if sum(len(row) == 1 for row in parts) > 1:  # too many without a gap: the rest need no look
                    break
            else:
                if any(sum(len(row) > 1 for row in block.rows) >= _SAMPLE - 1 for block in blocks_of(parts)):
                    return True
            tried, run = tried + 1, []
            if tried == 2:
                return False
    return False


def _block(block: Rows[Part], cells: list[list[str]], bold: Sequence[bool], number: int) -> list[Row]:
    """Return a block of rows as columns or as a table; rows of numbers without blank cells stay plain lines.

    cells: the words of its rows by column.
    """
    stacked = any(part.lines > 1 for part in block.rows[0])
    if not block.heads and not stacked and _are_columns(cells):
        return _columns(block, bold)
    cells = _signs_joined([*_head_cells(block), *cells], heads=len(block.heads))
    if not block.heads and not stacked and not _needs_cells(cells):
        return [Row(row, bold=weight) for row, weight in zip(block.rows, bold, strict=True)]
    named = _named(cells, len(block.heads))
    parts = [*block.heads, *block.rows][len(cells) - len(named) :]
    weights = bold[len(cells) - len(named) :]
    rows: list[Row] = []
    for group in cell_lines(named, parts):
        texts = joined([named[at] for at in group])
        row = [part for at in group for part in parts[at]]
        weight = all(weights[at] for at in group)
        if rows and _continues(rows[-1].cells, texts):
            rows[-1].cells = tuple(squeeze(f"{a} {b}") for a, b in zip(rows[-1].cells, texts, strict=True))
        else:
            rows.append(Row(row, bold=weight, cells=tuple(texts), table=number))
    return rows


def _texts(block: Rows[Part]) -> list[list[str]]:
    """Return the words of a block's rows by column."""
    return [[" ".join(part.text for part in parts) for parts in block.cells(row)] for row in block.rows]


def _head_cells(block: Rows[Part]) -> list[list[str]]:
    """Return the rows of names over several columns, each name in every column that it stands over."""
    found: list[list[str]] = []
    for row in block.heads:
        texts = [""] * len(block.columns)
        for part in row:
            for column in block.over(part) or [column_of(part, block.columns)]:
                texts[column] = part.text
        found.append(texts)
    return found


def _named(cells: list[list[str]], heads: int) -> list[list[str]]:
    """Return the rows with those of names over several columns joined to the row of names below them, if it is one."""
    if not heads:
        return cells
    last = heads if any(map(is_amount, cells[heads])) else heads + 1
    names = [JOIN.join(dict.fromkeys(row[at] for row in cells[:last] if row[at])) for at in range(len(cells[0]))]
    return [names, *cells[last:]]


def _columns(block: Rows[Part], bold: Sequence[bool]) -> list[Row]:
    rows: list[Row] = []
    for column in range(len(block.columns)):
        for row, weight in zip(block.rows, bold, strict=True):
            parts = block.cells(row)[column]
            if parts:
                rows.append(Row(parts, bold=weight))
    return rows


def _are_columns(cells: Sequence[Sequence[str]]) -> bool:
    """Tell whether two or three columns are read one after the other: running text, or addresses beside each other."""
    width = len(cells[0])
    if width > 3:
        return False
    sides = [[row[at] for row in cells if row[at]] for at in range(width)]
    if any(len(side) < 2 for side in sides):
        return False
    values = sum(is_number(text) for side in sides for text in side)
    if values * 5 > sum(map(len, sides)):
        return False
    if len(cells) >= 3 and all(mean(map(len, side)) >= _long(side) and _runs_on(side) for side in sides):
        return True
    return len(cells) <= _SHORT_COLUMN and _are_addresses(cells, sides)


def _runs_on(side: Sequence[str]) -> bool:
    """Tell whether the lines of a column continue in the next line, as in running text."""
    going = sum(
        below[:1].islower() or above.endswith((",", "-", "\ufffe")) or not above.endswith((".", ":", "?", "!"))
        for above, below in pairwise(side)
    )
    if going * 2 < len(side) - 1:
        return False
    if not any(map(_has_case, side)):  # only full lines identify running text
        full = sum(len(text) >= _FULL_LINE * max(map(len, side)) for text in side)
        return len(side) > _FEW_LINES and full * 4 >= len(side) * 3
    return sum(below[:1].islower() for below in side[1:]) * 4 >= len(side) - 1


def _long(side: Sequence[str]) -> int:
    """Return the least average number of letters in the lines of a column of running text."""
    return _PROSE if any(map(_has_case, side)) else _DENSE_PROSE


def _has_case(text: str) -> bool:
    return text.upper() != text.lower()


def _are_addresses(cells: Sequence[Sequence[str]], sides: Sequence[Sequence[str]]) -> bool:
    first = [text for text in cells[0] if text]
    if len(first) == len(sides) and len(first) > 1:
        headed = sum(text.endswith(":") or _BESIDE.fullmatch(text.rstrip(": ")) is not None for text in first)
        below = [text for row in cells[1:] for text in row if text]
        if headed == len(first) and not any(text.endswith(":") for text in below):
            return True
    labels = any(text.endswith(":") for side in sides for text in side)
    return (
        not labels
        and len(cells) >= 3
        and all(len(side) >= 3 and sum(_STREET.search(text) is not None for text in side) >= 1 for side in sides)
        and all(" " in side[1] and not any(map(str.isdigit, side[0])) for side in sides)
        and not any(is_number(text) for side in sides for text in side)
    )


def _signs_joined(cells: Sequence[Sequence[str]], *, heads: int = 0) -> list[list[str]]:
    """Return cells with columns of currency signs put before the next column, and of percent signs behind the last.

    heads: rows at the top whose names stand over several columns.
    """
    width = len(cells[0])
    keep: list[list[str]] = [list(row) for row in cells]
    for column in range(width - 1, -1, -1):
        side = [row[column] for row in keep[heads:] if row[column]]
        if not side or width < 2 or not all(map(_SIGN.fullmatch, side)):
            continue
        before = all(text in "$€£¥" for text in side) and column + 1 < len(keep[0])
        other = column + 1 if before else column - 1
        figures = [row[other] for row in keep[heads:] if row[column]] if other >= 0 else []
        if not figures or not all(is_number(text) and not _SIGN.fullmatch(text) for text in figures):
            continue
        for row in keep:
            pair = (row[column], row[other]) if before else (row[other], row[column])
            row[other] = " ".join(dict.fromkeys(text for text in pair if text))
            del row[column]
    return keep


def _needs_cells(cells: Sequence[Sequence[str]]) -> bool:
    """Tell whether a table needs marked cells, because plain text would not show its columns: blank cells inside, or
    cells of words."""
    width = len(cells[0])
    if width < 2:
        return False
    blank = any(sum(map(bool, row)) >= 2 and not all(row[1:]) for row in cells)
    words = sum(" " in text and not is_number(text) for row in cells for text in row[1:])
    return (blank and width > 2) or words * 4 > sum(bool(text) for row in cells for text in row[1:])


def _continues(above: Sequence[str], row: Sequence[str]) -> bool:
    """Tell whether a row continues the text cells of the row above."""
    filled = [at for at, text in enumerate(row) if text]
    if not above or not filled or len(filled) == len(row) or any(not above[at] for at in filled):
        return False
    if row[0] and len(filled) > 1:
        return False
    return all(row[at][:1].islower() and not is_number(row[at]) and len(row[at]) > 1 for at in filled) and any(
        len(above[at]) > 8 for at in filled
    )
