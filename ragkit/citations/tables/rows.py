"""Passage -> the tables in it, as rows with their offsets, their cells as tokens, and the names of their columns."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ragkit.citations.tokens import Token, runs, tokens
from ragkit.text.tables import cells, has_cells

_CONTEXT_PART: Final = re.compile(r" › (?=[^›\n]*\|)|\n|: (?=[^|\n]*\|)")
_PAIR: Final = re.compile(
    r"\s*(?:[-*+•]\s+|\(?\w{1,3}[.)]\s+)?(?P<name>[^\s:|][^:|.!?\n]{0,60}?)\s*(?:\*\*|`)?(?::|\s[–—=]|\s->)(?:\*\*)?\s+(?P<value>\S[^\n]{0,200}?)\s*"
)
_STACKED: Final = re.compile(r"\s[>›]\s")
_RULE: Final = re.compile(r"\|?(?:\s*:?-{2,}:?\s*\|?)+")
_NUMERIC: Final = re.compile(r"[^\w]*\d[\d\s.,'’/:–-]*[\w%€£$¥]{0,4}[^\w]*")
_NAMING: Final = 0.5  # share of a column's values that have letters, from which on it may name rows
_LEADING_FIGURE: Final = re.compile(r"\W*\d")
_FIGURE: Final = re.compile(r"[-−–(]?\s*\d+(?:[.,'’]\d+)*")


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a row. terms: its terms without stop words. order: all terms in order. runs: see `tokens.runs`.

    core: the terms before a bracket or unit, by which people name a column ("Price" of "Price (EUR)").
    """

    text: str
    order: tuple[str, ...]
    core: tuple[str, ...]
    terms: frozenset[str]
    runs: frozenset[str]

    @property
    def begins_with_figure(self) -> bool:
        """Whether it is a number with words after it: "± 1 % of the reading"."""
        return self.value is not None and bool(_LEADING_FIGURE.match(self.text))

    @property
    def value(self) -> float | None:
        """The number of a cell that holds one number and little else; None for any other."""
        found = _FIGURE.findall(self.text)
        if len(found) != 1 or len(self.order) > 4:
            return None
        sign = -1.0 if found[0].strip()[:1] in "-−–(" else 1.0
        figures = next((term for term in self.order if term[:1].isdigit()), "")
        try:
            return sign * float(figures)
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table: `[start, end)` in the passage, and its cells."""

    start: int
    end: int
    cells: tuple[Cell, ...]

    @property
    def terms(self) -> frozenset[str]:
        """The terms of all its cells."""
        return frozenset[str]().union(*(cell.terms for cell in self.cells))

    @property
    def runs(self) -> frozenset[str]:
        """The runs of figures of all its cells."""
        return frozenset[str]().union(*(cell.runs for cell in self.cells))


@dataclass(frozen=True, slots=True)
class Table:
    """Consecutive rows. names: the names of the columns, () where they are not known. header: the line of the names."""

    names: tuple[Cell, ...]
    rows: tuple[Row, ...]
    header: str = ""

    @property
    def named_terms(self) -> frozenset[str]:
        """The terms of the names of all its columns."""
        return frozenset[str]().union(*(name.terms for name in self.names))


def read_tables(text: str, *, around: str = "", language: str = "en") -> list[Table]:
    """Return the tables of a passage. around: what stands above it; its last part with bars may name the columns."""
    tables = [table for lines in _blocks(text) if (table := _table(lines, around, language)) is not None]
    return tables + [_pairs(lines, language) for lines in _pair_blocks(text)]


def is_pair(line: str) -> bool:
    """Return whether a line is a name and its value: "- HP-305: 410.00 euros"."""
    return bool(_PAIR.fullmatch(line))


def is_stacked(name: str) -> bool:
    """Return whether the name of a column has several headings, one above the other: "Volume > Sample"."""
    return bool(_STACKED.search(name))


def _pair_blocks(text: str) -> Iterator[list[tuple[int, re.Match[str]]]]:
    """Yield runs of two lines or more that are a name and its value: "- HP-305: 410.00 euros"."""
    block: list[tuple[int, re.Match[str]]] = []
    position = 0
    for line in text.split("\n"):
        match = None if has_cells(line.strip()) else _PAIR.fullmatch(line)
        if match:
            block.append((position, match))
        elif line.strip():
            if len(block) > 1:
                yield block
            block = []
        position += len(line) + 1
    if len(block) > 1:
        yield block


def _pairs(lines: list[tuple[int, re.Match[str]]], language: str) -> Table:
    return Table(
        (),
        tuple(
            Row(
                start + match.start("name"),
                start + match.end("value"),
                (_cell(match["name"], language), _cell(match["value"], language)),
            )
            for start, match in lines
        ),
    )


def _blocks(text: str) -> Iterator[list[tuple[int, str]]]:
    """Yield runs of lines that have cells, each line with its offset."""
    block: list[tuple[int, str]] = []
    position = 0
    for line in text.split("\n"):
        if has_cells(line.strip()):
            if not _RULE.fullmatch(line.strip()):
                block.append((position, line))
        elif block:
            yield block
            block = []
        position += len(line) + 1
    if block:
        yield block


def _table(lines: list[tuple[int, str]], around: str, language: str) -> Table | None:
    found = [[_cell(text, language) for text in cells(line)] for _, line in lines]
    width = max(len(row) for row in found)
    header = ""
    names: tuple[Cell, ...] = ()
    if len(found) > 1 and _names_columns(found[0], found[1:]):
        names, header = _with_different_cores(found[0]), lines[0][1].strip()
        found, lines = found[1:], lines[1:]
    else:
        for part in reversed(_CONTEXT_PART.split(around)):
            above = cells(part) if " | " in part else []
            if len(above) > 1 and len(above) == width:
                names, header = _with_different_cores([_cell(text, language) for text in above]), part.strip()
                break
    if width < 2 or not found:
        return None
    rows = tuple(
        Row(start + len(line) - len(line.lstrip()), start + len(line.rstrip()), tuple(row))
        for (start, line), row in zip(lines, found, strict=True)
    )
    return Table(names, rows, header)


def _names_columns(first: list[Cell], below: list[list[Cell]]) -> bool:
    """Return whether a row has the column names: words, while the rows below it have values or other words."""
    filled = [cell for cell in first if cell.text]
    if len(filled) * 2 <= len(first) or any(len(cell.text) > 120 for cell in filled):
        return False
    numeric = sum(bool(_NUMERIC.fullmatch(cell.text)) for cell in filled)
    under = [cell for row in below for cell in row if cell.text]
    if not numeric:
        return True
    share = sum(bool(_NUMERIC.fullmatch(cell.text)) for cell in under) / max(1, len(under))
    return numeric / len(filled) < min(0.5, share)


def _cell(text: str, language: str) -> Cell:
    found: list[Token] = tokens(text, language=language)
    return Cell(
        text.strip(),
        tuple(token.term for token in found),
        tuple(token.term for token in tokens(_short_name(text), language=language)),
        frozenset(token.term for token in found if not token.stop) or frozenset(token.term for token in found),
        frozenset(runs(text)),
    )


def _short_name(text: str) -> str:
    """Return what people call a column: the last of stacked headings, without a bracket."""
    last = _STACKED.split(text)[-1]
    return last.partition("(")[0] or last


def _with_different_cores(names: Sequence[Cell]) -> tuple[Cell, ...]:
    """Return column names; those that share their short name are named by their whole text only."""
    cores = [name.core for name in names]
    return tuple(name if cores.count(name.core) == 1 else replace(name, core=name.order) for name in names)


def subject_row(phrases: Sequence[tuple[str, ...]], table: Table) -> Row | None:
    """Return the only row that a statement names, None where it names no row or several.

    phrases: the parts of the statement that equal a whole cell. A row's names are in columns with a different value
    in every row that are not mostly figures: a name, an article number.
    """
    said = set(phrases)
    naming = naming_columns(table)
    counts = [sum(at < len(row.cells) and row.cells[at].order in said for at in naming) for row in table.rows]
    most = max(counts, default=0)
    return table.rows[counts.index(most)] if most and counts.count(most) == 1 else None


def instead(phrases: Sequence[tuple[str, ...]], table: Table, subject: Row) -> str:
    """Return the cell of a subject's row in place of which a statement gives another row's value; "" for none."""
    said = set(phrases)
    naming = naming_columns(table)
    for at, own in enumerate(subject.cells):
        if at in naming or not own.terms or own.order in said:
            continue
        column = [row.cells[at] for row in table.rows if at < len(row.cells)]
        theirs = next((cell.text for cell in column if cell.order in said and cell.terms), "")
        if theirs:
            name = table.names[at].text if at < len(table.names) else ""
            return f"{own.text!r} is its {name or 'value'}, not {theirs!r}"
    return ""


def naming_columns(table: Table) -> list[int]:
    """Return the columns whose values differ in every row and begin with letters."""
    found = []
    for at in range(max((len(row.cells) for row in table.rows), default=0)):
        cells = [row.cells[at] for row in table.rows if at < len(row.cells)]
        named = sum(cell.text[:1].isalpha() for cell in cells)
        if len({cell.order for cell in cells}) == len(table.rows) and named >= _NAMING * len(cells):
            found.append(at)
    return found


def key_columns(table: Table) -> frozenset[int]:
    """Return the columns whose values name the rows: the first one that does so with letters, and the first of all
    where its values differ in every row."""
    first = [row.cells[0].order for row in table.rows if row.cells]
    return frozenset(naming_columns(table)[:1]) | (frozenset((0,)) if len(set(first)) == len(first) else frozenset())
