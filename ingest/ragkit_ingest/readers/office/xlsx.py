"""XLSX: a page is a sheet, a row is a line; dates and percentages as they are shown, the row of names as header."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ragkit import ExtractionError
from ragkit_ingest.readers.base import Extracted, Hints, TextBuilder, looks_like_header, squeeze
from ragkit_ingest.readers.sniff import XLSX
from ragkit_ingest.readers.zip_package import Event, Package, core_properties

_MAIN = "xl/workbook.xml"
_CHECK_EVERY = 2_000
_COLUMN_LIMIT = 16_384
_HEADER_WITHIN = 10
_CAPTION_LIMIT = 150
_BUILT_IN_DATES = frozenset({14, 15, 16, 17, 22, 27, 30, 36, 50, 57})
_BUILT_IN_TIMES = frozenset({18, 19, 20, 21, 45, 46, 47})
_BUILT_IN_PERCENT = frozenset({9, 10})
_LITERALS = re.compile(r"\"[^\"]*\"|\\.|\[[^\]]*\]|_.")


class XlsxReader:
    """Reads Excel workbooks."""

    name = "xlsx"
    media_types: tuple[str, ...] = (XLSX,)

    def read(self, data: bytes, *, name: str, hints: Hints) -> Extracted:
        """Return the values of all sheets in order; hidden sheets are left out and reported."""
        package = Package(data, hints.limits)
        main = next((item.target for item in package.relations("").values() if item.kind == "officeDocument"), _MAIN)
        if main not in package:
            raise ExtractionError("damaged", f"the part {main} is missing")
        book = _read_book(package, main)
        builder = TextBuilder()
        for sheet, part, hidden in book.sheets[: hints.limits.max_pages]:
            builder.page()
            if hidden:
                builder.warn(f"sheet {sheet!r} is hidden and was left out")
            elif part in package:
                _add_sheet(builder, sheet, _rows(package, part, book, builder, hints))
        properties = core_properties(package)
        return builder.finish(name=name, title=str(properties.get("title", "")), metadata=properties)


@dataclass(slots=True)
class _Book:
    """What all sheets share. sheets: (name, part, hidden); formats: "date", "time", "percent" or "" by style index."""

    sheets: list[tuple[str, str, bool]] = field(default_factory=list)
    strings: list[str] = field(default_factory=list)
    formats: list[str] = field(default_factory=list)
    epoch: datetime = datetime(1899, 12, 30)  # noqa: DTZ001 (a workbook's dates have no zone)


def _read_book(package: Package, main: str) -> _Book:
    book = _Book()
    relations = package.relations(main)
    for event in package.events(main):
        if event.kind != "start":
            continue
        if event.name == "workbookPr" and event.attributes.get("date1904") in ("1", "true"):
            book.epoch = datetime(1904, 1, 1)  # noqa: DTZ001
        elif event.name == "sheet":
            relation = relations.get(event.attributes.get("r:id", ""))
            if relation is not None and relation.kind == "worksheet":
                hidden = event.attributes.get("state", "visible") != "visible"
                book.sheets.append((event.attributes.get("name", ""), relation.target, hidden))
    kinds = {relation.kind: relation.target for relation in relations.values()}
    if "sharedStrings" in kinds and kinds["sharedStrings"] in package:  # a part may be named "" in a damaged file
        book.strings = list(_strings(package.events(kinds["sharedStrings"])))
    if "styles" in kinds and kinds["styles"] in package:
        book.formats = _formats(package.events(kinds["styles"]))
    return book


def _strings(events: Iterator[Event]) -> Iterator[str]:
    """Yield the shared strings; phonetic guides are left out."""
    words: list[str] = []
    inside = phonetic = False
    for event in events:
        if event.kind == "text":
            if inside and not phonetic:
                words.append(event.text)
        elif event.name == "t":
            inside = event.kind == "start"
        elif event.name == "rPh":
            phonetic = event.kind == "start"
        elif event.name == "si" and event.kind == "end":
            yield squeeze("".join(words))
            words.clear()


def _formats(events: Iterator[Event]) -> list[str]:
    custom: dict[str, str] = {}
    formats: list[str] = []
    inside = False
    for event in events:
        if event.name == "cellXfs":
            inside = event.kind == "start"
        elif event.kind == "start" and event.name == "numFmt":
            custom[event.attributes.get("numFmtId", "")] = event.attributes.get("formatCode", "")
        elif event.kind == "start" and event.name == "xf" and inside:
            formats.append(_kind_of_format(event.attributes.get("numFmtId", "0"), custom))
    return formats


def _kind_of_format(number: str, custom: dict[str, str]) -> str:
    if number in custom:
        code = _LITERALS.sub("", custom[number].partition(";")[0]).lower()
        if "%" in code:
            return "percent"
        if "y" in code or "d" in code or "mmm" in code:
            return "date"
        return "time" if ("h" in code or "s" in code) and "e" not in code.replace("general", "") else ""
    identity = int(number[:6]) if number[:6].isdecimal() else 0
    for kind, known in (("date", _BUILT_IN_DATES), ("time", _BUILT_IN_TIMES), ("percent", _BUILT_IN_PERCENT)):
        if identity in known:
            return kind
    return ""


def _rows(package: Package, part: str, book: _Book, builder: TextBuilder, hints: Hints) -> Iterator[list[str]]:
    """Yield the rows of a sheet as shown; gaps between columns are empty cells."""
    row: list[str] = []
    cell: dict[str, str] = {}
    value: list[str] = []
    inside = False
    count = 0
    for event in package.events(part):
        if event.kind == "text":
            if inside:
                value.append(event.text)
        elif event.name in ("v", "t"):
            inside = event.kind == "start"
        elif event.name == "c":
            if event.kind == "start":
                cell = dict(event.attributes)
                value.clear()
            else:
                _place(row, cell.get("r", ""), _shown("".join(value), cell, book))
        elif event.name == "row" and event.kind == "end":
            if any(row):
                yield row
            row = []
            count += 1
            if count % _CHECK_EVERY == 0 and hints.budget.spent():
                builder.warn(f"stopped after {count:,} rows of a sheet: out of time")
                return


def _place(row: list[str], reference: str, text: str) -> None:
    column = 0
    for char in reference[:4]:
        if not "A" <= char <= "Z":
            break
        column = column * 26 + ord(char) - 64
    if text and len(row) < column <= _COLUMN_LIMIT:
        row.extend([""] * (column - 1 - len(row)))
    if text or not reference:
        row.append(text)


def _shown(value: str, cell: dict[str, str], book: _Book) -> str:
    """Return a cell as Excel would show it, as far as its kind of format is known."""
    kind = cell.get("t", "n")
    if kind == "s":
        return book.strings[int(value)] if value.isdecimal() and int(value[:9]) < len(book.strings) else ""
    if kind == "b":
        return "TRUE" if value.strip() == "1" else "FALSE"
    if kind != "n" or not value:
        return squeeze(value)
    try:
        number = float(value)
    except ValueError:
        return squeeze(value)
    style = cell.get("s", "")
    shown_as = book.formats[int(style)] if style[:6].isdecimal() and int(style[:6]) < len(book.formats) else ""
    if shown_as in ("date", "time"):
        return _moment(number, shown_as, book.epoch)
    return f"{number * 100:.10g}%" if shown_as == "percent" else f"{number:.15g}"


def _moment(number: float, kind: str, epoch: datetime) -> str:
    if not 0 <= number < 2_958_466:  # Excel's last day is 9999-12-31
        return f"{number:.15g}"
    moment = epoch + timedelta(seconds=round(number * 86_400))
    if kind == "time" and number < 1:
        return moment.strftime("%H:%M:%S")
    return moment.strftime("%Y-%m-%d" if number.is_integer() else "%Y-%m-%d %H:%M")


def _add_sheet(builder: TextBuilder, sheet: str, rows: Iterator[list[str]]) -> None:
    """Add a sheet: its name as heading, the lines above its header as prose, then the table."""
    builder.heading(sheet, 2)
    first: list[list[str]] = []
    for row in rows:
        first.append(row)
        if len(first) == _HEADER_WITHIN:
            break
    at = next((number for number, row in enumerate(first) if looks_like_header(_trimmed(row))), None)
    caption = ""
    if at is not None:
        above = [" ".join(filter(None, row)) for row in first[:at]]
        for line in above:
            builder.paragraph(line)
        caption = " ".join(above) if sum(map(len, above)) <= _CAPTION_LIMIT else ""
        first = first[at:]
    builder.table(_chain(first, rows), header=at is not None, caption=caption)


def _chain(first: list[list[str]], rest: Iterator[list[str]]) -> Iterator[list[str]]:
    yield from first
    yield from rest


def _trimmed(row: list[str]) -> list[str]:
    return [cell for cell in row if cell]
