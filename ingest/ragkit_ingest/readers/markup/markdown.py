"""Markdown by markdown-it: headings, paragraphs, lists, tables, code; a line that the parser drops is kept as text."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

from ragkit_ingest.readers.base import Extracted, Hints, TextBuilder, TimeLimitError, time_limit
from ragkit_ingest.readers.encoding import decoded_text
from ragkit_ingest.readers.grid import Cell, add_grid, has_units
from ragkit_ingest.readers.markup.front_matter import split_front_matter
from ragkit_ingest.readers.markup.inline import inline_words
from ragkit_ingest.readers.markup.site_lines import rewrite_site_syntax
from ragkit_ingest.readers.markup.site_notes import SiteNotes
from ragkit_ingest.readers.plain import add_plain
from ragkit_ingest.readers.sniff import MARKDOWN, suffix_of
from ragkit_ingest.readers.text.embedded import without_embedded
from ragkit_ingest.readers.titles import squeeze
from ragkit_ingest.readers.web.html import html_to_text, visible_words
from ragkit_ingest.readers.web.losses import Losses

_SIZE_LIMIT = 4_000_000  # characters; a longer file is read as plain text with its headings
_INLINE_LIMIT = 20_000  # a paragraph longer than this, or with more marks than the next, keeps its marks
_MARKS_LIMIT = 1_000
_MARKS = re.compile(r"[\[\]*_`<!~&\\]")
_LINE_BREAK = re.compile(r" *\n[ \t]*")
_QUOTES = re.compile(r"^([ ]{0,3}(?:>[ \t]?){8})(?:>[ \t]?)+", re.MULTILINE)
_REFERENCE = re.compile(r"[ ]{0,3}\[(?!\^)[^\]]{1,200}\]:\s*\S")
_ATX = re.compile(r"^(#{1,6})[ \t]+([^\n]{1,300})$", re.MULTILINE)


class MarkdownReader:
    """Reads text/markdown."""

    name = "markdown"
    media_types: tuple[str, ...] = (MARKDOWN,)

    def read(self, data: bytes, *, name: str, hints: Hints) -> Extracted:
        """Return the text without its marks; front matter becomes metadata, and its description is text."""
        builder = TextBuilder()
        source = decoded_text(data, builder.warn)
        text = source.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
        front = split_front_matter(visible_words(text))
        if front.problem:
            builder.warn(front.problem)
        for words in front.describing():
            builder.paragraph(words)
        notes = SiteNotes(
            {key.lower(): str(value) for key, value in front.fields.items() if not isinstance(value, tuple)},
            hints.neighbours,
        )
        losses = Losses()
        _add_body(builder, front.body, hints, (notes, losses), mdx=suffix_of(name) == "mdx")
        notes.report(builder)
        losses.report(builder)
        return builder.finish(name=name, title=front.title, metadata=front.fields)


def add_markdown(builder: TextBuilder, text: str, hints: Hints) -> None:
    """Add Markdown without its marks; `text` has no front matter and plain newlines."""
    notes, losses = SiteNotes({}), Losses()
    _add_body(builder, text, hints, (notes, losses), mdx=False)
    notes.report(builder)
    losses.report(builder)


def _add_body(builder: TextBuilder, body: str, hints: Hints, counted: tuple[SiteNotes, Losses], *, mdx: bool) -> None:
    text = _QUOTES.sub(r"\1", without_embedded(body, builder.warn))
    env: dict[str, Any] = {}
    tokens = None
    if len(text) <= _SIZE_LIMIT:
        text = rewrite_site_syntax(text, counted[0], mdx=mdx)
        tokens = _block_tokens(text, hints, env)
    if tokens is None:
        builder.warn("long or deeply nested Markdown: read as plain text")
        _as_plain(builder, text)
    else:
        _Renderer(builder, text.split("\n"), hints, env, counted[1]).render(tokens)


def _block_tokens(text: str, hints: Hints, env: dict[str, Any]) -> list[Token] | None:
    """Return the block tokens, inline text unparsed; None when that takes too long or goes too deep."""
    parser = _parser()
    try:
        with time_limit(min(10.0, hints.budget.left())):
            return parser.parse(text, env)
    except (TimeLimitError, RecursionError):
        return None


@cache
def _parser() -> MarkdownIt:
    """Return the parser, one for all files: it keeps no state between calls.

    Its rules are compiled here, by a first text, so that a time limit never interrupts that.
    """
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    parser.core.ruler.disable(["inline", "text_join"])
    parser.parse("- a\n")
    parser.inline.parse("*a*", parser, {}, [])
    return parser


def _as_plain(builder: TextBuilder, text: str) -> None:
    position = 0
    for match in _ATX.finditer(text):
        add_plain(builder, text[position : match.start()])
        builder.heading(match[2].rstrip("# "), len(match[1]))
        position = match.end()
    add_plain(builder, text[position:])


class _Renderer:
    """Turns block tokens into text; `_covered` is how far the source lines are accounted for."""

    def __init__(
        self, builder: TextBuilder, lines: Sequence[str], hints: Hints, env: dict[str, Any], losses: Losses
    ) -> None:
        self._out = builder
        self._lines = lines
        self._hints = hints
        self._env = env  # the addresses of reference links
        self._losses = losses
        self._parser = _parser()
        self._covered = 0
        self._lists: list[list[int]] = []  # for each open list: [next number, 0 for bullets]
        self._items: list[str] = []
        self._fresh = False  # the next paragraph begins a list item
        self._rows: list[list[str]] | None = None
        self._level = 0
        self._handlers: dict[str, Callable[[Token], None]] = {
            "heading_open": self._heading,
            "inline": self._inline,
            "fence": self._code,
            "code_block": self._code,
            "html_block": self._html,
            "bullet_list_open": lambda _token: self._lists.append([0]),
            "ordered_list_open": self._numbered,
            "bullet_list_close": lambda _token: self._close_list(),
            "ordered_list_close": lambda _token: self._close_list(),
            "list_item_open": self._item,
            "table_open": self._table,
            "tr_open": lambda _token: self._rows.append([]) if self._rows is not None else None,
            "table_close": lambda _token: self._close_table(),
            "hr": self._rule,
        }

    def render(self, tokens: Sequence[Token]) -> None:
        for token in tokens:
            handler = self._handlers.get(token.type)
            if handler is not None:
                handler(token)
        self._flush_items()
        self._uncovered(len(self._lines))

    def _cover(self, token: Token) -> None:
        if token.map is not None:
            self._uncovered(token.map[0])
            self._covered = max(self._covered, token.map[1])

    def _uncovered(self, until: int) -> None:
        """Add the lines that the parser consumed without a token: nested too deeply, or in a rare construct."""
        lost = [line.strip() for line in self._lines[self._covered : until]]
        lost = [line for line in lost if line and not _REFERENCE.match(line) and line.strip(">-*+ \t")]
        self._covered = max(self._covered, until)
        if not lost or self._rows is not None:
            return
        if self._lists:
            self._items.extend(lost)
        else:
            self._out.paragraph("\n".join(lost))

    def _heading(self, token: Token) -> None:
        self._cover(token)
        self._level = int(token.tag[1:])

    def _inline(self, token: Token) -> None:
        self._cover(token)
        text = self._text(token.content)
        if self._rows is not None:
            if self._rows:
                self._rows[-1].append(text)
        elif self._level:
            self._flush_items()
            self._out.heading(text, self._level)
            self._level = 0
        elif self._lists:
            self._list_line(text)
        else:
            self._out.paragraph(text)

    def _list_line(self, text: str) -> None:
        depth = "  " * (len(self._lists) - 1)
        number = self._lists[-1][0]
        mark = (f"{number}. " if number else "- ") if self._fresh else "  "
        if self._fresh and number:
            self._lists[-1][0] += 1
        self._fresh = False
        self._items.append(depth + mark + squeeze(text))

    def _numbered(self, token: Token) -> None:
        self._lists.append([max(1, int(token.attrs.get("start", 1)))])

    def _item(self, _token: Token) -> None:
        self._fresh = True

    def _close_list(self) -> None:
        self._lists.pop()
        if not self._lists:
            self._flush_items()

    def _flush_items(self) -> None:
        if self._items:
            self._out.items(self._items)
            self._items = []

    def _code(self, token: Token) -> None:
        self._cover(token)
        self._flush_items()
        self._out.code(token.content, squeeze(token.info)[:40])

    def _html(self, token: Token) -> None:
        self._cover(token)
        text = html_to_text(token.content, losses=self._losses)
        if self._lists and text:
            self._list_line(text)
        else:
            self._out.paragraph(text)

    def _rule(self, token: Token) -> None:
        self._cover(token)

    def _table(self, token: Token) -> None:
        self._cover(token)
        self._flush_items()
        self._rows = []

    def _close_table(self) -> None:
        rows, self._rows = self._rows or [], None
        cells = [[Cell(text, heads=not at) for text in row] for at, row in enumerate(rows)]
        if has_units(cells):
            add_grid(self._out, cells)
        else:
            self._out.table(rows, header=True)

    def _text(self, content: str) -> str:
        """Return inline text without its marks; links keep their words, images their alternative text."""
        if not _MARKS.search(content):
            return _LINE_BREAK.sub("\n", content)  # what the parser would return
        if len(content) > _INLINE_LIMIT or len(_MARKS.findall(content)) > _MARKS_LIMIT or self._hints.budget.spent():
            return content
        tokens: list[Token] = []
        try:
            self._parser.inline.parse(content, self._parser, self._env, tokens)
        except RecursionError:
            return content
        return inline_words(tokens, self._losses)
