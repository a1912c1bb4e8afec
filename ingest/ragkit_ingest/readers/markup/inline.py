"""Inline tokens of Markdown as words: links with their addresses, raised words, and HTML within a line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from markdown_it.token import Token

from ragkit_ingest.readers.links import address_after
from ragkit_ingest.readers.markup.arguments import parse_tag
from ragkit_ingest.readers.raised import subscript, superscript
from ragkit_ingest.readers.web.css import style_hides
from ragkit_ingest.readers.web.lists import LineBlocks
from ragkit_ingest.readers.web.losses import Losses
from ragkit_ingest.readers.web.rules import BLOCKS, STRIKING

_TAG = re.compile(r"<(/?)([A-Za-z][\w-]*)([^>]*)>?", re.DOTALL)
_HREF = re.compile(r"\bhref\s*=\s*[\"']?([^\"'\s>]+)", re.IGNORECASE)
_ALT = re.compile(r"\balt\s*=\s*(?:\"([^\"]*)\"|'([^']*)')", re.IGNORECASE)
_HIDDEN = re.compile(r"\bhidden\b|style\s*=\s*[\"']([^\"']*)", re.IGNORECASE)
_KNOWN: Final = BLOCKS | frozenset(
    [
        "a",
        "abbr",
        "b",
        "bdi",
        "bdo",
        "big",
        "br",
        "button",
        "cite",
        "code",
        "col",
        "colgroup",
        "data",
        "datalist",
        "del",
        "dfn",
        "em",
        "embed",
        "font",
        "i",
        "iframe",
        "img",
        "input",
        "ins",
        "kbd",
        "label",
        "link",
        "map",
        "mark",
        "meta",
        "meter",
        "noscript",
        "object",
        "option",
        "output",
        "param",
        "path",
        "picture",
        "progress",
        "q",
        "rp",
        "rt",
        "ruby",
        "s",
        "samp",
        "script",
        "select",
        "small",
        "source",
        "span",
        "strike",
        "strong",
        "style",
        "sub",
        "sup",
        "svg",
        "template",
        "textarea",
        "time",
        "tt",
        "u",
        "var",
        "video",
        "audio",
        "wbr",
        "g",
        "circle",
        "rect",
        "line",
        "polyline",
        "polygon",
        "title",
        "use",
        "canvas",
        "track",
        "area",
        "base",
        "head",
    ]
)
_DROPPED: Final = frozenset({"script", "style", "template"})


class _Words:
    """The words so far, with the links and raised words that are open."""

    def __init__(self, losses: Losses) -> None:
        self.parts: list[str] = []
        self._losses = losses
        self._links: list[tuple[int, str]] = []
        self._raised: list[tuple[str, int]] = []
        self._dropped: tuple[str, int, str] | None = None  # an element left out: its tag, its place, what it counts as
        self._struck: list[int] = []
        self._blocks = LineBlocks()

    def open_link(self, target: str) -> None:
        self._links.append((len(self.parts), target))

    def close_link(self) -> None:
        if self._links:
            start, target = self._links.pop()
            self.parts.append(address_after("".join(self.parts[start:]), target))

    def html(self, source: str) -> None:
        """Take an HTML tag within a line."""
        match = _TAG.match(source)
        if match is not None:  # else a comment
            self._tag(source, match[2].lower(), match[3], closing=bool(match[1]))

    def _tag(self, source: str, tag: str, rest: str, *, closing: bool) -> None:
        if self._dropped is not None:
            if closing and tag == self._dropped[0]:
                self._end_dropped(*self._dropped)
        elif tag in ("sup", "sub"):
            self._script(tag, closing=closing)
        elif tag == "rt":
            self.parts.append(")" if closing else "(")
        elif tag == "a":
            self._link(rest, closing=closing)
        elif tag == "img":
            self._picture(rest)
        elif not closing and (kind := self._left_out(tag, rest)) is not None:
            self._dropped = (tag, len(self.parts), kind)
        elif tag in BLOCKS or tag == "br":
            self._block(self._blocks.between(tag, _attributes(source), closing=closing))
        elif tag not in _KNOWN:
            self.parts.append(source)  # a placeholder, as in <file-name>

    def _block(self, between: str) -> None:
        at = len(self.parts) if between else 0
        while at and not self.parts[at - 1].strip():  # no blanks come before a semicolon or a line break
            at -= 1
            self.parts[at] = ""
        if at:
            self.parts[at - 1] = self.parts[at - 1].rstrip()
        self.parts.append(between)

    def open_struck(self) -> None:
        self._struck.append(len(self.parts))

    def close_struck(self) -> None:
        if self._struck:
            self._drop(self._struck.pop(), "struck")

    def _end_dropped(self, _tag: str, start: int, kind: str) -> None:
        self._drop(start, kind)
        self._dropped = None

    def _drop(self, start: int, kind: str) -> None:
        size = len("".join(self.parts[start:]))
        self._losses.hidden += size if kind == "hidden" else 0
        self._losses.struck += size if kind == "struck" else 0
        del self.parts[start:]

    def _left_out(self, tag: str, rest: str) -> str | None:
        """Return what the words of an element count as when they are left out; None where they are kept."""
        if tag in _DROPPED:
            return ""
        if self._hides(rest):
            return "hidden"
        return "struck" if tag in STRIKING else None

    def _link(self, rest: str, *, closing: bool) -> None:
        href = _HREF.search(rest)
        if closing:
            self.close_link()
        else:
            self.open_link(href[1] if href else "")

    def _picture(self, rest: str) -> None:
        alt = _ALT.search(rest)
        if alt:
            self.parts.append(f" {(alt[1] or alt[2] or '')[:500]} ")

    def _hides(self, rest: str) -> bool:
        found = _HIDDEN.search(rest)
        return found is not None and (found[1] is None or style_hides(found[1]))

    def _script(self, tag: str, *, closing: bool) -> None:
        if not closing:
            self._raised.append((tag, len(self.parts)))
        elif self._raised and self._raised[-1][0] == tag:
            _, start = self._raised.pop()
            words = "".join(self.parts[start:])
            del self.parts[start:]
            bare = words.strip()
            kept = bare if bare.startswith("[") else (superscript if tag == "sup" else subscript)(bare)
            self.parts.append(kept)


def _attributes(source: str) -> dict[str, str]:
    """Return the attributes of a tag that have a value, by name."""
    tag = parse_tag(source, 0)
    return {argument.name.lower(): argument.value for argument in tag.arguments} if tag is not None else {}


def inline_words(tokens: Sequence[Token], losses: Losses) -> str:
    """Return inline tokens as text; links keep their words and addresses, images their alternative text."""
    words = _Words(losses)
    for token in tokens:
        if token.type == "text":
            words.parts.append(token.content)
        elif token.type == "link_open":
            words.open_link(str(token.attrs.get("href", "")))
        elif token.type == "link_close":
            words.close_link()
        elif token.type == "s_open":
            words.open_struck()
        elif token.type == "s_close":
            words.close_struck()
        elif token.type in ("softbreak", "hardbreak"):
            words.parts.append("\n")
        elif token.type == "image":
            words.parts.append("".join(child.content for child in token.children or []) or str(token.content))
        elif token.type == "html_inline":
            words.html(token.content)
        else:
            words.parts.append(token.content)
    return "".join(words.parts)
