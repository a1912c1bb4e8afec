"""The tables of lists of an RTF file: what number stands before a paragraph whose file does not spell it out."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Final

from ragkit_ingest.readers.office.word.numbering import NUMBER_CODES, Level, Numbering

_LEVELS: Final = 9
_LISTS: Final = 10_000
_PLACE = re.compile("[\0-\b]")


@dataclass(slots=True)
class Lists:
    """Follows \\listtable and \\listoverridetable, then counts the paragraphs that name a list by \\ls and \\ilvl."""

    _numbering: Numbering = field(default_factory=Numbering)
    _levels: dict[int, Level] = field(default_factory=dict)  # of the list or override that is being read
    _starts: dict[int, int] = field(default_factory=dict)
    _level: Level = field(default_factory=Level)
    _at: int = -1
    _list: str = ""
    _known: int = 0

    def word(self, word: str, number: int | None) -> None:
        """Take a control word of the tables; others mean nothing here."""
        if word in ("list", "listoverride"):
            self._levels, self._starts, self._at, self._list = {}, {}, -1, ""
        elif word == "lfolevel" or (word == "listlevel" and not self._list):
            self._at += 1
            self._level = Level()
        elif number is None or self._known >= _LISTS:
            return
        elif word == "listid":
            self._list = str(number)
            if self._levels:
                self._numbering.define(self._list, self._levels)
        elif word == "ls":
            self._known += 1
            self._numbering.use(str(number), self._list, self._starts, self._levels)
        elif self._at >= 0:
            self._attribute(word, number)

    def text(self, words: str) -> None:
        """Take the text of a level: its length, the words with a byte below 9 for each number, a semicolon."""
        places = _PLACE.sub(lambda place: f"%{ord(place[0]) + 1}", words[1:].removesuffix(";"))
        self._set(replace(self._level, text=places[:200]))

    def mark(self, number: int, at: int) -> str:
        """Count a paragraph and return what stands before it: "2.1", "(a)", "-" for a bullet, "" for nothing."""
        return self._numbering.mark(str(number), max(0, min(at, _LEVELS - 1)))

    def _attribute(self, word: str, number: int) -> None:
        if word in ("levelnfc", "levelnfcn"):
            self._set(replace(self._level, format=NUMBER_CODES.get(str(number), "decimal")))
        elif word == "levelstartat":
            self._set(replace(self._level, start=max(0, number)))
            if self._list:
                self._starts[self._at] = max(0, number)
        elif word == "levelnorestart" and number:
            self._set(replace(self._level, restart=0))
        elif word == "levellegal":
            self._set(replace(self._level, legal=number != 0))

    def _set(self, level: Level) -> None:
        """Keep what is known of a level; an override that only changes its start keeps the level of the list."""
        self._level = level
        if 0 <= self._at < _LEVELS and (not self._list or level.text):
            self._levels[self._at] = level
