"""Blocks of a page while they are read: paragraphs, headings, lists, terms, tables and code."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from ragkit_ingest.readers.base import TextBuilder
from ragkit_ingest.readers.titles import squeeze
from ragkit_ingest.readers.web.lists import BULLET, OpenList
from ragkit_ingest.readers.web.rules import LAYOUT, LISTS
from ragkit_ingest.readers.web.tables import HtmlTable

BREAK: Final = "\0"
"""The placeholder of <br> in the text; zero bytes of the page itself have been removed before."""
_TAIL: Final = 60  # pieces of text that a mark looks back on
_TERM_LIMIT: Final = 200
_CODE_LINKS: Final = 20  # of one listing
_CODE_CLASS = re.compile(r"(?:^|[-_ ])(?:code|highlight|language|lang|src|listing|prettyprint|brush)", re.IGNORECASE)


class Blocks:
    """Collects words, and adds them to the builder when a block ends."""

    def __init__(self, builder: TextBuilder) -> None:
        self._out = builder
        self._text: list[str] = []
        self._epoch = 0  # rises whenever the words were handed on
        self._tables: list[HtmlTable] = []
        self._lists: list[OpenList] = []
        self._items: list[str] = []
        self._mark = ""  # of the list item that has no text yet
        self._pre = 0
        self._is_code = False  # what is preformatted is code, and no prose
        self._code_links: dict[str, None] = {}  # words and addresses of links in it, each once
        self._terms: list[str] = []  # of a definition list, waiting for what they mean

    # ------------------------------------------------------------------ words and marks

    def words(self, text: str) -> None:
        """Add words to the open block."""
        self._text.append(text)

    def place(self) -> tuple[int, int]:
        """Return the place of the next word."""
        return self._epoch, len(self._text)

    def since(self, place: tuple[int, int]) -> str:
        """Return the words from a place on, of this block only."""
        start = place[1] if place[0] == self._epoch else 0
        return "".join(self._text[max(start, len(self._text) - _TAIL) :])

    def take(self, place: tuple[int, int]) -> str:
        """Return the words from a place on, and remove them; "" when their block has ended."""
        if place[0] != self._epoch:
            return ""
        taken = "".join(self._text[place[1] :])
        del self._text[place[1] :]
        return taken

    def flushed(self, place: tuple[int, int]) -> bool:
        """Tell whether a block has ended since a place."""
        return place[0] != self._epoch

    def address(self, address: str, *, words: str, after_block: bool) -> None:
        """Add the address of a link: after its words, or on a line of its own after the block that it was round.

        In code it would be read as code, so that the words stand with it below the code.
        """
        if self._pre and self._is_code:
            if len(self._code_links) < _CODE_LINKS:
                self._code_links[squeeze(words) + address] = None
            return
        if after_block:
            self._text.append(address.strip())
            self.flush()
            return
        tail = self._text[-1] if self._text else ""
        self._text[-1:] = [tail.rstrip(), address, tail[len(tail.rstrip()) :]]

    def mark_code(self) -> None:
        """Mark the open preformatted block as code."""
        self._is_code = True

    def outside_tables(self) -> bool:
        """Tell whether no table is open."""
        return not self._tables

    # ------------------------------------------------------------------ blocks

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """Open a block."""
        self.flush()
        if tag in LISTS:
            self._end_terms()
            self._lists.append(OpenList.opened(tag, attributes))
        elif tag == "li":
            self._mark = self._lists[-1].mark(attributes) if self._lists else BULLET
        elif tag in LAYOUT:
            self._layout(tag)
            if tag == "pre":
                self._pre += 1
                self._is_code = bool(_CODE_CLASS.search(attributes.get("class", "")[:500]))
            if tag == "table":
                self._tables.append(HtmlTable())
        elif self._tables:
            self._tables[-1].start_part(tag, attributes)

    def end(self, tag: str) -> None:
        """Close a block."""
        if tag == "pre" and self._pre:
            self._end_pre()
        elif tag == "caption" and self._tables:
            self._tables[-1].caption = squeeze("".join(self._text).replace(BREAK, " "))
            self._handed_on()
        elif tag == "dt":
            self._end_term()
        else:
            self.flush(int(tag[1]) if len(tag) == 2 and tag[0] == "h" and tag[1].isdecimal() else 0)
            self._end_other(tag)

    def close(self) -> None:
        """End the page: write everything that is pending."""
        self.flush()
        while self._tables:
            self._end_table()
        self._end_terms()
        self.flush_items()

    def flush(self, level: int = 0) -> None:
        """Add the words since the last block to where they belong: a heading, a cell, a list item or a paragraph."""
        if not self._text or self._pre:
            return
        lines = [line for line in map(squeeze, "".join(self._text).split(BREAK)) if line]
        self._handed_on()
        if not lines:
            return
        if level and self.outside_cells():
            self.flush_items()
            self._end_terms()
            self._out.heading(" ".join(lines), level)
        elif self._tables and not self._tables[-1].layout:
            mark, self._mark = self._mark, ""
            lines = self._with_terms(lines)
            if not self._tables[-1].put(" ".join(lines), mark=mark):
                self._out.paragraph(" ".join(lines))  # between the cells: browsers show it above the table
        elif self._lists or self._mark:
            indent = "  " * (max(len(self._lists), 1) - 1)
            self._items.append(f"{indent[:40]}{self._mark or '  '}{' '.join(self._with_terms(lines))}")
            self._mark = ""
            if not self._lists:
                self.flush_items()
        else:
            self._out.paragraph("\n".join(self._with_terms(lines)))

    def flush_items(self) -> None:
        """Add the open list."""
        if self._items:
            self._out.items(self._items)
            self._items = []

    def outside_cells(self) -> bool:
        """Tell whether no cell of a table of data is open."""
        return not self._tables or self._tables[-1].layout

    def _handed_on(self) -> None:
        self._text.clear()
        self._epoch += 1

    def _end_other(self, tag: str) -> None:
        if tag in LISTS and self._lists:
            self._lists.pop()
            if not self._lists:
                self.flush_items()
        elif tag in ("td", "th") and self._tables:
            self._tables[-1].end_cell()
        elif tag == "table" and self._tables:
            self._end_table()
        elif tag == "thead" and self._tables:
            self._tables[-1].in_head = False
        elif tag in ("dd", "dl"):
            self._end_terms()

    def _end_term(self) -> None:
        """Keep a term until its definition comes: both go on one line."""
        words = squeeze("".join(self._text).replace(BREAK, " "))
        self._handed_on()
        if words:
            self._terms.append(words)
        if sum(map(len, self._terms)) > _TERM_LIMIT:
            self._end_terms()

    def _with_terms(self, lines: list[str]) -> list[str]:
        if not self._terms:
            return lines
        terms, self._terms = ", ".join(self._terms).rstrip(": "), []
        return [f"{terms}: {lines[0]}", *lines[1:]]

    def _end_terms(self) -> None:
        """Add terms whose definition is not text: a list, a table or code follows."""
        terms, self._terms = self._terms, []
        if not terms:
            return
        words = ", ".join(terms)
        if not self.outside_cells():
            self._tables[-1].put(words)
        elif self._lists:
            self._items.append(f"{'  ' * (len(self._lists) - 1)}{self._mark or '  '}{words}"[:10_000])
            self._mark = ""
        else:
            self._out.paragraph(words)

    def _layout(self, tag: str) -> None:
        """Begin a block that may not fit in a cell: the table around it is then for layout, unless it names its
        columns."""
        self._end_terms()
        if not self._tables or not self._tables[-1].has_heads or self._tables[-1].layout:
            self.flush_items()
        if self._tables and not self._tables[-1].layout and tag != "dl" and not self._tables[-1].has_heads:
            self._tables[-1].become_layout(self._out)

    def _end_table(self) -> None:
        table = self._tables.pop()
        table.end_cell()
        if table.layout:
            return
        if self._tables and not self._tables[-1].layout and self._tables[-1].put(table.inline()):
            return
        self.flush_items()
        table.add_to(self._out)

    def _end_pre(self) -> None:
        self._pre -= 1
        text = "".join(self._text).replace(BREAK, "\n")
        self._handed_on()
        links, self._code_links = list(self._code_links), {}
        if not self.outside_cells() and self._tables[-1].put(squeeze(" ".join([text, *links]))):
            return
        self.flush_items()
        self._out.code(text)
        self._out.items(links)
