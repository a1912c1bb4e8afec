"""Statement + table -> whether a row supports it: each value in the named row, under the named column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from ragkit.citations.quantities import ALL, STRICT, comparisons, denies, superlatives
from ragkit.citations.tables.claim import NO, TableClaim, read_table_claim
from ragkit.citations.tables.columns import column_fault
from ragkit.citations.tables.lines import identity, mixed_lines, without_name
from ragkit.citations.tables.places import COPULAS, misplaced, named_columns, spoken_columns, value_after
from ragkit.citations.tables.rows import Cell, Row, Table, instead, key_columns, subject_row
from ragkit.citations.tokens import as_written, tokens

Outcome = Literal["supported", "unclear", "contradicted"]
Fault = tuple[Outcome, str]

_PROSE_SHARE: Final = 3
_KNOWN_SHARE: Final = 0.5
"""Share of a statement's terms that the row, the column names and what stands above must know."""
_LINE_SHARE: Final = 0.55  # the same for a line of a name and its value, which may be a sentence


@dataclass(frozen=True, slots=True)
class TableVerdict:
    """The verdict of a table on a statement. row: the row that decides. matched: terms of the statement in that row.

    shown: the row to point at: that of the statement's subject where the deciding one only has the statement's value.
    """

    outcome: Outcome
    row: Row
    matched: int
    reason: str = ""
    shown: Row | None = None


@dataclass(frozen=True, slots=True)
class _Fit:
    """How a row matches a claim: the terms it has, those that only other rows have, and those that no row has."""

    index: int
    held: int
    elsewhere: tuple[str, ...]
    numbers: tuple[str, ...]
    runs: tuple[str, ...]

    @property
    def faults(self) -> int:
        return len(self.elsewhere) + 2 * len(self.numbers) + 2 * len(self.runs)


def check_table(
    statement: str, table: Table, *, around: str = "", prose: str = "", language: str = "en"
) -> TableVerdict:
    """Return whether a table supports a statement. around: what names the table. prose: what else the passage says.

    It does when one row holds all of the statement's terms that the table knows, each number and run of figures among
    them, every value under the column that stands beside it in the statement; comparisons ("more than 5"), superlatives
    and counts of rows are worked out. A term that only other rows hold contradicts: it is the value of another row.
    """
    claim = read_table_claim(statement, language)
    above = frozenset(token.term for token in tokens(around, language=language))
    if mixed := mixed_lines(claim, table):
        return TableVerdict("contradicted", mixed[0], len(claim.terms & mixed[0].terms), mixed[1])
    about, keys = identity(table), key_columns(table) if table.names else frozenset[int]()
    known = above | about | frozenset(term for name in table.names for term in name.order)
    phrases = [phrase for phrase in _phrases(claim, table) if not about.issuperset(phrase)]
    everywhere = _everywhere(table, phrases)
    apart = known - frozenset(
        term
        for row in table.rows
        for at in keys
        if at < len(row.cells)
        for term in row.cells[at].terms
        if not term[:1].isdigit()
    )
    fits = [_fit(claim, row, index, apart, everywhere) for index, row in enumerate(table.rows)]
    whole = {fit.index: _whole_cells(phrases, table.rows[fit.index]) for fit in fits}
    fits.sort(key=lambda fit: (fit.faults - whole[fit.index] - 0.01 * fit.held, fit.index))
    best = fits[0]
    row = table.rows[best.index]
    if not best.held:
        return TableVerdict("unclear", row, 0, "no row is named")
    subject = subject_row(phrases, table)
    other = instead(phrases, table, subject) if subject is not None else ""
    if not _names_a_place(claim, table, row, above):
        if other:
            return TableVerdict("contradicted", row, best.held, other, subject)
        return TableVerdict("unclear", row, best.held, "no row or column is named")
    fault = _fault(claim, table, best, known) or _torn(phrases, row) or _of_prose(claim, row, known, prose, language)
    if fault is None and not table.names and (unnamed := without_name(claim.terms, row, table, above=above)):
        fault = unnamed, f"that is said of {row.cells[0].text}"
    if fault is None or (best.faults and _derived(claim, table, best)):
        return TableVerdict("supported", row, best.held)
    outcome, reason = fault
    if outcome == "contradicted" and other:
        return TableVerdict(outcome, row, best.held, other, subject)
    return TableVerdict(outcome, row, best.held, reason)


def _everywhere(table: Table, phrases: Sequence[tuple[str, ...]]) -> frozenset[str]:
    """Return the terms that can identify a row: all but the words after a figure ("1 % of the reading").

    Of lines of a name and its value, the words of a value do so only where the statement has the value as a whole.
    """
    cells = [cell for row in table.rows for cell in row.cells]
    values = {row.cells[-1] for row in table.rows} if not table.names else set[Cell]()
    spoken = set(phrases)
    return frozenset(
        term
        for cell in cells
        for term in cell.terms
        if term[:1].isdigit() or not (cell.begins_with_figure or (cell in values and cell.order not in spoken))
    )


def _whole_cells(phrases: Sequence[tuple[str, ...]], row: Row) -> int:
    """Return how many of the phrases equal a whole cell of a row."""
    orders = {cell.order for cell in row.cells}
    return sum(phrase in orders for phrase in phrases)


def _phrases(claim: TableClaim, table: Table) -> list[tuple[str, ...]]:
    """Return the parts of a claim that equal a whole cell, the longest at each place."""
    whole = {cell.order for row in table.rows for cell in row.cells if cell.terms}
    words = tuple(token.term for token in claim.tokens)
    found = []
    at = 0
    while at < len(words):
        size = next((size for size in range(min(12, len(words) - at), 0, -1) if words[at : at + size] in whole), 0)
        if size:
            found.append(words[at : at + size])
        at += size or 1
    return found


def _names_a_place(claim: TableClaim, table: Table, row: Row, above: frozenset[str]) -> bool:
    """Return whether a claim has more than one value: two cells of the row, or one with a column, title or heading."""
    cells = sum(bool(cell.terms & claim.terms) for cell in row.cells)
    return cells + bool(spoken_columns(claim, table)) + bool(claim.terms & above) > 1


def _of_prose(claim: TableClaim, row: Row, known: frozenset[str], prose: str, language: str) -> Fault | None:
    """Return a fault when the subject of a statement stands in the prose around the table, and not in the row."""
    unknown = claim.terms - row.terms - known
    if len(unknown) * _PROSE_SHARE < len(claim.terms):
        return None
    absent = unknown & {token.term for token in tokens(prose, language=language)}
    return ("unclear", f"the row does not speak of {min(absent)}") if absent else None


def _torn(phrases: Sequence[tuple[str, ...]], row: Row) -> Fault | None:
    """Return a fault when the words of another row's value are in this row too, but not together in one cell."""
    for phrase in phrases:
        size = len(phrase)
        if size > 1 and not any(
            cell.order[at : at + size] == phrase for cell in row.cells for at in range(len(cell.order) - size + 1)
        ):
            return "contradicted", f"{' '.join(phrase)} stands in another row"
    return None


def _fit(claim: TableClaim, row: Row, index: int, known: frozenset[str], everywhere: frozenset[str]) -> _Fit:
    compared = frozenset(item.number for item in claim.compared)
    terms = row.terms
    missing = claim.terms - terms - known - compared
    numbers = tuple(sorted(term for term in missing if term[:1].isdigit()))
    elsewhere = tuple(sorted(term for term in missing if not term[:1].isdigit() and term in everywhere))
    held_runs = row.runs
    missing_runs = tuple(run for run in claim.runs if run not in held_runs and not _in_text(run, known))
    return _Fit(index, len(claim.terms & terms), elsewhere, numbers, missing_runs)


def _in_text(run: str, known: frozenset[str]) -> bool:
    return all(part in known for part in run.split("-"))


def _fault(claim: TableClaim, table: Table, fit: _Fit, known: frozenset[str]) -> Fault | None:
    row = table.rows[fit.index]
    if fit.numbers:
        return "contradicted", f"the row does not hold {as_written(fit.numbers[0], claim.tokens)}"
    if fit.runs:
        return "contradicted", f"the row does not hold {fit.runs[0]}"
    if fit.elsewhere:
        return "contradicted", f"{as_written(fit.elsewhere[0], claim.tokens)} stands in another row"
    elsewhere = misplaced(claim, table, row) or column_fault(claim, table, row)
    if elsewhere:
        return "contradicted", elsewhere
    failed = _failed_comparison(claim, table, row) or _strictly_beyond_itself(claim, table, row)
    if failed:
        return "contradicted", failed
    said = " ".join(item.text for item in (*table.names, *row.cells))
    if denial := _denial_fault(claim, table, row):
        return "contradicted", denial
    if ALL.search(claim.text) and not ALL.search(said) and not _holds_everywhere(claim, table):
        return "unclear", "not every row says it"
    ends = superlatives(
        claim.text, besides=" ".join([name.text for name in table.names] + [cell.text for cell in row.cells])
    )
    if ends and not _is_extreme(claim, table, fit.index, ends):
        return "unclear", "the table does not show it as the extreme"
    unknown = claim.terms - row.terms - known
    known_share = _KNOWN_SHARE if table.names else _LINE_SHARE
    if len(unknown) > (1 - known_share) * len(claim.terms):
        return "unclear", f"{as_written(min(unknown), claim.tokens)} is not there"
    return None


def _denial_fault(claim: TableClaim, table: Table, row: Row) -> str:
    """Return the fault of a claim that denies what its columns hold, or says that there is what they deny ("none")."""
    columns = [at for at, *_ in named_columns(claim, table) if at < len(row.cells)]
    if denies(claim.text):
        cells = [cell for at, cell in enumerate(row.cells) if at in columns or not columns or not _is_nothing(cell)]
        return "" if any(denies(item.text) for item in (*table.names, *cells)) else "it denies what the row holds"
    nothing = next((at for at in columns if _is_nothing(row.cells[at])), -1)
    return f"{row.cells[nothing].text!r} is its {table.names[nothing].text}" if nothing >= 0 else ""


def _is_nothing(cell: Cell) -> bool:
    return cell.text.strip().lower() in NO


def _holds_everywhere(claim: TableClaim, table: Table) -> bool:
    """Return whether each row has what a claim about all rows says of its cells; one row is not "all"."""
    wanted = claim.terms & _everywhere(table, _phrases(claim, table))
    return bool(wanted) and all(wanted <= row.terms for row in table.rows)


def _failed_comparison(claim: TableClaim, table: Table, row: Row) -> str:
    held = {(item.bound, item.number) for cell in (*table.names, *row.cells) for item in comparisons(cell.text)}
    for item in claim.compared:
        if (item.bound, item.number) in held:
            continue  # "up to 5" of the column "Parcel up to 5 kg", "under 16" of the row "Juniors under 16"
        values = [
            row.cells[at].value for at in spoken_columns(claim, table) or range(len(row.cells)) if at < len(row.cells)
        ]
        known = [value for value in values if value is not None]
        if known and not any(item.holds(value) for value in known):
            return f"{known[0]:g} is not {item.words} {item.number}"
    return ""


def _strictly_beyond_itself(claim: TableClaim, table: Table, row: Row) -> str:
    """Return the fault of "before", "after" or "more than" with a value that equals the row's, else ""."""
    for at, token in enumerate(claim.tokens):
        than = token.word == "than" or token.word in STRICT
        if not than:
            continue
        value = value_after(claim, table, at + 1, links=COPULAS)
        if value is not None and any(value.order == cell.order for cell in row.cells):
            return f"{value.text!r} is its own value"
    return ""


def _is_extreme(claim: TableClaim, table: Table, index: int, ends: frozenset[str]) -> bool:
    """Return whether the row has the highest or lowest value, as claimed, in a column that the claim names."""
    for column in spoken_columns(claim, table) or range(len(table.names)):
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


def _derived(claim: TableClaim, table: Table, fit: _Fit) -> bool:
    """Return whether the only number that no row has is the count of the rows that have all other terms."""
    if len(fit.numbers) != 1 or fit.elsewhere or fit.runs:
        return False
    named = claim.terms - {fit.numbers[0]}
    known = named & _everywhere(table, _phrases(claim, table))
    count = sum(known <= row.terms for row in table.rows)
    return bool(known) and str(count) == fit.numbers[0]


def closest(verdicts: Sequence[TableVerdict]) -> TableVerdict | None:
    """Return the best verdict for a statement: supported ones first, then by the terms that the row matches."""
    order = {"supported": 2, "contradicted": 1, "unclear": 0}
    return max(verdicts, key=lambda item: (order[item.outcome], item.matched), default=None)
