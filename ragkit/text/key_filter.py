"""The key of the prompt's fences never leaves in an answer, also where a stream cuts it in pieces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

REPLACEMENT: Final = "(key removed)"
_LOOSE: Final = 3
"""So many first characters of a key may leave before it is known to be one: a stream isn't held back by one letter."""


@dataclass(slots=True)
class KeyFilter:
    """Replaces a key in a text that arrives in pieces; only what may well be the start of a key is held back.

    key: "" filters nothing. Upper and lower case are the same: a weak model may copy the key in capitals.
    """

    key: str
    found: bool = False
    _given: str = ""  # the last characters that were given out
    _held: str = ""

    def feed(self, delta: str) -> str:
        """Take the next piece; return the text that is now certain."""
        if not self.key:
            return delta
        text = self._replaced(self._held + delta)
        size = self._open_end(text)
        certain, self._held = text[: len(text) - size], text[len(text) - size :]
        self._given = (self._given + certain)[-_LOOSE:]
        return certain

    def finish(self) -> str:
        """Return the rest."""
        rest, self._held = self._held, ""
        return rest

    def _replaced(self, text: str) -> str:
        before = len(self._given)
        whole = self._given + text
        parts: list[str] = []
        start = before
        at = -1
        while (at := _lower(whole).find(self.key.lower(), at + 1)) >= 0:
            parts += [whole[start:at], REPLACEMENT]
            start = at + len(self.key)
            self.found = True
        return "".join([*parts, whole[start:]])

    def _open_end(self, text: str) -> int:
        """Return the length of the longest end of a text that is a start of the key, 0 for a few characters."""
        end, key = _lower((self._given + text)[-len(self.key) :]), self.key.lower()
        sizes = range(min(len(end), len(key) - 1), _LOOSE, -1)
        return min(next((size for size in sizes if end.endswith(key[:size])), 0), len(text))


def _lower(text: str) -> str:
    """Return a text with small letters of A to Z, of the same length."""
    return text.translate(_SMALL)


_SMALL: Final = {ord(letter): ord(letter.lower()) for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
