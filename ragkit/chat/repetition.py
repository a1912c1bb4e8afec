"""A model that repeats itself is stopped: small models fall into loops and fill the whole allowance of tokens."""

from __future__ import annotations

from collections.abc import Generator
from typing import Final

STOPPED: Final = "\n\n(The model repeated itself and was stopped.)"

_TIMES: Final = 4
_LEAST: Final = 160
_LONGEST: Final = 1_200
_CHECK_EVERY: Final = 48
"""A piece of text of at most `_LONGEST` characters that stands `_TIMES` times in a row, `_LEAST` characters in all, is
a loop; rows of a table and list items differ in some word. It is looked for each `_CHECK_EVERY` characters."""


def without_repetition(pieces: Generator[str]) -> Generator[str]:
    """Yield the pieces of a stream; end with a note as soon as its end is one text several times over."""
    tail = ""
    unchecked = 0
    for piece in pieces:
        yield piece
        tail = (tail + piece)[-_TIMES * _LONGEST :]
        unchecked += len(piece)
        if unchecked >= _CHECK_EVERY:
            unchecked = 0
            if is_looping(tail):
                pieces.close()
                yield f" …{STOPPED}" if tail[-1:].isalnum() else STOPPED
                return


def is_looping(text: str) -> bool:
    """Return whether a text ends with one piece repeated several times."""
    words = " ".join(text.split())
    size = len(words)
    end = words[-24:]
    at = words.rfind(end, 0, size - 1) if len(end) == 24 else -1
    while at >= 0:
        period = size - 24 - at
        if period > _LONGEST or _TIMES * period > size:
            return False
        span = max(_TIMES * period, _LEAST)
        if span <= size and any(map(str.isalnum, end)) and _repeats(words[-span:], period):
            return True
        at = words.rfind(end, 0, at + 23)
    return False


def _repeats(text: str, period: int) -> bool:
    """Return whether each character is that of one period before."""
    return text[period:] == text[:-period]
