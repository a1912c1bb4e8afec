"""Statement + table -> whether a row supports it: each value in the named row, under the named column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from ragkit.citations.quantities import ALL, STRICT, comparisons, denies, superlatives
from ragkit.citations.table_claim import TableClaim, read_table_claim
from ragkit.citations.table_columns import column_fault
from ragkit.citations.table_lines import identity, mixed_lines, without_name
from ragkit.citations.tables import Cell, Row, Table, instead, is_stacked, key_columns, subject_row
from ragkit.citations.tokens import as_written, tokens

Outcome = Literal["supported", "unclear", "contradicted"]
Fault = tuple[Outcome, str]

_COPULAS: Final = frozenset(
    ("is", "are", "was", "were", "be", "being", "been", "as", "the", "a", "an", "ist", "est", "es")
)
_BE: Final = frozenset(("is", "are", "was", "were", "be", "ist", "sind", "est", "es"))
_OF: Final = frozenset(("of", "for", "in", "at", "on", "von", "für", "de", "pour", "para"))
_PROSE_SHARE: Final = 3
_FILLERS: Final = 3  # stop words that may stand between the name of a column and its value: "the price is 5"
_NOTHING: Final = frozenset(("none", "no", "never", "not available", "keine", "nein", "aucun", "ninguno"))
"""Cells that say that there is nothing."""
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
    about = identity(table)
    known = above | about | frozenset(term for name in table.names for term in name.order)
    phrases = [phrase for phrase in _phrases(claim, table) if not about.issuperset(phrase)]
    everywhere = _everywhere(table, phrases)
    fits = [_fit(claim, row, index, known, everywhere) for index, row in enumerate(table.rows)]
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
    return cells + bool(_columns(claim, table)) + bool(claim.terms & above) > 1


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
    misplaced = _misplaced(claim, table, row) or column_fault(claim, table, row)
    if misplaced:
        return "contradicted", misplaced
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
    columns = [at for at, *_ in _named(claim, table) if at < len(row.cells)]
    if denies(claim.text):
        cells = [cell for at, cell in enumerate(row.cells) if at in columns or not columns or not _is_nothing(cell)]
        return "" if any(denies(item.text) for item in (*table.names, *cells)) else "it denies what the row holds"
    nothing = next((at for at in columns if _is_nothing(row.cells[at])), -1)
    return f"{row.cells[nothing].text!r} is its {table.names[nothing].text}" if nothing >= 0 else ""


def _is_nothing(cell: Cell) -> bool:
    return cell.text.lower() in _NOTHING


def _holds_everywhere(claim: TableClaim, table: Table) -> bool:
    """Return whether each row has what a claim about all rows says of its cells; one row is not "all"."""
    wanted = claim.terms & _everywhere(table, _phrases(claim, table))
    return bool(wanted) and all(wanted <= row.terms for row in table.rows)


def _misplaced(claim: TableClaim, table: Table, row: Row) -> str:
    """Return the fault when a statement gives a value for another column than its own, else "".

    It does when it follows the name of a column that has another value in this row; and when the own value of a named
    column is missing while values of two or more columns are said that the claim does not name: one is the row's key,
    the other takes the place of the missing one.
    """
    named = _named(claim, table)
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
            or _value_after(claim, table, end, links=_links(claim, start))
            or _value_before(claim, table, start)
            or _value_of_key(claim, table, row, end)
        )
        if value is not None and value.order in keys:
            continue  # the row's own name: "for a child, the glucose test takes 1 ml"
        if value is not None and not _is_part(value, own) and not _stands_before(claim, own, start):
            return f"{own.text!r} is its {name.text}"
        if not claim.says(own) and len(strays) > 1:
            return f"{own.text!r} is its {name.text}"
    return ""


def _links(claim: TableClaim, start: int) -> frozenset[str]:
    """Return the words that link the name of a column to its value: "a price of 5", "the price is 5"."""
    before = claim.tokens[start - 1].word if start > 0 else ""
    return _COPULAS | {"of"} if before in ("a", "an", "with") else _COPULAS


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


def _named(claim: TableClaim, table: Table) -> list[tuple[int, int, int]]:
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


def _value_after(claim: TableClaim, table: Table, start: int, *, links: frozenset[str]) -> Cell | None:
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
    while at < len(claim.tokens) and (claim.tokens[at].word in _OF or claim.tokens[at].word in _COPULAS - _BE):
        at += 1
    key = _cell_at(claim, table, at)
    if key is None or not any(key.order == cell.order for cell in row.cells):
        return None
    at += len(key.order)
    if at < len(claim.tokens) and claim.tokens[at].word in _BE:
        return _value_after(claim, table, at + 1, links=_COPULAS)
    return None


def _cell_at(claim: TableClaim, table: Table, at: int) -> Cell | None:
    """Return the longest cell whose whole text a claim has at a place, None for none."""
    words = tuple(token.term for token in claim.tokens[at : at + 12])
    fits = [cell for row in table.rows for cell in row.cells if cell.terms and words[: len(cell.order)] == cell.order]
    return max(fits, key=lambda cell: len(cell.order), default=None)


def _columns(claim: TableClaim, table: Table) -> list[int]:
    """Return the columns that the claim names in full, else all that share a term with it."""
    whole = [column for column, *_ in _named(claim, table)]
    return whole or [at for at, name in enumerate(table.names) if name.terms & claim.terms]


def _failed_comparison(claim: TableClaim, table: Table, row: Row) -> str:
    held = {(item.bound, item.number) for cell in (*table.names, *row.cells) for item in comparisons(cell.text)}
    for item in claim.compared:
        if (item.bound, item.number) in held:
            continue  # "up to 5" of the column "Parcel up to 5 kg", "under 16" of the row "Juniors under 16"
        values = [row.cells[at].value for at in _columns(claim, table) or range(len(row.cells)) if at < len(row.cells)]
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
        value = _value_after(claim, table, at + 1, links=_COPULAS)
        if value is not None and any(value.order == cell.order for cell in row.cells):
            return f"{value.text!r} is its own value"
    return ""


def _is_extreme(claim: TableClaim, table: Table, index: int, ends: frozenset[str]) -> bool:
    """Return whether the row has the highest or lowest value, as claimed, in a column that the claim names."""
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
