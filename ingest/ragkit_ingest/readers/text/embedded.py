"""Data inside text: payloads of data: URIs and long runs of base64 or hex digits are cut and counted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

_PIECE: Final = 1 << 20
_RUN: Final = 256  # characters without a blank: no word, path or key that a person reads is as long
_MINIFIED: Final = 4_000  # characters of a line of source code that no person wrote
_DATA_URI = re.compile(
    r"(data:[a-z]{1,20}/[\w.+-]{1,80}(?:;[\w=.-]{1,80}){0,4})[;,](?:base64,)?[\w+/=%.-]{24,}", re.IGNORECASE
)
_CANDIDATE = re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{256,}={0,2}")
_LINES = re.compile(
    r"(?<![^\s>:\"'(,])[A-Za-z0-9+/]{48,128}(?:(?:\\?\r?\n|\\n|\\r\\n)[ \t>]*[A-Za-z0-9+/]{48,128}){2,}"
    r"(?:(?:\\?\r?\n|\\n|\\r\\n)[ \t>]*[A-Za-z0-9+/]{1,127}={0,2})?={0,2}"
)
_LINE: Final = 48  # digits that the shortest line of `_LINES` has
_DIGITS = re.compile(rf"[A-Za-z0-9+/]{{{_LINE}}}")
_HEX_RUN = re.compile(r"(?=\d*[a-fA-F])(?=[a-fA-F]*\d)[0-9a-fA-F]{512,}")
LEFT_OUT: Final = "[data left out]"
"""The replacement for embedded data."""


class Cut(NamedTuple):
    """Text without embedded data, how many places were cut, and the characters that they had."""

    text: str
    places: int
    characters: int

    @property
    def warning(self) -> str:
        """The warning for the report, "" when nothing was cut."""
        if not self.places:
            return ""
        places = "1 place" if self.places == 1 else f"{self.places:,} places"
        return f"embedded data left out: {places}, {self.characters:,} characters of base64 or other encoded data"


def cut_embedded(text: str) -> Cut:
    """Return text without base64, hex dumps and payloads of data: URIs; takes linear time, a megabyte at a time.

    A data: URI keeps its type, so that marks around it stay correct; any other run becomes `[data left out]`.
    """
    if len(text) < _RUN // 4:
        return Cut(text, 0, 0)
    cutter = _Cutter()
    if len(text) <= _PIECE:
        return cutter.result(cutter.cut(text))
    return cutter.result("".join(map(cutter.cut, _pieces(text))))


def without_embedded(text: str, warn: Callable[[str], None]) -> str:
    """Return text without embedded data, and report the cuts by `warn`."""
    cut = cut_embedded(text)
    if cut.warning:
        warn(cut.warning)
    return cut.text


def is_minified(text: str, *, limit: int = _MINIFIED) -> bool:
    """Tell whether source code is written for machines: most of it stands in lines of thousands of characters."""
    if len(text) < limit:
        return False
    sample = text[: 4 * _PIECE]
    long = sum(len(line) for line in sample.split("\n") if len(line) > limit and line.count(" ") * 8 < len(line))
    return long * 2 > len(sample)


def _may_hold_data(text: str) -> bool:
    """Tell whether a word is long enough for `_CANDIDATE` or a line of `_LINES`: in most texts, none is."""
    long = [word for word in text.split() if len(word) >= _LINE]
    return any(len(word) >= _RUN or _DIGITS.search(word) is not None for word in long)


class _Cutter:
    def __init__(self) -> None:
        self._count: Counter[str] = Counter()

    def result(self, text: str) -> Cut:
        return Cut(text, self._count["places"], self._count["characters"])

    def cut(self, text: str) -> str:
        if "data:" in text or "DATA:" in text:
            text = _DATA_URI.sub(self._uri, text)
        if not _may_hold_data(text):
            return text
        text = _CANDIDATE.sub(self._run, text)
        return _LINES.sub(self._lines, text)

    def _uri(self, match: re.Match[str]) -> str:
        self._note(match.end() - match.end(1))
        return match[1].removesuffix(";base64")

    def _run(self, match: re.Match[str]) -> str:
        run = match.group()
        if not (_is_base64(run) or _HEX_RUN.fullmatch(run)):
            return run
        self._note(len(run))
        return LEFT_OUT

    def _lines(self, match: re.Match[str]) -> str:
        block = match.group()
        block = block.replace("\\r\\n", "\n").replace("\\n", "\n")
        sizes = [len(line.strip(" \t\r>\\")) for line in block.split("\n")]
        even = all(size == sizes[0] for size in sizes[:-1])
        if not even or len(block) < _RUN - 64 or not _is_base64(re.sub(r"[\s>\\]+", "", block)):
            return match.group()
        self._note(len(block))
        return LEFT_OUT

    def _note(self, characters: int) -> None:
        self._count["places"] += 1
        self._count["characters"] += characters


def _is_base64(run: str) -> bool:
    """Tell encoded bytes from words joined by slashes or dashes, DNA and rows of one character."""
    sample = run[:4096]
    upper = sum("A" <= char <= "Z" for char in sample)
    lower = sum("a" <= char <= "z" for char in sample)
    digits = sum("0" <= char <= "9" for char in sample)
    marks = len(sample) - upper - lower - digits
    if marks * 12 > len(sample):
        return False
    if upper * 20 > 19 * len(sample) and sample.count(sample[0]) * 2 > len(sample) and sample[0] == "A":
        return True  # zero bytes
    return upper * 8 > len(sample) and lower * 20 > len(sample) and digits * 50 > len(sample)


def _pieces(text: str) -> Iterator[str]:
    """Cut a text after line ends about a megabyte apart; a longer line stays whole."""
    position = 0
    while position < len(text):
        end = text.find("\n", position + _PIECE) + 1 or len(text)
        yield text[position:end]
        position = end
