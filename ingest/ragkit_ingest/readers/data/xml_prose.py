"""XML of documents (DocBook, DITA, JATS, TEI) as headings, paragraphs, lists, tables and code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ragkit_ingest.readers.base import TextBuilder
from ragkit_ingest.readers.data.xml_words import (
    CODE,
    HEADINGS,
    INLINE,
    ITEMS,
    LINKS,
    PARAGRAPHS,
    ROWS,
    SECTIONS,
    TABLES,
    as_raised,
)
from ragkit_ingest.readers.links import address_after
from ragkit_ingest.readers.titles import squeeze


@dataclass(slots=True)
class _Open:
    """An open element. lines: what its children gave; pieces: its own text with that of inline children, in order."""

    name: str
    link: str = ""
    look: str = ""
    lines: list[str] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)


class ProseLayout:
    """Names of elements are marks of the text, and no words of it."""

    def __init__(self, builder: TextBuilder) -> None:
        self.title = ""
        self._out = builder
        self._open: list[_Open] = []
        self._rows: list[list[str]] = []
        self._level = 0
        self._tables = 0

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        """Open an element."""
        name = name.lower()
        link = next((value for key, value in attributes.items() if key.rpartition(" ")[2] in ("href", "url")), "")
        if name in SECTIONS or name in TABLES:
            self._settle()
            self._level += name in SECTIONS
            self._tables += name in TABLES
        look = attributes.get("rend", "") if name == "hi" else ""
        self._open.append(_Open(name, link if name in LINKS else "", look))

    def text(self, words: str) -> None:
        """Add characters to the element that is open."""
        self._open[-1].pieces.append(words)

    def end(self) -> None:
        """Close the element that is open."""
        element = self._open.pop()
        above = self._open[-1] if self._open else element
        if element.name in HEADINGS and not self._in_item():
            self._heading(element)
        elif element.name in CODE:
            self._settle()
            self._out.code("".join(element.pieces))
        elif element.name in INLINE:
            words = as_raised(element.name, "".join(element.pieces), element.look)
            above.pieces.append(words + address_after(words, element.link))
        elif element.name in ROWS and self._tables:
            self._rows.append(element.lines or [_words(element)])
        elif element.name in TABLES:
            self._table(element)
        else:
            self._block(element, above)

    def _block(self, element: _Open, above: _Open) -> None:
        words = _words(element)
        lines = [*element.lines, words] if words else element.lines
        if element.name in SECTIONS:
            self._put(lines)
            self._level -= 1
        elif element.name in ITEMS:
            above.lines += ["- " + " ".join(line.removeprefix("- ") for line in lines)] if lines else []
        elif self._tables and element.name in ("entry", "td", "th", "stentry"):
            above.lines.append(" ".join(lines))
        elif not self._open:
            self._put(lines)
        else:
            above.lines += lines
            if element.name in PARAGRAPHS and not self._in_item() and not self._tables:
                self._settle()

    def _heading(self, element: _Open) -> None:
        words = _words(element)
        if self._tables:
            self._put([words])
            return
        self._settle()
        if not self.title and self._level <= 1:
            self.title = words
        self._out.heading(words, max(1, self._level))

    def _table(self, element: _Open) -> None:
        self._tables -= 1
        if not self._tables:
            self._out.table(self._rows)
            self._rows = []
        self._put(element.lines)

    def _in_item(self) -> bool:
        return any(element.name in ITEMS for element in self._open)

    def _settle(self) -> None:
        """Put out what the open elements hold already, the outermost first."""
        for element in self._open:
            words = _words(element) if element.name not in ITEMS else ""
            if element.lines or words:
                self._put([*element.lines, words])
                element.lines = []
                element.pieces = [] if words else element.pieces

    def _put(self, lines: list[str]) -> None:
        items: list[str] = []
        for line in [*lines, ""]:
            if line.startswith("- "):
                items.append(line)
                continue
            if items:
                self._out.items(items)
                items = []
            self._out.paragraph(line)


def _words(element: _Open) -> str:
    return squeeze("".join(element.pieces))
