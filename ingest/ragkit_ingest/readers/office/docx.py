"""DOCX: paragraphs, headings by style, lists, tables and notes, read as a stream of XML events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from ragkit import ExtractionError
from ragkit_ingest.readers.base import Extracted, Hints, TextBuilder, squeeze
from ragkit_ingest.readers.sniff import DOCX
from ragkit_ingest.readers.zip_package import Event, Package, core_properties

_SKIPPED = frozenset({"Fallback", "del", "moveFrom", "instrText", "delText", "sectPr", "tblPr", "tblGrid", "object"})
_CELL_LIMIT = 1_500
_MAIN = "word/document.xml"


class DocxReader:
    """Reads Word documents."""

    name = "docx"
    media_types: tuple[str, ...] = (DOCX,)

    def read(self, data: bytes, *, name: str, hints: Hints) -> Extracted:
        """Return the visible text; deleted and hidden text, headers and footers of pages are left out."""
        package = Package(data, hints.limits)
        part = next((item.target for item in package.relations("").values() if item.kind == "officeDocument"), _MAIN)
        if part not in package:
            raise ExtractionError("damaged", f"the part {part} is missing")
        builder = TextBuilder()
        related = {item.kind: item.target for item in package.relations(part).values()}
        body = _Body(builder, _styles(package, related.get("styles", "word/styles.xml")), _numbering(package, related))
        body.read(package, part)
        for kind in ("footnotes", "endnotes"):
            if kind in related and related[kind] in package:
                body.read(package, related[kind])
        properties = core_properties(package)
        return builder.finish(name=name, title=str(properties.get("title", body.title)), metadata=properties)


@dataclass(slots=True)
class _Style:
    """What a paragraph style means: heading level (0 for none), list (numbering id), or the document's title."""

    name: str = ""
    parent: str = ""
    level: int = 0
    numbering: str = ""


@dataclass(slots=True)
class _Paragraph:
    text: list[str] = field(default_factory=list)
    style: str = ""
    level: int = 0
    numbering: str = ""
    indent: int = 0


@dataclass(slots=True)
class _Table:
    rows: list[list[str]] = field(default_factory=list)
    cell: list[str] = field(default_factory=list)
    named: bool = False  # its first row repeats on each page: it names the columns


def _styles(package: Package, part: str) -> dict[str, _Style]:
    styles: dict[str, _Style] = {}
    if part not in package:
        return styles
    current = _Style()
    for event in package.events(part):
        if event.kind != "start":
            continue
        value = event.attributes.get("val", "")
        if event.name == "style":
            current = styles.setdefault(event.attributes.get("styleId", ""), _Style())
        elif event.name == "name":
            current.name = value.lower()
            word, _, number = current.name.partition(" ")
            current.level = int(number[:2]) if word == "heading" and number.isdecimal() else current.level
        elif event.name == "basedOn":
            current.parent = value
        elif event.name == "outlineLvl":
            current.level = current.level or _outline_level(value)
        elif event.name == "numId":
            current.numbering = value
    for style in styles.values():
        _inherit(style, styles)
    return styles


def _inherit(style: _Style, styles: dict[str, _Style]) -> None:
    parent, steps = styles.get(style.parent), 0
    while parent is not None and steps < 20:
        style.level = style.level or parent.level
        style.numbering = style.numbering or parent.numbering
        parent, steps = styles.get(parent.parent), steps + 1


def _numbering(package: Package, related: dict[str, str]) -> dict[tuple[str, int], str]:
    """Return the number format of each (numbering id, level)."""
    part = related.get("numbering", "")
    formats: dict[tuple[str, int], str] = {}
    if part not in package:
        return formats
    abstract: dict[str, dict[int, str]] = {}
    current, level, number = "", 0, ""
    for event in package.events(part):
        if event.kind != "start":
            continue
        value = event.attributes.get("val", "")
        if event.name == "abstractNum":
            current = event.attributes.get("abstractNumId", "")
        elif event.name == "lvl":
            level = _small(event.attributes.get("ilvl", ""))
        elif event.name == "numFmt":
            abstract.setdefault(current, {})[level] = value
        elif event.name == "num":
            number = event.attributes.get("numId", "")
        elif event.name == "abstractNumId":
            formats.update({(number, key): kind for key, kind in abstract.get(value, {}).items()})
    return formats


def _outline_level(value: str) -> int:
    """Return the heading level of an outline level (0 to 8), 0 for body text."""
    return int(value) + 1 if value.isdecimal() and len(value) == 1 and value != "9" else 0


def _small(value: str) -> int:
    return min(int(value[:3]), 9) if value[:3].isdecimal() else 0


class _Body:
    """Follows the events of a part; holds the open paragraphs, tables and list, and nothing that is done."""

    def __init__(self, builder: TextBuilder, styles: dict[str, _Style], formats: dict[tuple[str, int], str]) -> None:
        self.title = ""
        self._out = builder
        self._styles = styles
        self._formats = formats
        self._paragraphs: list[_Paragraph] = []
        self._tables: list[_Table] = []
        self._items: list[str] = []
        self._counts: Counter[tuple[str, int]] = Counter()
        self._skip = 0
        self._hidden = False
        self._in_text = False
        self._in_run = False
        self._starts: dict[str, Callable[[Event], None]] = {
            "p": lambda _event: self._paragraphs.append(_Paragraph()),
            "r": self._start_run,
            "t": lambda _event: self._text_on(),
            "tab": lambda _event: self._add(" ") if self._in_run else None,
            "br": lambda _event: self._add("\n"),
            "cr": lambda _event: self._add("\n"),
            "noBreakHyphen": lambda _event: self._add("-"),
            "vanish": self._vanish,
            "pStyle": self._style,
            "outlineLvl": self._outline,
            "numId": self._number,
            "ilvl": self._indent,
            "tbl": lambda _event: self._start_table(),
            "tr": lambda _event: self._tables[-1].rows.append([]) if self._tables else None,
            "tblHeader": lambda _event: self._name_columns(),
        }
        self._ends: dict[str, Callable[[], None]] = {
            "p": self._end_paragraph,
            "r": self._end_run,
            "t": self._text_off,
            "tc": self._end_cell,
            "tbl": self._end_table,
        }

    def read(self, package: Package, part: str) -> None:
        for event in package.events(part):
            if self._skip:
                self._skip += (event.kind == "start") - (event.kind == "end")
            elif event.kind == "text":
                if self._in_text and not self._hidden:
                    self._add(event.text)
            elif event.kind == "start":
                if event.name in _SKIPPED:
                    self._skip = 1
                elif event.name in self._starts:
                    self._starts[event.name](event)
            elif event.name in self._ends:
                self._ends[event.name]()
        self._flush_items()

    def _add(self, text: str) -> None:
        if self._paragraphs:
            self._paragraphs[-1].text.append(text)

    def _start_run(self, _event: Event) -> None:
        self._in_run, self._hidden = True, False

    def _end_run(self) -> None:
        self._in_run = self._hidden = False

    def _text_on(self) -> None:
        self._in_text = True

    def _text_off(self) -> None:
        self._in_text = False

    def _vanish(self, event: Event) -> None:
        if self._in_run:
            self._hidden = event.attributes.get("val", "true") not in ("0", "false", "off")

    def _style(self, event: Event) -> None:
        if self._paragraphs:
            self._paragraphs[-1].style = event.attributes.get("val", "")

    def _outline(self, event: Event) -> None:
        if self._paragraphs:
            self._paragraphs[-1].level = _outline_level(event.attributes.get("val", ""))

    def _number(self, event: Event) -> None:
        if self._paragraphs:
            self._paragraphs[-1].numbering = event.attributes.get("val", "")

    def _indent(self, event: Event) -> None:
        if self._paragraphs:
            self._paragraphs[-1].indent = _small(event.attributes.get("val", ""))

    def _end_paragraph(self) -> None:
        if not self._paragraphs:
            return
        paragraph = self._paragraphs.pop()
        lines = [line for line in map(squeeze, "".join(paragraph.text).split("\n")) if line]
        if not lines:
            return
        style = self._styles.get(paragraph.style, _Style())
        level = paragraph.level or style.level
        numbering = paragraph.numbering or style.numbering
        if self._tables:
            self._tables[-1].cell.append(" ".join(lines))
        elif style.name == "title":
            self.title = self.title or " ".join(lines)
            self._heading(lines, 1)
        elif level:
            self._heading(lines, level)
        elif numbering not in ("", "0"):
            self._items.append(self._mark(numbering, paragraph.indent) + " ".join(lines))
        else:
            self._flush_items()
            self._out.paragraph("\n".join(lines))

    def _heading(self, lines: list[str], level: int) -> None:
        self._flush_items()
        self._out.heading(" ".join(lines), level)

    def _mark(self, numbering: str, indent: int) -> str:
        if self._formats.get((numbering, indent)) != "decimal":
            return "  " * indent + "- "
        for deeper in range(indent + 1, 10):
            self._counts.pop((numbering, deeper), None)
        self._counts[numbering, indent] += 1
        return "  " * indent + f"{self._counts[numbering, indent]}. "

    def _flush_items(self) -> None:
        if self._items:
            self._out.items(self._items)
            self._items = []

    def _start_table(self) -> None:
        self._flush_items()
        self._tables.append(_Table())

    def _name_columns(self) -> None:
        if self._tables and len(self._tables[-1].rows) == 1:
            self._tables[-1].named = True

    def _end_cell(self) -> None:
        if self._tables:
            table = self._tables[-1]
            if not table.rows:
                table.rows.append([])
            table.rows[-1].append("\n".join(table.cell))
            table.cell = []

    def _end_table(self) -> None:
        if not self._tables:
            return
        table = self._tables.pop()
        if self._tables:  # a table in a cell: its rows become words of that cell
            self._tables[-1].cell.extend(filter(None, (" ".join(filter(None, row)) for row in table.rows)))
            self._tables[-1].cell.extend(table.cell)
            return
        cells = [cell for row in table.rows for cell in row] + table.cell
        if table.cell or max(map(len, table.rows), default=0) < 2 or max(map(len, cells)) > _CELL_LIMIT:
            for cell in cells:
                self._out.paragraph(cell)
            return
        self._out.table(table.rows, header=table.named or None)
