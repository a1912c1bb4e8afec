"""HTML by libxml2's event parser: no tree and no recursion, hidden text left out, nothing fetched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ragkit_ingest.readers.base import Extracted, Hints, TextBuilder, squeeze
from ragkit_ingest.readers.encoding import decode
from ragkit_ingest.readers.html_rules import (
    BLOCKS,
    BOILERPLATE,
    CHARSET,
    DROPPED,
    HIDING_RULE,
    HIDING_STYLE,
    LAYOUT,
    LISTS,
    META,
)
from ragkit_ingest.readers.sniff import HTML
from ragkit_ingest.readers.text.embedded import without_embedded

_PIECE = 1 << 16
_CELL_LIMIT = 1_500  # a cell of more characters than this is prose: the table was for layout
_BREAK = "\0"  # what <br> leaves in the text; zero bytes of the page itself are gone by then


class HtmlReader:
    """Reads text/html."""

    name = "html"
    media_types: tuple[str, ...] = (HTML,)

    def read(self, data: bytes, *, name: str, hints: Hints) -> Extracted:  # noqa: ARG002 (protocol)
        """Return the visible text; navigation and footers are marked as boilerplate."""
        decoded = decode(data, declared=declared_charset(data))
        builder = TextBuilder()
        for words in decoded.warnings:
            builder.warn(words)
        page = add_html(builder, decoded.text)
        return builder.finish(name=name, title=page.title, metadata=page.metadata)


@dataclass(slots=True)
class PageInfo:
    """What an HTML page says of itself."""

    title: str = ""
    metadata: dict[str, object] = field(default_factory=dict)


def declared_charset(data: bytes) -> str:
    """Return the encoding that a page names for itself, "" when it names none."""
    match = CHARSET.search(data[:4096])
    return (match[1] or match[2]).decode("ascii") if match else ""


def html_to_text(html: str) -> str:
    """Return the visible text of a piece of HTML as plain paragraphs."""
    builder = TextBuilder()
    add_html(builder, html)
    return builder.text()


def add_html(builder: TextBuilder, html: str, *, boilerplate: bool = True) -> PageInfo:
    """Add a page's visible text with its headings, lists, tables and code; return its title and metadata."""
    from lxml import etree

    target = _Target(builder, boilerplate=boilerplate)
    parser = etree.HTMLParser(target=target, huge_tree=True, no_network=True, remove_pis=True)
    html = without_embedded(html.replace("\0", ""), builder.warn)
    for start in range(0, len(html), _PIECE):
        parser.feed(html[start : start + _PIECE])
    if html:
        parser.close()
    target.close()
    return target.info


@dataclass(slots=True)
class _Table:
    """A table that is being read; it becomes prose (layout) when a cell holds more than words."""

    rows: list[list[str]] = field(default_factory=list)
    caption: str = ""
    cell: list[str] | None = None
    first_row: list[str] = field(default_factory=list)  # the tags of its cells
    layout: bool = False

    @property
    def header(self) -> bool | None:
        """Whether the first row names the columns; None to judge by its words."""
        named = [tag == "th" for tag in self.first_row]
        return all(named) if any(named) else None


class _Target:
    """Receives libxml2's events and feeds the builder; holds the open tags, never a tree."""

    def __init__(self, builder: TextBuilder, *, boilerplate: bool) -> None:
        self.info = PageInfo()
        self._out = builder
        self._marks_boilerplate = boilerplate
        self._open: list[str] = []
        self._hidden_at = 0  # depth at which hidden content began, 0 for none
        self._text: list[str] = []
        self._tables: list[_Table] = []
        self._lists: list[int] = []  # for each open list: next number, 0 for bullets
        self._items: list[str] = []
        self._mark = ""  # of the list item that has no text yet
        self._pre = 0
        self._title: list[str] | None = None
        self._style: list[str] | None = None
        self._hiding: set[str] = set()
        self._boilerplate = 0  # depth at which a navigation or footer began, 0 for none
        self._done = False

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        tag = _local(tag)
        self._open.append(tag)
        if self._hidden_at:
            return
        if tag in DROPPED or self._is_hidden(attributes):
            self._style = [] if tag == "style" else None
            self._hidden_at = len(self._open)
        elif tag in BLOCKS:
            self._start_block(tag, attributes)
        elif tag == "br":
            self._text.append(_BREAK)
        elif tag == "title" and not self.info.title:
            self._title = []
        elif tag == "meta":
            self._meta(attributes)
        elif tag == "img" and attributes.get("alt"):
            self._text.append(f" {attributes['alt'][:500]} ")

    def end(self, tag: str) -> None:
        tag = _local(tag)
        if tag not in self._open[-1:]:
            if tag not in self._open:
                return
            while self._open and self._open[-1] != tag:
                self._close(self._open[-1])
        self._close(tag)

    def data(self, text: str) -> None:
        if self._title is not None:
            self._title.append(text)
        elif self._style is not None:
            self._style.append(text)
        elif not self._hidden_at:
            self._text.append(text)

    def comment(self, text: str) -> None:
        """Comments are left out."""

    def close(self) -> None:
        if self._done:
            return
        self._done = True
        while self._open:
            self._close(self._open[-1])
        self._flush()
        while self._tables:
            self._end_table()
        self._flush_items()

    def _close(self, tag: str) -> None:
        depth = len(self._open)
        self._open.pop()
        if self._hidden_at:
            if self._hidden_at == depth:
                self._hidden_at = 0
                self._end_style()
            return
        if tag == "title" and self._title is not None:
            self.info.title, self._title = squeeze("".join(self._title)), None
        elif tag in BLOCKS:
            self._end_block(tag)
        if self._boilerplate == depth:
            self._flush_items()
            self._out.close_region("boilerplate")
            self._boilerplate = 0

    def _is_hidden(self, attributes: Mapping[str, str]) -> bool:
        if not attributes:
            return False
        if "hidden" in attributes or attributes.get("aria-hidden", "").lower() == "true":
            return True
        style = attributes.get("style")
        if style and HIDING_STYLE.search(style[:5_000]):
            return True
        if not self._hiding:
            return False
        names = {f".{name}" for name in attributes.get("class", "").split()} | {f"#{attributes.get('id', '')}"}
        return not names.isdisjoint(self._hiding)

    def _end_style(self) -> None:
        if self._style is not None:
            self._hiding.update(HIDING_RULE.findall("".join(self._style)[:100_000]))
            self._style = None

    def _meta(self, attributes: Mapping[str, str]) -> None:
        name = META.get((attributes.get("name") or attributes.get("property") or "").lower())
        if name and attributes.get("content"):
            self.info.metadata.setdefault(name, attributes["content"])

    def _start_block(self, tag: str, attributes: Mapping[str, str]) -> None:
        self._flush()
        if tag == "html" and attributes.get("lang"):
            self.info.metadata.setdefault("language", attributes["lang"][:20])
        elif tag in BOILERPLATE and self._marks_boilerplate and not self._boilerplate and not self._tables:
            self._flush_items()
            self._boilerplate = len(self._open)
            self._out.open_region()
        elif tag in LISTS:
            self._lists.append(1 if tag == "ol" else 0)
        elif tag == "li":
            number = self._lists[-1] if self._lists else 0
            self._mark = f"{number}. " if number else "- "
            if number:
                self._lists[-1] += 1
        elif tag in LAYOUT:
            self._layout()
            self._pre += tag == "pre"
            if tag == "table":
                self._tables.append(_Table())
        elif self._tables:
            self._start_table_part(tag)

    def _start_table_part(self, tag: str) -> None:
        table = self._tables[-1]
        if tag == "tr":
            table.rows.append([])
            table.cell = None
        elif tag in ("td", "th"):
            table.cell = []
            if not table.rows:
                table.rows.append([])
            if len(table.rows) == 1:
                table.first_row.append(tag)

    def _layout(self) -> None:
        """What begins here does not fit in a cell: the table around it was for layout, so its cells become prose."""
        self._flush_items()
        if not self._tables or self._tables[-1].layout:
            return
        table = self._tables[-1]
        table.layout = True
        if table.cell:
            table.rows[-1].append(" ".join(table.cell))
        self._prose(table)

    def _prose(self, table: _Table) -> None:
        for row in table.rows:
            for cell in row:
                self._out.paragraph(cell)
        table.rows = [[]]

    def _end_table(self) -> None:
        table = self._tables.pop()
        if table.layout:
            return
        self._flush_items()
        cells = [cell for row in table.rows for cell in row]
        if max((len(row) for row in table.rows), default=0) < 2 or max(map(len, cells)) > _CELL_LIMIT:
            self._out.paragraph(table.caption)
            self._prose(table)
            return
        self._out.table(table.rows, header=table.header, caption=table.caption)

    def _end_block(self, tag: str) -> None:
        if tag == "pre" and self._pre:
            self._end_pre()
            return
        if tag == "caption" and self._tables:
            self._tables[-1].caption = squeeze("".join(self._text))
            self._text.clear()
            return
        level = int(tag[1]) if len(tag) == 2 and tag[0] == "h" and tag[1].isdecimal() else 0
        self._flush(level)
        if tag in LISTS and self._lists:
            self._lists.pop()
            if not self._lists:
                self._flush_items()
        elif tag in ("td", "th") and self._tables:
            table = self._tables[-1]
            if table.cell is not None:
                table.rows[-1].append(" ".join(table.cell))
                table.cell = None
        elif tag == "table" and self._tables:
            self._end_table()

    def _end_pre(self) -> None:
        self._pre -= 1
        text = "".join(self._text).replace(_BREAK, "\n")
        self._text.clear()
        self._flush_items()
        self._out.code(text)

    def _flush(self, level: int = 0) -> None:
        """Add the words since the last block to where they belong: a heading, a cell, a list item or a paragraph."""
        if not self._text or self._pre:
            return
        lines = [line for line in map(squeeze, "".join(self._text).split(_BREAK)) if line]
        self._text.clear()
        if not lines:
            return
        if level:
            self._flush_items()
            self._out.heading(" ".join(lines), level)
        elif self._tables and not self._tables[-1].layout:
            self._mark = ""
            if self._tables[-1].cell is not None:
                self._tables[-1].cell.append(" ".join(lines))
            else:
                self._out.paragraph(" ".join(lines))  # between the cells: browsers show it above the table
        elif self._lists or self._mark:
            indent = "  " * (max(len(self._lists), 1) - 1)
            self._items.append(f"{indent[:40]}{self._mark or '  '}{' '.join(lines)}")
            self._mark = ""
            if not self._lists:
                self._flush_items()
        else:
            self._out.paragraph("\n".join(lines))

    def _flush_items(self) -> None:
        if self._items:
            self._out.items(self._items)
            self._items = []


def _local(tag: str) -> str:
    return tag.rpartition(":")[2].lower() if isinstance(tag, str) else ""
