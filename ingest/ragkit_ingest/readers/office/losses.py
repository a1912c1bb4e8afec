"""Counts of what a reader of Office files leaves out, reported as warnings of the document."""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

from ragkit_ingest.readers.base import TextBuilder
from ragkit_ingest.readers.titles import squeeze

_WORDS: Final = {
    "hidden": ("hidden text: {} character", "hidden text: {} characters"),
    "struck": ("struck-out text left out: {} character", "struck-out text left out: {} characters"),
    "comment": ("comments left out: {}", "comments left out: {}"),
    "deletion": ("{} tracked deletion", "{} tracked deletions"),
    "picture": ("{} picture without text", "{} pictures without text"),
    "object": ("{} embedded object", "{} embedded objects"),
    "control": ("{} ActiveX control", "{} ActiveX controls"),
    "media": ("{} video or sound", "{} videos or sounds"),
    "shape": ("{} hidden shape was left out", "{} hidden shapes were left out"),
    "chart": ("{} chart could not be read", "{} charts could not be read"),
    "diagram": ("{} diagram could not be read", "{} diagrams could not be read"),
    "part": ("{} embedded file could not be read", "{} embedded files could not be read"),
    "equation": ("{} equation was cut", "{} equations were cut"),
}
_FILE_NAME: Final = re.compile(r"(?:[^\s\\/]+|.*[\\/].*)\.(?:png|jpe?g|gif|bmp|tiff?|wmf|emf|svg|webp)", re.IGNORECASE)

_MACHINE: Final = re.compile(
    r"\s*(?:(?:description )?automatically generated(?: with (?:low|medium|high|very high) confidence)?|"
    r"ai-generated content may be incorrect)\.?\s*$",
    re.IGNORECASE,
)
"""The note that Office adds to descriptions that it generated."""


class Losses:
    """Counts what is left out, by kind."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._names: dict[str, list[str]] = {}

    def add(self, kind: str, count: int = 1, *, name: str = "") -> None:
        """Count something that is left out; name: such as the program of an embedded object."""
        self._counts[kind] += count
        names = self._names.setdefault(kind, [])
        if name and name not in names and len(names) < 5:
            names.append(squeeze(name)[:60])

    def merge(self, other: Losses) -> None:
        """Add the counts of another one."""
        for kind, count in other._counts.items():
            self.add(kind, count)
            for name in other._names[kind]:
                self.add(kind, 0, name=name)

    def report(self, out: TextBuilder) -> None:
        """Record a warning for each kind."""
        for kind, words in _WORDS.items():
            count = self._counts[kind]
            if count:
                names = f" ({', '.join(self._names[kind])})" if self._names[kind] else ""
                out.warn(words[count != 1].format(f"{count:,}") + names)


def spoken(description: str, title: str = "") -> str:
    """Return the alternative text of a picture; "" for a mere file name."""
    words = [squeeze(_MACHINE.sub("", text)) for text in (title, description)]
    kept = [text[:2_000] for text in words if text and not _FILE_NAME.fullmatch(text)]
    return ": ".join(dict.fromkeys(kept))
