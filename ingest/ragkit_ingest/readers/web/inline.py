"""Marks within a line: links with their addresses, raised and lowered words, readings, form fields, pictures."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from ragkit_ingest.readers.links import address_after
from ragkit_ingest.readers.raised import subscript, superscript
from ragkit_ingest.readers.text.symbols import is_symbol_font, symbol_text
from ragkit_ingest.readers.titles import squeeze
from ragkit_ingest.readers.web.blocks import BREAK, Blocks
from ragkit_ingest.readers.web.losses import Losses
from ragkit_ingest.readers.web.rules import UI_WORDS

_OPTIONS: Final = 60  # of a list to choose from; more are counted
_ENTRIES: Final = frozenset(
    {"", "text", "number", "email", "date", "time", "month", "week", "tel", "url", "search", "datetime-local", "range"}
)
_MARKED: Final = frozenset({"a", "sup", "sub", "ruby", "rt", "button", "q", "span", "font", "textarea"})
_SHIFTED = re.compile(r"(?:^|;)\s*vertical-align\s*:\s*(?:text-)?(sup|sub)(?:er)?\s*(?:;|!|$)", re.IGNORECASE)
_FONT = re.compile(r"(?:^|;)\s*font(?:-family)?\s*:\s*([^;]*)", re.IGNORECASE)
_PICTURE = re.compile(r"\.(?:png|jpe?g|gif|svg|webp|avif|tiff?)(?:[?#].*)?$", re.IGNORECASE)


@dataclass(slots=True)
class _Mark:
    """An open inline element; place: the begin of its text."""

    tag: str
    place: tuple[int, int]
    target: str = ""
    heads: bool = False
    shift: str = ""  # "sup" or "sub" for words that are raised or lowered
    outer_font: str = ""  # what `Inline` had as its font outside
    pictures: str = ""  # the words of pictures in it
    readings: list[str] = field(default_factory=list)  # of the parts of a ruby element

    @property
    def is_set_apart(self) -> bool:
        """Whether its text is raised or lowered."""
        return bool(self.shift) or self.tag == "rt"


class Inline:
    """Turns inline elements into words."""

    def __init__(self, blocks: Blocks, losses: Losses) -> None:
        self._blocks = blocks
        self._losses = losses
        self._marks: list[_Mark] = []
        self._font = ""  # of the words that come now, when it holds signs in the places of letters
        self._raised = 0  # open elements of these: only the outermost counts
        self._options: list[list[str]] | None = None
        self._group = ""
        self._selected = -1

    def start(self, tag: str, attributes: Mapping[str, str], *, heads: bool) -> None:
        """Open an inline element; heads: it is the button of a panel."""
        if tag == "br":
            self._blocks.words(BREAK)
        elif tag in ("img", "area"):
            self._picture(tag, attributes)
        elif tag == "input":
            self._input(attributes)
        elif tag == "select":
            self._options, self._selected, self._group = [], -1, ""
        elif tag == "optgroup":
            self._group = squeeze(attributes.get("label", ""))[:200]
        elif tag == "option":
            self._option(attributes)
        elif tag == "code":
            self._blocks.mark_code()
        elif tag in _MARKED:
            self._open_mark(tag, attributes, heads=heads)

    def _open_mark(self, tag: str, attributes: Mapping[str, str], *, heads: bool) -> None:
        if tag in ("button", "textarea"):
            self._blocks.words(" ")
        elif tag == "q":
            self._blocks.words("“")
        elif tag == "rt" and self._marks and self._marks[-1].tag == "rt":
            self.end("rt")  # its end tag may be left out
        target = attributes.get("href", "") if tag == "a" else ""
        mark = _Mark(tag, self._blocks.place(), target, heads, _shift(tag, attributes), self._font)
        if tag in ("span", "font"):
            self._font = _symbol_font(attributes, self._font)
        self._raised += mark.is_set_apart
        self._marks.append(mark)

    def data(self, text: str) -> None:
        """Take text: of a list of options, or of the open block."""
        if self._options is None:
            self._blocks.words(symbol_text(text, self._font) if self._font else text)
        elif self._options:
            self._options[-1].append(text)

    def end(self, tag: str) -> None:
        """Close an inline element."""
        if tag == "select":
            self._end_select()
        elif tag == "optgroup":
            self._group = ""
        elif tag == "noscript":
            return
        elif tag in _MARKED:
            if not any(mark.tag == tag for mark in self._marks[-40:]):
                return
            while self._marks:
                mark = self._marks.pop()
                self._end_mark(mark)
                if mark.tag == tag:
                    return

    def _end_mark(self, mark: _Mark) -> None:
        self._raised -= mark.is_set_apart
        self._font = mark.outer_font
        if mark.tag == "a":
            self._end_link(mark)
        elif mark.shift:
            if not self._raised and (words := self._blocks.take(mark.place)):
                self._blocks.words(_raised(mark.shift, words))
        elif mark.tag == "rt":
            if not self._raised and (words := squeeze(self._blocks.take(mark.place))):
                self._add_reading(words)
        elif mark.tag == "ruby":
            self._write_readings(mark.readings)
        elif mark.tag == "button":
            self._end_button(mark)
        elif mark.tag == "textarea":
            self._blocks.words(" ")
        elif mark.tag == "q":
            self._blocks.words("”")

    def _end_link(self, mark: _Mark) -> None:
        words = self._blocks.since(mark.place)
        address = address_after(words or "link", mark.target) if mark.target else ""
        if _PICTURE.search(mark.target) and squeeze(words) == squeeze(mark.pictures):
            return  # the picture itself
        if address and (words.strip() or self._blocks.flushed(mark.place)):
            self._blocks.address(address, words=words, after_block=not words.strip())

    def _add_reading(self, words: str) -> None:
        """Keep a reading until its ruby element ends, so that the word which it explains stays whole."""
        ruby = next((mark for mark in reversed(self._marks[-40:]) if mark.tag == "ruby"), None)
        if ruby is None:
            self._write_readings([words])
        else:
            ruby.readings.append(words)

    def _write_readings(self, readings: list[str]) -> None:
        if all(words.isascii() for words in readings):
            self._blocks.words(f" ({' '.join(readings)})" if readings else "")
        else:
            self._blocks.words(f"({''.join(readings)})")

    def _end_button(self, mark: _Mark) -> None:
        words = squeeze(self._blocks.since(mark.place))
        if not mark.heads and words.lower() in UI_WORDS:
            self._blocks.take(mark.place)
            self._losses.buttons += 1
        self._blocks.words(" ")

    def _end_select(self) -> None:
        options, self._options = self._options or [], None
        words = [squeeze("".join(option)) for option in options]
        if len(words) > 1 and 0 <= self._selected < len(words):
            words[self._selected] += " (selected)"
        kept = [word for word in words if word][:_OPTIONS]
        self._losses.options += max(0, len(words) - _OPTIONS)
        self._blocks.words(f" {', '.join(kept)} ")

    def _option(self, attributes: Mapping[str, str]) -> None:
        if self._options is None:
            return
        if "selected" in attributes:
            self._selected = len(self._options)
        self._options.append([f"{self._group}: " if self._group else "", attributes.get("label", "")])

    def _input(self, attributes: Mapping[str, str]) -> None:
        kind = attributes.get("type", "").lower()
        value = squeeze(attributes.get("value", ""))[:500]
        if kind in ("checkbox", "radio"):
            self._blocks.words(" [x] " if "checked" in attributes else " [ ] ")
        elif kind in _ENTRIES and value:
            self._blocks.words(f" {value} ")
        elif kind in ("submit", "button", "reset"):
            if value.lower() in UI_WORDS:
                self._losses.buttons += 1
            else:
                self._blocks.words(f" {value} ")

    def _picture(self, tag: str, attributes: Mapping[str, str]) -> None:
        words = attributes.get("alt", "")
        if words.strip():
            self._blocks.words(f" {words[:500]} ")
            if self._marks:
                self._marks[-1].pictures += words[:500]
        elif tag == "img" and "alt" not in attributes:
            self._losses.pictures += 1


def _shift(tag: str, attributes: Mapping[str, str]) -> str:
    """Return "sup" or "sub" for an element that raises or lowers its words, by its tag or its own style."""
    if tag in ("sup", "sub"):
        return tag
    style = _SHIFTED.search(attributes["style"][:5_000]) if tag == "span" and "style" in attributes else None
    return style[1].lower() if style else ""


def _symbol_font(attributes: Mapping[str, str], outer: str) -> str:
    """Return the font inside an element when it is one of signs, "" for another one, `outer` when it names none."""
    named = _FONT.findall(attributes["style"][:5_000]) if "style" in attributes else []
    font = named[-1] if named else attributes.get("face", "")
    if not font.strip():
        return outer
    first = font.partition(",")[0].strip(" \"'\t\n")
    return first if is_symbol_font(first) else ""


def _raised(tag: str, words: str) -> str:
    bare = squeeze(words)
    if bare.startswith("[") and bare.endswith("]"):
        return bare
    before = " " if words[:1].isspace() else ""
    after = " " if words[-1:].isspace() else ""
    return before + (superscript(bare) if tag == "sup" else subscript(bare)) + after
