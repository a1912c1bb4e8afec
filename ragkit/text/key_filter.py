"""Removes the key of the prompt's fences from answers, also where a stream cuts it in pieces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

REPLACEMENT: Final = "(key removed)"


@dataclass(slots=True)
class KeyFilter:
    """Replaces a key in a text that arrives in pieces; only what may be the start of the key is held back.

    key: "" filters nothing. Upper and lower case are the same: a weak model may copy the key in capitals.
    """

    key: str
    found: bool = False
    _held: str = ""

    def feed(self, delta: str) -> str:
        """Take the next piece; return the text that is now certain."""
        if not self.key:
            return delta
        text = self._replaced(self._held + delta)
        size = self._open_end(text)
        self._held = text[len(text) - size :]
        return text[: len(text) - size]

    def finish(self) -> str:
        """Return the rest."""
        rest, self._held = self._held, ""
        return rest

    def _replaced(self, text: str) -> str:
        parts: list[str] = []
        start = 0
        while (at := _lower(text).find(_lower(self.key), start)) >= 0:
            parts += [text[start:at], REPLACEMENT]
            start = at + len(self.key)
            self.found = True
        return "".join([*parts, text[start:]])

    def _open_end(self, text: str) -> int:
        """Return the length of the longest end of a text that is a start of the key."""
        end, key = _lower(text[-len(self.key) :]), _lower(self.key)
        sizes = range(min(len(end), len(key) - 1), 0, -1)
        return next((size for size in sizes if end.endswith(key[:size])), 0)


def _lower(text: str) -> str:
    """Return a text with small letters of A to Z, of the same length."""
    return text.translate(_SMALL)


_SMALL: Final = {ord(letter): ord(letter.lower()) for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
