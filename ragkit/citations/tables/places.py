"""Statement + row -> which columns it names, and the value that it gives to each of them."""

from __future__ import annotations

from typing import Final

from ragkit.citations.tables.claim import ANSWERS, TableClaim
from ragkit.citations.tables.rows import Cell, Row, Table, is_stacked, key_columns

COPULAS: Final = frozenset(
    ("is", "are", "was", "were", "be", "being", "been", "as", "the", "a", "an", "ist", "est", "es")
)
"""Words that may stand between the name of a column and its value."""
_BE: Final = frozenset(("is", "are", "was", "were", "be", "ist", "sind", "est", "es"))
_OF: Final = frozenset(("of", "for", "in", "at", "on", "von", "für", "de", "pour", "para"))
_FILLERS: Final = 3  # stop words that may stand between the name of a column and its value: "the price is 5"


def misplaced(claim: TableClaim, table: Table, row: Row) -> str:
    """Return the fault when a statement gives a value for another column than its own, else "".

    It does when it follows the name of a column that has another value in this row; and when the own value of a named
    column is missing while values of two or more columns are said that the claim does not name: one is the row's key,
    the other takes the place of the missing one.
    """
    named = named_columns(claim, table)
    keys = {row.cells[at].order for at in key_columns(table) if at < len(row.cells)}
    matched = [at for at, cell in enumerate(row.cells) if cell.terms and claim.says(cell)]
    spoken = {column for column, *_ in named} | set(_partly_named(claim, table))
    strays = [at for at in matched if at not in spoken or not at]
    for column, start, end in named:
        own = row.cells[column] if column < len(row.cells) else None
        if own is None or not own.terms:
            continue
        name = table.names[column]
        value = (
            _amount_of(claim, table, own, start)
            or value_after(claim, table, end, links=_links(claim, start))
            or _value_before(claim, table, start)
            or _value_of_key(claim, table, row, end)
        )
        if value is not None and value.order in keys and (claim.says(own) or own.text.lower() in ANSWERS):
            continue  # the row's own name: "for a child, the glucose test takes 1 ml"
        if value is not None and not _is_part(value, own) and not _stands_before(claim, own, start):
            return f"{own.text!r} is its {name.text}"
        if not claim.says(own) and len(strays) > 1:
            return f"{own.text!r} is its {name.text}"
    return ""


def _links(claim: TableClaim, start: int) -> frozenset[str]:
    """Return the words that link the name of a column to its value: "a price of 5", "the price is 5"."""
    before = claim.tokens[start - 1].word if start > 0 else ""
    return COPULAS | {"of"} if before in ("a", "an", "with") else COPULAS


def _stands_before(claim: TableClaim, cell: Cell, start: int) -> bool:
    """Return whether a cell's value ends right before a place of the claim: "the Essex club"."""
    return start > 0 and claim.tokens[start - 1].term in cell.terms


def _is_part(value: Cell, own: Cell) -> bool:
    """Return whether a value is the cell of a column, its beginning or a part of it."""
    size = len(value.order)
    return any(own.order[at : at + size] == value.order for at in range(len(own.order) - size + 1))


def _partly_named(claim: TableClaim, table: Table) -> list[int]:
    """Return the columns of which a claim has more than half of the name; of stacked headings only the last counts."""
    names = [frozenset(name.core) if is_stacked(name.text) else name.terms for name in table.names]
    return [at for at, terms in enumerate(names) if len(terms & claim.terms) * 2 > len(terms)]


def named_columns(claim: TableClaim, table: Table) -> list[tuple[int, int, int]]:
    """Return (column, first token, index after its last one) of each column named in full; the longest name wins."""
    words = [token.term for token in claim.tokens]
    found: dict[int, tuple[int, int]] = {}
    for column, name in enumerate(table.names):
        for order in dict.fromkeys((name.order, name.core)):
            size = len(order)
            for at in range(len(words) - size + 1 if size else 0):
                if tuple(words[at : at + size]) == order and size > found.get(at, (0, -1))[0]:
                    found[at] = size, column
    covered: set[int] = set()
    named = []
    for at, (size, column) in sorted(found.items(), key=lambda item: -item[1][0]):
        if not covered & set(range(at, at + size)):
            covered |= set(range(at, at + size))
            named.append((column, at, at + size))
    return named


def value_after(claim: TableClaim, table: Table, start: int, *, links: frozenset[str]) -> Cell | None:
    """Return the longest cell after a place in the claim with only such words between them, None for none.

    Words that lead elsewhere, as in "the price of the probe", end the search.
    """
    for at in range(start, min(start + _FILLERS + 1, len(claim.tokens))):
        found = _cell_at(claim, table, at)
        if found is not None:
            return found
        if claim.tokens[at].word not in links:
            break
    return None


def _value_before(claim: TableClaim, table: Table, start: int) -> Cell | None:
    """Return the cell that a claim equates with a column that follows ("5 is the price"), None for none."""
    at = start - 1
    while at >= 0 and claim.tokens[at].word in ("the", "a", "an"):
        at -= 1
    if at < 1 or claim.tokens[at].word not in _BE:
        return None
    for size in range(min(12, at), 0, -1):
        found = _cell_at(claim, table, at - size)
        if found is not None and len(found.order) == size:
            return found
    return None


def _amount_of(claim: TableClaim, table: Table, own: Cell, start: int) -> Cell | None:
    """Return the cell in "690 g of FLOUR", where the name of a column begins at `start`; None where its own is said."""
    at = start - 1
    if at < 1 or claim.tokens[at].word != "of" or claim.says(own):
        return None
    unit = at > 1 and not claim.tokens[at - 1].is_number
    found = _cell_at(claim, table, at - 1 - unit)
    return found if found is not None and found.value is not None else None


def _value_of_key(claim: TableClaim, table: Table, row: Row, start: int) -> Cell | None:
    """Return the cell in "the price OF THE PROBE IS 5", where the name of a column ends at `start`, None for none."""
    at = start
    if at >= len(claim.tokens) or claim.tokens[at].word not in _OF:
        return None
    while at < len(claim.tokens) and (claim.tokens[at].word in _OF or claim.tokens[at].word in COPULAS - _BE):
        at += 1
    key = _cell_at(claim, table, at)
    if key is None or not any(key.order == cell.order for cell in row.cells):
        return None
    at += len(key.order)
    if at < len(claim.tokens) and claim.tokens[at].word in _BE:
        return value_after(claim, table, at + 1, links=COPULAS)
    return None


def _cell_at(claim: TableClaim, table: Table, at: int) -> Cell | None:
    """Return the longest cell whose whole text a claim has at a place, None for none."""
    words = tuple(token.term for token in claim.tokens[at : at + 12])
    fits = [cell for row in table.rows for cell in row.cells if cell.terms and words[: len(cell.order)] == cell.order]
    return max(fits, key=lambda cell: len(cell.order), default=None)


def spoken_columns(claim: TableClaim, table: Table) -> list[int]:
    """Return the columns that the claim names in full, else all that share a term with it."""
    whole = [column for column, *_ in named_columns(claim, table)]
    return whole or [at for at, name in enumerate(table.names) if name.terms & claim.terms]
