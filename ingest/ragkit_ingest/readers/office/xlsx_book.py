"""What the sheets of a workbook share: their names and parts, shared strings, and a number format for each style."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from ragkit_ingest.readers.raised import subscript, superscript
from ragkit_ingest.readers.sheets.number_formats import NumberFormat, built_in, compiled
from ragkit_ingest.readers.titles import squeeze
from ragkit_ingest.readers.zip_package import Event, Package, feed_xml

_RAISED: Final[dict[str, Callable[[str], str]]] = {"superscript": superscript, "subscript": subscript}
_ESCAPE: Final = re.compile("_x([0-9A-Fa-f]{4})_")


@dataclass(frozen=True, slots=True)
class SheetPart:
    """A sheet of the workbook. chart: it is a chart that fills a whole sheet."""

    name: str
    part: str
    hidden: bool
    chart: bool


@dataclass(frozen=True, slots=True, eq=False)
class Style:
    """How a cell looks: its number format, whether its font is bold or its ground coloured, and whether it is struck
    out."""

    format: NumberFormat
    strong: bool
    struck: bool = False


@dataclass(slots=True)
class Book:
    """A workbook without its cells. styles: by the index that cells name; struck: characters of its texts that are
    struck out, and left out."""

    sheets: list[SheetPart] = field(default_factory=list)
    strings: list[str] = field(default_factory=list)
    styles: list[Style] = field(default_factory=list)
    date1904: bool = False
    struck: int = 0


def read_book(package: Package, main: str) -> Book:
    """Return the workbook whose main part is given."""
    book = Book()
    relations = package.relations(main)
    for event in package.events(main):
        if event.kind != "start":
            continue
        if event.name == "workbookPr" and event.attributes.get("date1904") in ("1", "true"):
            book.date1904 = True
        elif event.name == "sheet":
            relation = relations.get(event.attributes.get("r:id", ""))
            if relation is not None and relation.kind in ("worksheet", "chartsheet"):
                hidden = event.attributes.get("state", "visible") != "visible"
                name = squeeze(event.attributes.get("name", ""))
                book.sheets.append(SheetPart(name, relation.target, hidden, relation.kind == "chartsheet"))
    kinds = {relation.kind: relation.target for relation in relations.values()}
    if "sharedStrings" in kinds and kinds["sharedStrings"] in package:  # a part may be named "" in a damaged file
        strings = _Strings()
        for _ in feed_xml(package.chunks(kinds["sharedStrings"]), kinds["sharedStrings"], strings):
            pass
        book.strings, book.struck = strings.found, strings.struck
    if "styles" in kinds and kinds["styles"] in package:
        book.styles = _styles(package.events(kinds["styles"]), date1904=book.date1904)
    return book


class RichText:
    """Joins the runs of a text; raised and lowered ones are marked, phonetic guides are left out.

    struck: characters of runs that are struck out; they are left out.
    """

    def __init__(self) -> None:
        self.struck = 0
        self._strikes = False
        self._words: list[str] = []
        self._run: list[str] = []
        self._raise: Callable[[str], str] | None = None
        self._inside = self._phonetic = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        if name == "t":
            self._inside = not self._phonetic
        elif name == "rPh":
            self._phonetic = True
        elif name == "strike":
            self._strikes = attributes.get("val", "1") not in ("0", "false")
        elif name == "vertAlign":
            self._raise = _RAISED.get(attributes.get("val", ""))

    def end(self, name: str) -> None:
        """An element ends."""
        if name == "t":
            self._inside = False
        elif name == "rPh":
            self._phonetic = False
        elif name == "r":
            self._end_run()

    def text(self, data: str) -> None:
        """Take text."""
        if self._inside:
            self._run.append(data)

    def take(self) -> str:
        """Return the text so far, on one line, and begin anew."""
        self._end_run()
        text = without_escapes("".join(self._words))
        self._words.clear()
        return text

    def _end_run(self) -> None:
        text = "".join(self._run)
        self._run.clear()
        if self._strikes:
            self.struck += len(text)
        else:
            self._words.append(self._raise(text) if self._raise is not None and text.strip() else text)
        self._raise, self._strikes = None, False


def without_escapes(text: str) -> str:
    """Return a string of a sheet on one line; escapes such as _x000D_ (ECMA-376, ST_Xstring) are characters."""
    return squeeze(_ESCAPE.sub(_character, text))


def _character(escape: re.Match[str]) -> str:
    sign = chr(int(escape[1], 16))
    return sign if sign.isprintable() else " "


class _Strings(RichText):
    """Collects the shared strings."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def end(self, name: str) -> None:
        super().end(name)
        if name == "si":
            self.found.append(self.take())


def _styles(events: Iterator[Event], *, date1904: bool) -> list[Style]:
    custom: dict[str, str] = {}
    bold: list[bool] = []
    struck: list[bool] = []
    filled: list[bool] = []
    styles: list[Style] = []
    inside = ""
    for event in events:
        if event.kind == "end":
            inside = "" if event.name == inside else inside
            continue
        if event.kind != "start":
            continue
        attributes = event.attributes
        if event.name in ("cellXfs", "fonts", "fills", "dxfs", "cellStyleXfs"):
            inside = event.name
        elif event.name == "numFmt" and inside != "dxfs":
            custom[attributes.get("numFmtId", "")] = attributes.get("formatCode", "")
        elif inside == "fonts":
            _take_font(event, bold, struck)
        elif inside == "fills" and event.name in ("fill", "patternFill"):
            marked = attributes.get("patternType", "none") not in ("none", "gray125")
            _mark(filled, begins=event.name == "fill", marked=marked)
        elif inside == "cellXfs" and event.name == "xf":
            font = attributes.get("fontId", "")
            strong = _at(bold, font) or _at(filled, attributes.get("fillId", ""))
            number = _format(attributes.get("numFmtId", "0"), custom, date1904=date1904)
            styles.append(Style(number, strong, _at(struck, font)))
    return styles


def _take_font(event: Event, bold: list[bool], struck: list[bool]) -> None:
    for name, flags in (("b", bold), ("strike", struck)):
        if event.name in ("font", name):
            _mark(flags, begins=event.name == "font", marked=event.attributes.get("val", "1") not in ("0", "false"))


def _mark(flags: list[bool], *, begins: bool, marked: bool) -> None:
    if begins:
        flags.append(False)
    elif flags:
        flags[-1] = marked


def _at(flags: list[bool], index: str) -> bool:
    return index[:6].isdecimal() and int(index[:6]) < len(flags) and flags[int(index[:6])]


def _format(number: str, custom: dict[str, str], *, date1904: bool) -> NumberFormat:
    if number in custom:
        return compiled(custom[number], date1904=date1904)
    return built_in(int(number[:6]) if number[:6].isdecimal() else 0, date1904=date1904)
