"""The rows of a worksheet as a stream: cells as Excel shows them, hidden ones left out and counted."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from ragkit_ingest.readers.grid import Cell
from ragkit_ingest.readers.links import linked
from ragkit_ingest.readers.office.xlsx_book import Book, RichText, Style, without_escapes
from ragkit_ingest.readers.office.xlsx_layout import COLUMN_LIMIT, Layout, cell_place, column_number
from ragkit_ingest.readers.sheets.number_formats import built_in
from ragkit_ingest.readers.sheets.plain_rows import PlainCell, without_plain_rows
from ragkit_ingest.readers.sheets.tables import Merge, Row
from ragkit_ingest.readers.titles import squeeze
from ragkit_ingest.readers.zip_package import Package, feed_xml

STRUCK: Final = "struck-out text left out (characters)"
_DIGITS: Final = "0123456789"
_PLAIN: Final = Style(built_in(0), strong=False)
_LINK_FORMULA: Final = re.compile(r'\s*HYPERLINK\(\s*"([^"]{1,2000})"', re.IGNORECASE)
_SHARED_REFERENCE: Final = re.compile(r"(?<![\w$.])(\$?)([A-Z]{1,3})(\$?)([0-9]{1,7})(?![\w(.])")
_QUOTED: Final = re.compile(r'("[^"]*")')
_PLAIN_LENGTH: Final = 11
_MAX_KNOWN: Final = 50_000
_MAX_NOTED: Final = 100_000


class SheetRows:
    """Reads one sheet once. counts: what was left out, by words for the report; noted: texts of the cells that are
    wanted; hidden_places: those of them that are left out."""

    def __init__(self, book: Book, layout: Layout, *, keep_hidden: bool) -> None:
        self.counts: Counter[str] = Counter()
        self.noted: dict[tuple[int, int], str] = {}
        self.wanted: set[tuple[int, int]] = set()
        self.hidden_places: set[tuple[int, int]] = set()
        self.last = 0
        self._book = book
        self._layout = layout
        self.keep_hidden = keep_hidden
        self._hidden_columns: set[int] = set()
        self._hidden_sorted = sorted(layout.hidden)
        self._rows_left_out = 0
        self._done: list[Row] = []
        self._merges = list(reversed(layout.merges))
        self._reaching: list[Merge] = []
        self._columns: dict[str, int] = {}
        self._shared: dict[str, tuple[int, int, str]] = {}
        self._rich = RichText()
        self._row = self._column = 0
        self._cells: dict[int, str] = {}
        self._row_hidden = False
        self._strong = True
        self._words: list[str] = []
        self._formula: str | None = None
        self._formula_id = ""
        self._inside = False
        self._type = ""
        self._style = _PLAIN
        self._styles = {str(number): style for number, style in enumerate(book.styles)}
        self._known: dict[tuple[Style, str], str] = {}
        self._special: set[int] = set()  # rows with links or comments

    def read(self, package: Package, part: str) -> Iterator[Row]:
        """Yield the rows that have text, in order."""
        chunks: Iterator[bytes] = package.chunks(part, again=True, streamed=True)
        if not any(style.struck for style in self._book.styles):
            chunks = without_plain_rows(chunks, self._plain_row)
            self._special = {row for row, _ in (*self.wanted, *self._layout.links)}
        for _ in feed_xml(chunks, part, self):
            yield from self._done
            self._done.clear()
        if self._hidden_columns:
            self.counts["hidden columns"] += len(self._hidden_columns)
        if self._rich.struck:
            self.counts[STRUCK] += self._rich.struck

    def _plain_row(self, number: int, cells: Iterable[PlainCell]) -> bool:
        """Take a row of plain cells; False, without side effects, for one that the XML parser must read."""
        if number in self._special:
            return False
        row: dict[int, str] = {}
        strings, columns, styles = self._book.strings, self._columns, self._styles
        strong = True
        for letters, style, kind, value, inline in cells:
            look = styles.get(style, _PLAIN) if style else _PLAIN
            if value is None:
                text = look.format.shown_text(squeeze(inline)) if inline and kind == "inlineStr" else ""
            elif kind == "s":
                known = value.isdecimal() and int(value) < len(strings)
                text = look.format.shown_text(strings[int(value)]) if known else ""
            elif kind == "inlineStr":
                return False
            elif look.format.plain and len(value) <= _PLAIN_LENGTH and "E" not in value and "e" not in value:
                text = value
            else:
                text = self._number_text(value, look)
            if text:
                column = columns.get(letters) or self._number(letters)
                if column > COLUMN_LIMIT:
                    self.counts[f"cells beyond column {COLUMN_LIMIT:,}"] += 1
                    continue
                row[column] = text
                strong = strong and look.strong
        self._row, self._cells, self._row_hidden, self._strong = number, row, False, strong
        self._end_row()
        return True

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        if name == "c":
            self._begin_cell(attributes)
        elif name == "v":
            self._inside = True
        elif name == "row":
            self._begin_row(attributes)
        elif name == "f":
            self._inside = True
            self._formula_id = attributes.get("si", "") if attributes.get("t") == "shared" else ""
            self._formula = ""
        elif self._type == "inlineStr":
            self._rich.start(name, attributes)

    def text(self, data: str) -> None:
        """Take text."""
        if self._inside:
            self._words.append(data)
        elif self._type == "inlineStr":
            self._rich.text(data)

    def end(self, name: str) -> None:
        """An element ends."""
        if name == "v":
            self._inside = False
        elif name == "c":
            self._end_cell()
        elif name == "row":
            self._end_row()
        elif name == "f":
            self._inside = False
            self._formula = "".join(self._words)
            self._words.clear()
        elif self._type == "inlineStr":
            self._rich.end(name)

    def _begin_row(self, attributes: dict[str, str]) -> None:
        number = attributes.get("r", "")
        self._row = int(number) if number.isdecimal() and len(number) < 9 else self.last + 1
        self._row_hidden = attributes.get("hidden") in ("1", "true") and not self.keep_hidden
        self._cells = {}
        self._column = 0
        self._strong = True

    def _begin_cell(self, attributes: dict[str, str]) -> None:
        reference = attributes.get("r", "")
        letters = reference.rstrip(_DIGITS)
        self._column = (self._columns.get(letters) or self._number(letters)) if reference else self._column + 1
        self._type = attributes.get("t", "n")
        self._style = self._styles.get(attributes.get("s", ""), _PLAIN)
        self._words = []
        self._formula = None
        self._formula_id = ""
        self._inside = False

    def _number(self, letters: str) -> int:
        number = column_number(letters) or self._column + 1
        if len(self._columns) <= COLUMN_LIMIT:
            self._columns[letters] = number
        return number

    def _end_cell(self) -> None:
        value = "".join(self._words)
        if self._style.struck:
            self._strike(value)
            return
        if (
            self._type == "n"
            and self._formula is None
            and self._style.format.plain
            and len(value) <= _PLAIN_LENGTH
            and "E" not in value
            and "e" not in value
        ):
            text = value.strip()  # most numbers: General, short enough to be kept unchanged
        else:
            text = self._shown(value)
        self._type = ""
        if not text:
            return
        place = (self._row, self._column)
        if self._layout.links and place in self._layout.links:
            text = linked(text, self._layout.links[place])
        if self._column > COLUMN_LIMIT:
            self.counts[f"cells beyond column {COLUMN_LIMIT:,}"] += 1
            return
        if place in self.wanted and len(self.noted) < _MAX_NOTED:
            self.noted[place] = text
        self._cells[self._column] = text
        self._strong = self._strong and self._style.strong

    def _strike(self, value: str) -> None:
        """Leave out a cell that is struck out, and count its characters."""
        self.counts[STRUCK] += len(self._shown(value))
        self._type = ""

    def _shown(self, value: str) -> str:
        """Return a cell as Excel would show it."""
        kind, style = self._type, self._style
        if self._formula is not None and not value and kind == "n":
            self.counts["formulas without a value"] += 1
            return f"={self._formula_text()}"
        if kind == "s":
            index = value.strip()
            known = index.isdecimal() and int(index[:9]) < len(self._book.strings)
            text = self._book.strings[int(index)] if known else ""
            text = style.format.shown_text(text) if text else ""
        elif kind == "inlineStr":
            text = style.format.shown_text(self._rich.take() or squeeze(value))
        elif kind == "b":
            text = "TRUE" if value.strip() == "1" else "FALSE" if value else ""
        elif kind == "n" and value:
            text = self._number_text(value, style)
        elif kind == "d":
            text = squeeze(value.replace("T", " ")).removesuffix(" 00:00:00")
        else:
            text = without_escapes(value)
        link = _LINK_FORMULA.match(self._formula or "")
        return linked(text, link.group(1)) if link is not None else text

    def _number_text(self, value: str, style: Style) -> str:
        try:
            number = float(value)
        except ValueError:
            return squeeze(value)
        if number != number or number in (float("inf"), float("-inf")):
            return squeeze(value)
        key = (style, value)
        known = self._known.get(key)
        if known is not None:
            return known
        shown = squeeze(style.format.shown(number))
        if len(self._known) < _MAX_KNOWN and shown:
            self._known[key] = shown
        if not shown:
            self.counts["cells whose number format shows nothing"] += 1
        return shown

    def _formula_text(self) -> str:
        """Return the formula of a cell; one that is shared with other cells moves along with its place."""
        formula, shared = self._formula or "", self._formula_id
        if shared and formula:
            self._shared.setdefault(shared, (self._row, self._column, formula))
        elif shared in self._shared:
            row, column, formula = self._shared[shared]
            return moved(formula, self._row - row, self._column - column)
        return squeeze(formula)

    def _end_row(self) -> None:
        self.last = self._row
        cells = self._cells
        merges: Sequence[Merge] = self._merges_here(cells) if self._merges or self._reaching else ()
        if self._row_hidden:
            self._rows_left_out += 1
            self.counts["hidden rows"] += bool(cells)
            self.hidden_places.update((self._row, column) for column in cells if (self._row, column) in self.wanted)
            return
        if not cells:
            return
        if self._layout.hidden and not self.keep_hidden:
            cells, merges = self._without_hidden_columns(cells, merges)
        if cells:  # rows and columns that are left out leave no gap
            self._done.append(
                Row(self._row - self._rows_left_out, cells, merges, self._strong or self._row in self._layout.named)
            )

    def _without_hidden_columns(
        self, cells: dict[int, str], merges: Sequence[Merge]
    ) -> tuple[dict[int, str], Sequence[Merge]]:
        """Return the cells and merged ranges of a row as they stand when the hidden columns are left out."""
        hidden, moved_to = self._layout.hidden, self._visible
        self._hidden_columns.update(hidden.intersection(cells))
        left = {moved_to(column): text for column, text in cells.items() if column not in hidden}
        seen: list[Merge] = []
        for merge in merges:
            first = moved_to(merge.left - 1) + 1
            last = moved_to(min(merge.right, COLUMN_LIMIT))
            if merge.cell is None or first > last:
                continue
            seen.append(Merge(merge.top, first, merge.bottom, last, merge.cell))
            if merge.top == self._row:  # a merged cell whose first column is hidden still shows its value
                left.setdefault(first, merge.cell.text)
        return left, seen

    def _visible(self, column: int) -> int:
        """Return how many columns up to this one are not hidden."""
        return column - bisect_right(self._hidden_sorted, column)

    def _merges_here(self, cells: dict[int, str]) -> tuple[Merge, ...]:
        """Return the merged ranges that reach into the row, those that begin here with their value."""
        row = self._row
        self._reaching = [merge for merge in self._reaching if merge.bottom >= row]
        while self._merges and self._merges[-1].top <= row:
            merge = self._merges.pop()
            if merge.bottom >= row:
                self._reaching.append(merge)
                if merge.top == row and merge.left in cells:
                    merge.cell = Cell(cells[merge.left], merge.bottom - merge.top + 1, merge.right - merge.left + 1)
        return tuple(merge for merge in self._reaching if merge.cell is not None)


def moved(formula: str, rows: int, columns: int) -> str:
    """Return a formula shifted by rows and columns: A1 moves, $A$1 and quoted text stay."""

    def move(match: re.Match[str]) -> str:
        fixed_column, letters, fixed_row, number = match.groups()
        place = cell_place(f"{letters}{number}")
        if place is None:
            return match.group()
        if not fixed_column:
            letters = _letters(place[1] + columns)
        row = place[0] if fixed_row else place[0] + rows
        return f"{fixed_column}{letters}{fixed_row}{row}" if letters and row > 0 else "#REF!"

    parts = _QUOTED.split(squeeze(formula))
    return "".join(part if at % 2 else _SHARED_REFERENCE.sub(move, part) for at, part in enumerate(parts))


def _letters(column: int) -> str:
    letters = ""
    while column > 0:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters
