"""Statement + table -> whether a row holds it: each value in the row that is named, under the column that is named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from ragkit.citations.quantities import STRICT, Comparison, comparisons, denies, superlatives
from ragkit.citations.tables import Cell, Row, Table
from ragkit.citations.tokens import Token, runs, tokens

Outcome = Literal["supported", "unclear", "contradicted"]

_FILLERS: Final = 3  # stop words that may stand between the name of a column and its value: "the price is 5"
_KNOWN_SHARE: Final = 0.5
"""Share of a statement's terms that the row, the column names and what stands above must know."""


@dataclass(frozen=True, slots=True)
class TableVerdict:
    """What a table says of a statement. row: the row that it is about. matched: terms of the statement in that row."""

    outcome: Outcome
    row: Row
    matched: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _Claim:
    """A statement as it is compared with rows."""

    tokens: tuple[Token, ...]
    terms: frozenset[str]
    runs: tuple[str, ...]
    compared: tuple[Comparison, ...]
    text: str


@dataclass(frozen=True, slots=True)
class _Fit:
    """How a row meets a claim: terms that it holds, and those that stand in other rows only or nowhere."""

    index: int
    held: int
    elsewhere: tuple[str, ...]
    numbers: tuple[str, ...]
    runs: tuple[str, ...]

    @property
    def faults(self) -> int:
        return len(self.elsewhere) + 2 * len(self.numbers) + 2 * len(self.runs)


def check_table(statement: str, table: Table, *, around: str = "", language: str = "en") -> TableVerdict:
    """Return whether a table supports a statement.

    It does when one row holds all of the statement's terms that the table knows, each number and run of figures among
    them, every value under the column that stands beside it in the statement; comparisons ("more than 5"), superlatives
    and counts of rows are worked out. A term that only other rows hold contradicts: it is the value of another row.
    """
    claim = _claim(statement, language)
    above = frozenset(token.term for token in tokens(around, language=language))
    known = above | frozenset(term for name in table.names for term in name.order)
    fits = [_fit(claim, row, index, known, _everywhere(table)) for index, row in enumerate(table.rows)]
    fits.sort(key=lambda fit: (fit.faults - 0.01 * fit.held, fit.index))
    best = fits[0]
    row = table.rows[best.index]
    if not best.held:
        return TableVerdict("unclear", row, 0, "no row is named")
    fault = _fault(claim, table, best, known)
    if fault is None or (best.faults and _derived(claim, table, best)):
        return TableVerdict("supported", row, best.held)
    outcome, reason = fault
    return TableVerdict(outcome, row, best.held, reason)


def _claim(statement: str, language: str) -> _Claim:
    found = tuple(tokens(statement, language=language))
    return _Claim(
        found,
        frozenset(token.term for token in found if not token.stop),
        tuple(runs(statement)),
        tuple(comparisons(statement)),
        statement,
    )


def _everywhere(table: Table) -> frozenset[str]:
    return frozenset[str]().union(*(row.terms for row in table.rows))


def _fit(claim: _Claim, row: Row, index: int, known: frozenset[str], everywhere: frozenset[str]) -> _Fit:
    compared = frozenset(item.number for item in claim.compared)
    terms = row.terms
    missing = claim.terms - terms - known - compared
    numbers = tuple(sorted(term for term in missing if term[:1].isdigit()))
    elsewhere = tuple(sorted(term for term in missing if not term[:1].isdigit() and term in everywhere))
    held_runs = row.runs
    strange = tuple(run for run in claim.runs if run not in held_runs and any(run in other for other in [held_runs]))
    whole = tuple(run for run in claim.runs if run not in held_runs and not _in_text(run, known))
    return _Fit(index, len(claim.terms & terms), elsewhere, numbers, strange or whole)


def _in_text(run: str, known: frozenset[str]) -> bool:
    return all(part in known for part in run.split("-"))


def _fault(claim: _Claim, table: Table, fit: _Fit, known: frozenset[str]) -> tuple[Outcome, str] | None:
    row = table.rows[fit.index]
    if fit.numbers:
        return "contradicted", f"the row does not hold {fit.numbers[0]}"
    if fit.runs:
        return "contradicted", f"the row does not hold {fit.runs[0]}"
    if fit.elsewhere:
        return "contradicted", f"{fit.elsewhere[0]} stands in another row"
    misplaced = _misplaced(claim, table, row)
    if misplaced:
        return "contradicted", misplaced
    failed = _failed_comparison(claim, table, row) or _strictly_beyond_itself(claim, table, row)
    if failed:
        return "contradicted", failed
    if denies(claim.text) and not denies(" ".join(cell.text for cell in row.cells)):
        return "contradicted", "it denies what the row holds"
    ends = superlatives(
        claim.text, besides=" ".join([name.text for name in table.names] + [cell.text for cell in row.cells])
    )
    if ends and not _is_extreme(claim, table, fit.index, ends):
        return "unclear", "the table does not show it as the extreme"
    unknown = claim.terms - row.terms - known
    if len(unknown) > (1 - _KNOWN_SHARE) * len(claim.terms):
        return "unclear", f"{min(unknown)} is not there"
    return None


def _misplaced(claim: _Claim, table: Table, row: Row) -> str:
    """Return what is wrong when a value stands for a column that it is not under, else "".

    It does when it follows the name of a column whose own value the claim does not have; and, of figures, when a named
    column's own figure is missing while a figure is said that only columns without a name in the claim hold.
    """
    named = _named(claim, table)
    empty = [
        (column, end)
        for column, end in named
        if column < len(row.cells) and row.cells[column].terms and not claim.terms & row.cells[column].terms
    ]
    filled = {column for column, _ in named} | set(_partly_named(claim, table))
    strays = {
        term
        for term in claim.terms
        if term[:1].isdigit()
        and any(term in cell.terms for cell in row.cells)
        and not any(term in row.cells[at].terms for at in filled if at < len(row.cells))
    }
    for column, end in empty:
        own = row.cells[column]
        value = _value_after(claim, table, end)
        if value and any(value <= cell.terms for at, cell in enumerate(row.cells) if at != column):
            return f"{own.text!r} is its {table.names[column].text}"
        if strays and own.value is not None and _is_measure(table, column):
            return f"{own.text!r} is its {table.names[column].text}, {min(strays)} is not"
    return ""


def _partly_named(claim: _Claim, table: Table) -> list[int]:
    return [at for at, name in enumerate(table.names) if name.terms & claim.terms]


def _is_measure(table: Table, column: int) -> bool:
    """Return whether most cells of a column are numbers."""
    values = [row.cells[column].value for row in table.rows if column < len(row.cells)]
    return sum(value is not None for value in values) * 2 > len(values)


def _named(claim: _Claim, table: Table) -> list[tuple[int, int]]:
    """Return (column, index after its last token) of each column that is named whole; the longest name wins."""
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
            named.append((column, at + size))
    return named


def _value_after(claim: _Claim, table: Table, start: int) -> frozenset[str]:
    """Return the terms of the longest cell of the table that stands right after a place in the claim, {} for none."""
    sizes = Counter(cell.order for row in table.rows for cell in row.cells if cell.terms)
    words = tuple(token.term for token in claim.tokens)
    for at in range(start, min(start + _FILLERS + 1, len(words))):
        for size in range(min(12, len(words) - at), 0, -1):
            if words[at : at + size] in sizes:
                return frozenset(token.term for token in claim.tokens[at : at + size] if not token.stop)
        if not claim.tokens[at].stop:
            break
    return frozenset()


def _columns(claim: _Claim, table: Table) -> list[int]:
    """Return the columns that the claim names, whole ones first, else all that share a term with it."""
    whole = [column for column, _ in _named(claim, table)]
    return whole or [at for at, name in enumerate(table.names) if name.terms & claim.terms]


def _failed_comparison(claim: _Claim, table: Table, row: Row) -> str:
    for item in claim.compared:
        values = [row.cells[at].value for at in _columns(claim, table) or range(len(row.cells)) if at < len(row.cells)]
        known = [value for value in values if value is not None]
        if known and not any(item.holds(value) for value in known) and item.number not in row.terms:
            return f"{known[0]:g} is not {item.words} {item.number}"
        if known and item.number in row.terms and not any(item.holds(value) for value in known):
            return f"{known[0]:g} is not {item.words} {item.number}"
    return ""


def _strictly_beyond_itself(claim: _Claim, table: Table, row: Row) -> str:
    """Return what is wrong with "before", "after", "more than" a value that is the row's own, else ""."""
    for at, token in enumerate(claim.tokens):
        than = token.word == "than" or token.word in STRICT
        if not than:
            continue
        value = _value_after(claim, table, at + 1)
        cell = next((cell for cell in row.cells if value and value == cell.terms), None)
        if cell is not None:
            return f"{cell.text!r} is its own value"
    return ""


def _is_extreme(claim: _Claim, table: Table, index: int, ends: frozenset[str]) -> bool:
    """Return whether the row's value in a column that the claim speaks of is the highest or lowest that it says."""
    for column in _columns(claim, table) or range(len(table.names)):
        values = [_at(row.cells, column) for row in table.rows]
        known = [value for value in values if value is not None]
        own = values[index]
        if own is None or len(known) < 2 or len(known) * 2 < len(values):
            continue
        if own == (max(known) if "high" in ends else min(known)):
            return True
        if ends == {"high", "low"} and own in (max(known), min(known)):
            return True
    return index in (0, len(table.rows) - 1)


def _at(row: Sequence[Cell], column: int) -> float | None:
    return row[column].value if column < len(row) else None


def _derived(claim: _Claim, table: Table, fit: _Fit) -> bool:
    """Return whether the one number that no row holds is the count of rows that hold all else that is named."""
    if len(fit.numbers) != 1 or fit.elsewhere or fit.runs:
        return False
    named = claim.terms - {fit.numbers[0]}
    known = named & _everywhere(table)
    count = sum(known <= row.terms for row in table.rows)
    return bool(known) and str(count) == fit.numbers[0]


def closest(verdicts: Sequence[TableVerdict]) -> TableVerdict | None:
    """Return the verdict that is best for a statement: supported before others, then by what the row matches."""
    order = {"supported": 2, "contradicted": 1, "unclear": 0}
    return max(verdicts, key=lambda item: (order[item.outcome], item.matched), default=None)
