"""XLSX: a page is a sheet, a row is a line; values as Excel shows them, tables separated by blank rows and columns."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from ragkit import ExtractionError
from ragkit_ingest.readers.base import Extracted, Hints, TextBuilder
from ragkit_ingest.readers.ocr.inside import InnerPictures
from ragkit_ingest.readers.office.xlsx_book import Book, SheetPart, read_book
from ragkit_ingest.readers.office.xlsx_extras import (
    CellValues,
    Drawings,
    add_comments,
    read_comments,
    read_drawings,
    read_people,
)
from ragkit_ingest.readers.office.xlsx_layout import Layout, read_layout
from ragkit_ingest.readers.office.xlsx_rows import STRUCK, SheetRows
from ragkit_ingest.readers.sheets.tables import SheetTables
from ragkit_ingest.readers.sniff import XLSX
from ragkit_ingest.readers.zip_package import Package, core_properties

_MAIN: Final = "xl/workbook.xml"
_CHECK_EVERY: Final = 1_000
_AFTER_ALL: Final = 1 << 40
_LOOKUP_ROWS: Final = 100_000
_LOOKUP_CELLS: Final = 200_000


class XlsxReader:
    """Reads Excel workbooks."""

    name = "xlsx"
    media_types: tuple[str, ...] = (XLSX,)

    def read(self, data: bytes, *, name: str, hints: Hints) -> Extracted:
        """Return the values of all sheets in order; hidden sheets, rows and columns are left out and reported."""
        package = Package(data, hints.limits)
        main = next((item.target for item in package.relations("").values() if item.kind == "officeDocument"), _MAIN)
        if main not in package:
            raise ExtractionError("damaged", f"the part {main} is missing")
        workbook = _Workbook(package, read_book(package, main), hints, people=read_people(package, main))
        workbook.read()
        properties = core_properties(package)
        return workbook.out.finish(name=name, title=str(properties.get("title", "")), metadata=properties)


@dataclass(slots=True)
class _Workbook:
    """A workbook that is being read. counts: what was left out, over all sheets, for one line of the report each."""

    package: Package
    book: Book
    hints: Hints
    people: dict[str, str]
    out: TextBuilder = field(default_factory=TextBuilder)
    counts: Counter[str] = field(default_factory=Counter)
    values: CellValues = field(init=False)
    pictures: InnerPictures = field(init=False)

    def __post_init__(self) -> None:
        self.pictures = InnerPictures(self.hints)
        self.values = CellValues(self._all_values)

    def read(self) -> None:
        """Add the sheets in order."""
        most = self.hints.limits.max_pages
        for number, sheet in enumerate(self.book.sheets[:most]):
            if number and self.hints.budget.spent():
                self.out.warn(f"sheets not read: {len(self.book.sheets) - number:,}, out of time")
                break
            self.out.page()
            if sheet.hidden and not self.hints.limits.keep_hidden:
                self.out.warn(f"sheet {sheet.name!r} is hidden and was left out")
            elif sheet.part in self.package:
                self._sheet(sheet)
            else:
                self.counts["sheets that are missing in the file"] += 1
        if len(self.book.sheets) > most:
            self.out.warn(f"only the first {most:,} of {len(self.book.sheets):,} sheets were read")
        if self.book.struck:
            self.counts[STRUCK] += self.book.struck
        self.pictures.report(self.out)
        for words, count in sorted(self.counts.items()):
            self.out.warn(f"{words}: {count:,}")

    def _sheet(self, sheet: SheetPart) -> None:
        """Add a sheet: its name as heading, its tables, then comments and drawings."""
        self.out.heading(sheet.name, 2)
        layout = read_layout(self.package, sheet.part)
        if layout.cut:
            self.out.warn(f"sheet {sheet.name!r} has more merged ranges than are read")
        for line in layout.furniture:
            start, end = self.out.paragraph(line)
            self.out.mark_block(start, end, "boilerplate")
        comments = read_comments(self.package, sheet.part, self.people)
        if self.hints.limits.comments == "drop":
            self.counts["comments left out"] += len(comments)
            comments = []
        rows = SheetRows(self.book, layout, keep_hidden=self.hints.limits.keep_hidden)
        rows.wanted = {comment.place for comment in comments}
        drawings = read_drawings(self.package, sheet.part, layout, self.values, self.pictures)
        if not sheet.chart:
            self._rows(sheet, rows, layout, drawings)
        drawings.add_before(_AFTER_ALL, self.out)
        add_comments(self.out, comments, rows, layout)
        self.counts.update(rows.counts)
        self.counts.update({"pictures without text": drawings.silent, "drawings not read": drawings.unread})
        self.counts = +self.counts

    def _rows(self, sheet: SheetPart, rows: SheetRows, layout: Layout, drawings: Drawings) -> None:
        tables = SheetTables(self.out, lambda row: drawings.add_before(row, self.out))
        for count, row in enumerate(rows.read(self.package, sheet.part), 1):
            tables.add(row)
            if count % _CHECK_EVERY == 0 and self.hints.budget.spent():
                last = f" of {layout.last_row:,}" if layout.last_row > row.number else ""
                self.out.warn(f"sheet {sheet.name!r}: stopped after row {row.number:,}{last}, out of time")
                break
        tables.close()

    def _all_values(self, name: str) -> dict[tuple[int, int], str]:
        """Return the first cells of a sheet by (row, column), for charts that hold no values of their own."""
        values: dict[tuple[int, int], str] = {}
        sheet = next((one for one in self.book.sheets if one.name == name and one.part in self.package), None)
        if sheet is None or sheet.chart:
            return values
        rows = SheetRows(self.book, Layout(), keep_hidden=True)
        for row in rows.read(self.package, sheet.part):
            values.update({(row.number, column): text for column, text in row.cells.items()})
            if row.number > _LOOKUP_ROWS or len(values) > _LOOKUP_CELLS or self.hints.budget.spent():
                break
        return values
