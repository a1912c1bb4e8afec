"""Statement + lines of a name and its value ("Head nurse: Tamsin Rowe") -> whether it mixes two lines."""

from __future__ import annotations

from typing import Final, Literal

from ragkit.citations.quantities import denies
from ragkit.citations.tables.claim import TableClaim
from ragkit.citations.tables.rows import Row, Table

_SENTENCE_ENDS: Final = (".", "!", "。")
_SENTENCE_TERMS: Final = 3  # content terms from which on a value with a full stop is a sentence
_MOST: Final = 0.6  # of the terms of a value that a statement must have to say it
_IDENTITIES: Final = frozenset(
    (
        "model",
        "name",
        "product",
        "title",
        "item",
        "device",
        "type",
        "modell",
        "produkt",
        "titel",
        "gerät",
        "nom",
        "modelo",
    )
)


def mixed_lines(claim: TableClaim, table: Table) -> tuple[Row, str] | None:
    """Return the line of a statement's name and the fault when the statement gives it the value of another line.

    It does when it has the whole name of one line and less of its value than of that of another line, which it has, and
    whose name it has not. None for tables with column names.
    """
    if table.names:
        return None
    named = [row for row in table.rows if row.cells[0].terms and row.cells[0].terms <= claim.terms]
    named = [row for row in named if not any(row.cells[0].terms < other.cells[0].terms for other in named)]
    if any(_has_value(claim, row) for row in named):
        return None
    for row in named:
        for other in table.rows:
            theirs = _said_of(claim, other) - row.cells[0].terms
            if other not in named and _has_value(claim, other) and len(theirs) > len(_said_of(claim, row)):
                return row, f"{row.cells[-1].text!r} is its {row.cells[0].text}"
    return None


def _said_of(claim: TableClaim, line: Row) -> frozenset[str]:
    """Return the terms of a line's value that a statement has."""
    return line.cells[-1].terms & claim.terms


def _has_value(claim: TableClaim, line: Row) -> bool:
    """Return whether a statement has most of a line's value, all of its figures, and denies something as it does."""
    value = line.cells[-1]
    figures = {term for term in value.terms if term[:1].isdigit()}
    most = len(_said_of(claim, line)) >= _MOST * len(value.terms)
    return bool(value.terms) and figures <= claim.terms and most and denies(value.text) == denies(claim.text)


def identity(table: Table) -> frozenset[str]:
    """Return the terms of what all lines are about: the value of a first line "Model: TX-90"; none for other tables."""
    if table.names or not table.rows:
        return frozenset()
    first = table.rows[0].cells
    return first[-1].terms if set(first[0].order) & _IDENTITIES else frozenset()


def without_name(
    said: frozenset[str], row: Row, table: Table, *, above: frozenset[str]
) -> Literal["unclear", "contradicted", ""]:
    """Return the verdict on a statement that has the value of a line, and not its name; "" where it needs no name.

    said: the content terms of the statement. above: the terms of what names the table. "New:" over several entries
    names none of them, and a value that is a sentence has a subject of its own: the statement may say all of it and no
    more, unless it names another line.
    """
    name, value = row.cells[0], row.cells[-1]
    if "(" in value.text and said <= value.terms:
        return ""  # "Contact: Maj Lind (director)" says who is the director
    if name.terms & said or sum(other.cells[0].order == name.order for other in table.rows) > 1:
        return ""
    is_sentence = value.text.endswith(_SENTENCE_ENDS) and len(value.terms) >= _SENTENCE_TERMS
    if not is_sentence or any(other.cells[0].terms <= said for other in table.rows if other.cells[0].terms):
        return "contradicted"
    return "" if said <= row.terms | above else "unclear"
