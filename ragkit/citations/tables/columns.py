"""Statement + row -> whether it gives a column the value of another one, or denies what a "yes" holds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import permutations
from typing import Final

from ragkit.citations.quantities import denies, superlatives
from ragkit.citations.tables.claim import ANSWERS, NO, TableClaim
from ragkit.citations.tables.rows import Cell, Row, Table, key_columns

_EMPTY: Final = re.compile(r"[\W_]*|n/?a", re.IGNORECASE)
_SEGMENT: Final = re.compile(r"[,;:]\s|\b(?:but|while|whereas|and|aber|und|mais|et|pero|y)\b", re.IGNORECASE)


def column_fault(claim: TableClaim, table: Table, row: Row) -> str:
    """Return the fault when a statement gives a value of a row to a column that has another one there, else "".

    Columns are told apart by the words that only one of two names has: "low" and "high" of "Price low season" and
    "Price high season", "Girls" and "Boys" below one year. A value whose own column is not named, beside a named column
    of the same kind whose value is not said, is given to that one. Two values with two such words belong to each other
    in their order. What a "yes" or "no" holds may not be denied, or said without a denial.
    """
    if not table.names:
        return ""
    if fault := _turned(claim, table, row):
        return fault
    if any(bound.number not in table.named_terms for bound in claim.compared) or superlatives(claim.text):
        return ""
    return _of_other_column(claim, table, row) or _crossed(claim, table, row)


def _of_other_column(claim: TableClaim, table: Table, row: Row) -> str:
    spoken = frozenset(token.term for token in claim.tokens)
    free = spoken - _accounted_for(claim, table, row)
    for at, other in _pairs(table, row):
        value, own = row.cells[at], row.cells[other]
        mine, theirs = _told_apart(table.names[at], table.names[other])
        if not (_has(claim, value, row) and _are_of_a_kind(value, own)) or _is_mentioned(claim, own, row):
            continue
        siblings = table.names[at].terms & table.names[other].terms
        named = theirs & free - value.terms if siblings else table.names[other].terms <= free - value.terms
        if named and not mine & spoken - value.terms:
            return f"{own.text!r} is its {table.names[other].text}"
    return ""


def _pairs(table: Table, row: Row) -> Iterator[tuple[int, int]]:
    """Yield the pairs of columns with values that differ and that name no row."""
    keys = key_columns(table)
    columns = [at for at in range(min(len(row.cells), len(table.names))) if at not in keys]
    yield from (pair for pair in permutations(columns, 2) if row.cells[pair[0]].order != row.cells[pair[1]].order)


def _accounted_for(claim: TableClaim, table: Table, row: Row) -> frozenset[str]:
    """Return the terms that say which row is meant: of its keys, and of columns that are named with their value."""
    keys = key_columns(table)
    found = frozenset[str]()
    for at, cell in enumerate(row.cells[: len(table.names)]):
        name = table.names[at].terms
        if at in keys:
            found |= cell.terms
        elif name and name <= claim.terms and cell.text[:1].isalpha() and cell.terms and claim.says(cell):
            found |= name
    return found


def _has(claim: TableClaim, cell: Cell, row: Row) -> bool:
    """Return whether a statement has a cell's value, or one end of its range that no other cell of the row has."""
    if cell.terms and claim.says(cell):
        return True
    figures = {term for term in cell.terms if term[:1].isdigit()} if len(cell.runs) > 1 else set[str]()
    return bool(figures & claim.terms - _other_terms(cell, row))


def _is_mentioned(claim: TableClaim, cell: Cell, row: Row) -> bool:
    """Return whether a statement has a cell's value or one of its own words, or denies where it is nought."""
    words = {term for term in cell.terms if not term[:1].isdigit()}
    nought = cell.order == ("0",) and denies(claim.text)
    return nought or _has(claim, cell, row) or bool(words & claim.terms - _other_terms(cell, row))


def _other_terms(cell: Cell, row: Row) -> frozenset[str]:
    return frozenset[str]().union(*(other.terms for other in row.cells if other is not cell))


def _told_apart(name: Cell, other: Cell) -> tuple[frozenset[str], frozenset[str]]:
    """Return the terms that only one of two names of columns has, each side's; stop words where there are no others."""
    mine, theirs = name.terms - other.terms, other.terms - name.terms
    if mine or theirs:
        return mine, theirs
    return frozenset(name.order) - frozenset(other.order), frozenset(other.order) - frozenset(name.order)


def _are_of_a_kind(value: Cell, own: Cell) -> bool:
    """Return whether two values could stand for each other: both with figures or both without, and alike in "%"."""
    if _EMPTY.fullmatch(own.text):
        return True
    return _has_figures(value) == _has_figures(own) and ("%" in value.text) == ("%" in own.text)


def _has_figures(cell: Cell) -> bool:
    return any(character.isdigit() for character in cell.text)


def _crossed(claim: TableClaim, table: Table, row: Row) -> str:
    """Return the fault of two values whose columns are named in the opposite order, else ""."""
    for at, other in _pairs(table, row):
        if not table.names[at].terms & table.names[other].terms:
            continue
        names = _told_apart(table.names[at], table.names[other])
        places = [claim.place(terms) for terms in (row.cells[at].terms, row.cells[other].terms, *names)]
        if None in places:
            continue
        value, own, name, its = (place or 0 for place in places)
        if (value < own) != (name < its):
            return f"{row.cells[at].text!r} is its {table.names[at].text}"
    return ""


def _turned(claim: TableClaim, table: Table, row: Row) -> str:
    """Return the fault of a statement that denies a column with a "yes", or names one with a "no" without denial."""
    keys = key_columns(table)
    for at in range(min(len(row.cells), len(table.names))):
        name, cell = table.names[at], row.cells[at]
        if at in keys or not name.terms or not name.terms <= claim.terms:
            continue
        answer = cell.text.strip().lower()
        if answer not in ANSWERS:
            continue
        segment = _segment_of(claim, name.terms)
        if denies(segment) != (answer in NO):
            return f"{cell.text!r} is its {name.text}"
    return ""


def _segment_of(claim: TableClaim, terms: frozenset[str]) -> str:
    """Return the part of a statement, between commas and conjunctions, that names a column."""
    place = claim.place(terms)
    if place is None:
        return claim.text
    cuts = [match.start() for match in _SEGMENT.finditer(claim.text)]
    start = max((cut for cut in cuts if cut <= place), default=0)
    end = min((cut for cut in cuts if cut > place), default=len(claim.text))
    return claim.text[start:end]
