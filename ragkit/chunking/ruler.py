"""Counts the tokens of any span of a document, from one pass of the tokenizer over windows of its text."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from operator import itemgetter
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

_WINDOW = 1 << 15  # characters that the tokenizer reads at once: some milliseconds, and some 10,000 tokens
_MARGIN = 512  # characters that it sees on both sides, so that tokens at the edges are those of the whole text


class Offsets(Protocol):
    """The part of an embedder that a ruler needs."""

    def token_offsets(self, text: str) -> list[tuple[int, int]]:
        """Return the code-point span of each token, special tokens left out."""
        ...


@dataclass(frozen=True, slots=True)
class Ruler:
    """Counts tokens by where they start. starts: (n,) int64, ascending code-point offsets."""

    starts: NDArray[np.int64]

    @classmethod
    def of(cls, text: str, embedder: Offsets) -> Ruler:
        """Measure a text. Memory holds 8 bytes for each token, and the GIL is held for a few milliseconds at a time.

        Tokens are those of the whole text: windows meet at blanks, and each is read with a margin on both sides.
        """
        if len(text) <= 2 * _WINDOW:
            return cls(_starts(embedder.token_offsets(text)))
        return cls(np.concatenate([_window(text, begin, end, embedder) for begin, end in _windows(text)]))

    def count(self, start: int, end: int) -> int:
        """Return how many tokens start in `[start, end)`."""
        left, right = np.searchsorted(self.starts, (start, end))
        return int(right - left)

    def indexes(self, offsets: array[int]) -> array[int]:
        """Return, for each offset, how many tokens start before it."""
        found = np.searchsorted(self.starts, np.frombuffer(offsets, dtype=np.int64)) if offsets else np.empty(0)
        return array("q", found.astype(np.int64).tobytes())


def _windows(text: str) -> Iterator[tuple[int, int]]:
    begin = 0
    while begin < len(text):
        end = begin + _WINDOW
        if end >= len(text):
            yield begin, len(text)
            return
        blank = max(text.rfind(mark, begin + _WINDOW // 2, end) for mark in "\n ")
        end = blank if blank > 0 else end
        yield begin, end
        begin = end


def _window(text: str, begin: int, end: int, embedder: Offsets) -> NDArray[np.int64]:
    first = max(0, begin - _MARGIN)
    starts = _starts(embedder.token_offsets(text[first : end + _MARGIN])) + first
    left, right = np.searchsorted(starts, (begin, end))
    return starts[left:right]


def _starts(spans: list[tuple[int, int]]) -> NDArray[np.int64]:
    return np.fromiter(map(itemgetter(0), spans), dtype=np.int64, count=len(spans))
