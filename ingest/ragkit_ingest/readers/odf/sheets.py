"""ODS: a page is a sheet, a row is a line; values as the file displays them, read row by row."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from ragkit_ingest.readers.base import Hints, TextBuilder
from ragkit_ingest.readers.grid import Cell
from ragkit_ingest.readers.odf.inline import Inline
from ragkit_ingest.readers.odf.nodes import Node, Step
from ragkit_ingest.readers.sheets.number_formats import general
from ragkit_ingest.readers.sheets.tables import Merge, Row, SheetTables
from ragkit_ingest.readers.titles import squeeze

CONTAINERS: Final = frozenset(
    ["document-content", "document", "body", "spreadsheet", "table", "table-rows", "table-row-group",
     "table-header-rows", "table-columns", "table-column-group", "table-header-columns"]
)  # fmt: skip
_COLUMN_LIMIT: Final = 16_384
_MAX_REPEATED: Final = 1_000
_CHECK_EVERY: Final = 500
_HIDDEN: Final = frozenset(["collapse", "filter"])


@dataclass(slots=True)
class _Sheet:
    """A sheet that is being read. row, shown: of the file, and without the hidden ones; hidden: columns."""

    tables: SheetTables
    left_out: bool = False
    row: int = 0
    shown: int = 0
    columns: int = 0
    hidden: set[int] = field(default_factory=set)
    merges: list[Merge] = field(default_factory=list)
    hidden_used: set[int] = field(default_factory=set)


class Sheets:
    """Reads the sheets of a spreadsheet one after another."""

    def __init__(self, out: TextBuilder, inline: Inline, hints: Hints) -> None:
        self._out = out
        self._inline = inline
        self._hints = hints
        self._sheet: _Sheet | None = None
        self._count = 0
        self._rows = 0

    def read(self, found: Iterable[Step]) -> None:
        """Add all sheets; stops with a warning when time is up."""
        for step in found:
            if step.kind == "open" and step.node.name == "table" and self._sheet is None:
                self._begin(step.node)
            elif step.kind == "close" and step.node.name == "table":
                self._end()
            elif step.kind == "node" and self._sheet is not None and not self._sheet.left_out:
                self._node(step.node, self._sheet)
            self._rows += 1
            if self._rows % _CHECK_EVERY == 0 and self._hints.budget.spent():
                row = self._sheet.row if self._sheet is not None else 0
                self._out.warn(f"stopped after row {row:,} of sheet {self._count:,}: out of time")
                break
        self._end()

    def _begin(self, node: Node) -> None:
        name = squeeze(node.get("name"))
        self._count += 1
        self._out.page()
        self._sheet = _Sheet(SheetTables(self._out))
        hidden = self._inline.styles.style(node.get("style-name")).hidden
        if hidden and not self._hints.limits.keep_hidden:
            self._sheet.left_out = True
            self._out.warn(f"sheet {name!r} is hidden and was left out")
        elif self._count > self._hints.limits.max_pages:
            self._sheet.left_out = True
            self._out.warn(f"only the first {self._hints.limits.max_pages:,} sheets were read")
        else:
            self._out.heading(name, 2)

    def _end(self) -> None:
        sheet, self._sheet = self._sheet, None
        if sheet is None:
            return
        sheet.tables.close()
        self._inline.counts["hidden columns"] += len(sheet.hidden_used)
        for frame in self._inline.flush(self._out):
            self._out.paragraph(self._inline.words_of(frame))

    def _node(self, node: Node, sheet: _Sheet) -> None:
        if node.name == "table-column":
            repeated = node.count("number-columns-repeated", most=_COLUMN_LIMIT)
            if node.get("visibility") in _HIDDEN:
                last = min(sheet.columns + repeated, _COLUMN_LIMIT)
                sheet.hidden.update(range(sheet.columns + 1, last + 1))
            sheet.columns += repeated
        elif node.name == "table-row":
            self._row(node, sheet)
        elif node.name == "shapes":
            for child in node.nodes():
                self._inline.shape(child)

    def _row(self, node: Node, sheet: _Sheet) -> None:
        repeated = node.count("number-rows-repeated", most=10**8)
        keep = self._hints.limits.keep_hidden
        sheet.row += 1
        cells, merges = self._cells(node, sheet)
        hidden = node.get("visibility") in _HIDDEN and not keep
        if hidden:
            self._inline.counts["hidden rows"] += repeated if cells else 0
            sheet.row += repeated - 1
            return
        sheet.shown += 1
        sheet.merges = [merge for merge in sheet.merges if merge.bottom >= sheet.row] + merges
        if cells:
            times = min(repeated, _MAX_REPEATED)
            if times < repeated:
                self._inline.counts["repeated rows left out"] += repeated - times
            here = tuple(sheet.merges)
            for again in range(times):
                sheet.tables.add(Row(sheet.shown + again, cells, here))
        sheet.row += repeated - 1
        sheet.shown += repeated - 1

    def _cells(self, node: Node, sheet: _Sheet) -> tuple[dict[int, str], list[Merge]]:
        """Return the texts of a row by column as they stand without hidden columns, and the merged ranges it begins."""
        cells: dict[int, str] = {}
        merges: list[Merge] = []
        hidden = sheet.hidden if not self._hints.limits.keep_hidden else set()
        column, place = 0, 0
        for child in node.nodes():
            if child.name not in ("table-cell", "covered-table-cell"):
                continue
            repeated = child.count("number-columns-repeated", most=10**6)
            text = self._shown(child, sheet, column + 1) if child.name == "table-cell" else ""
            if column + repeated > _COLUMN_LIMIT:
                self._inline.counts[f"cells beyond column {_COLUMN_LIMIT:,}"] += repeated if text else 0
                break
            shown = [at for at in range(column + 1, column + repeated + 1) if at not in hidden] if hidden else []
            width = len(shown) if hidden else repeated
            if text and hidden:
                sheet.hidden_used.update(hidden.intersection(range(column + 1, column + repeated + 1)))
            if text:
                times = min(width, _MAX_REPEATED)
                self._inline.counts["repeated cells left out"] += width - times
                cells.update(dict.fromkeys(range(place + 1, place + times + 1), text))
                spanned = child.count("number-columns-spanned", most=_COLUMN_LIMIT)
                unseen = sum(at in hidden for at in range(column + 1, column + spanned + 1)) if hidden else 0
                if not width and spanned > unseen:  # a merged cell whose first column is hidden still shows its value
                    cells[place + 1] = text
                merges.extend(_merge(child, sheet.row, place + 1, spanned - unseen, text))
            column += repeated
            place += width
        return cells, merges

    def _shown(self, cell: Node, sheet: _Sheet, column: int) -> str:
        """Return the displayed text of a cell; "" for one that is struck out, and its value where it has no text."""
        if self._inline.is_struck(cell):
            return ""
        text = self._text(cell, sheet, column) if cell.children else ""
        return text or self._value(cell)

    def _text(self, cell: Node, sheet: _Sheet, column: int) -> str:
        parts: list[str] = []
        for child in cell.nodes():
            if child.name == "annotation":
                before = len(self._inline.later)
                self._inline.text(Node("", {}, [child]))
                at = f"{_letters(column)}{sheet.row}"
                for number, item in enumerate(self._inline.later[before:], before):
                    if isinstance(item, str):
                        self._inline.later[number] = item.replace("Comment", f"Comment on {at}", 1)
            elif child.name == "p":
                parts.append(self._inline.line(child))
            else:
                parts.append(squeeze(self._inline.shape(child)) if child.name != "detective" else "")
        return " ".join(filter(None, parts))

    def _value(self, cell: Node) -> str:
        """Return the value of a cell that has no text: a number, a date, or the formula when there is neither."""
        kind = cell.get("value-type")
        for name in ("date-value", "time-value", "string-value", "boolean-value"):
            if cell.get(name):
                return squeeze(cell.get(name))
        value = cell.get("value")
        if value:
            return _number(value, kind, cell.get("currency"))
        written = cell.get("formula")
        if not written or kind == "string":
            return ""
        self._inline.counts["formulas without a value"] += 1
        return _formula(written)


def _merge(cell: Node, row: int, place: int, columns: int, text: str) -> list[Merge]:
    rows = cell.count("number-rows-spanned", most=10**7)
    if rows == 1 and columns <= 1:
        return []
    return [Merge(row, place, row + rows - 1, place + columns - 1, Cell(text, rows, columns))]


def _number(value: str, kind: str, currency: str) -> str:
    try:
        number = float(value)
        shown = f"{general(number * 100)}%" if kind == "percentage" else general(number)
    except (ValueError, OverflowError):
        return squeeze(value)
    return f"{shown} {currency}" if kind == "currency" and currency else shown


def _formula(written: str) -> str:
    """Return "of:=SUM([.B2:.B3])" as it is typed: =SUM(B2:B3)."""
    formula = written.partition(":=")[2] or written.lstrip("=")
    for mark, plain in (("[.", ""), (":.", ":"), ("]", ""), ("[", "")):
        formula = formula.replace(mark, plain)
    return squeeze(f"={formula}")


def _letters(column: int) -> str:
    letters = ""
    while column > 0:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters
