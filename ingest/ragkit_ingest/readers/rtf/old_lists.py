"""Numbers of paragraphs as Word 6 and 95 define them: by a group \\pn of the paragraph, not by a table of lists."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from ragkit_ingest.readers.office.number_formats import formatted

_BULLET: Final = "-"
_BODY: Final = 10  # the level of a simple list, below those of an outline
_FORMS: Final = {
    "pndec": "decimal",
    "pncard": "cardinalText",
    "pnord": "ordinal",
    "pnordt": "ordinalText",
    "pnucltr": "upperLetter",
    "pnlcltr": "lowerLetter",
    "pnucrm": "upperRoman",
    "pnlcrm": "lowerRoman",
}


@dataclass(slots=True)
class OldList:
    """What a group \\pn says. level: 1 to 9 of an outline, 10 for a simple list. skips: the paragraph has no number.

    form: how numbers are written, as Word names it, "" for a bullet. follows: numbers of the levels above stand before.
    """

    level: int = _BODY
    form: str = "decimal"
    start: int = 1
    before: str = ""
    after: str = ""
    follows: bool = False
    skips: bool = False

    def word(self, word: str, number: int | None) -> None:
        """Take a control word of the group; others mean nothing here."""
        if word == "pnlvl":
            self.level = max(1, min(number or 1, _BODY - 1))
        elif word == "pnlvlblt":
            self.form = ""
        elif word == "pnlvlcont":
            self.skips = True
        elif word in _FORMS:
            self.form = _FORMS[word]
        elif word == "pnstart":
            self.start = max(0, min(number or 0, 1_000_000))
        elif word == "pnprev":
            self.follows = number != 0

    def text(self, name: str, words: str) -> None:
        """Take the text of a destination of the group: what stands before (\\pntxtb) or after (\\pntxta) the number."""
        if name == "pntxtb":
            self.before = words[:100]
        elif name == "pntxta":
            self.after = words[:100]


@dataclass(slots=True)
class OldNumbering:
    """Counts paragraphs. A simple list ends at a paragraph without a number, a level at one of a level above it."""

    _counts: dict[int, int] = field(default_factory=dict)
    _shown: dict[int, str] = field(default_factory=dict)

    def mark(self, said: OldList) -> str:
        """Count a paragraph and return what stands before it: "2.", "(a)", "-" for a bullet, "" for nothing."""
        if said.skips:
            return ""
        if not said.form:
            return _BULLET
        level = said.level
        for deeper in [other for other in self._counts if level < other]:
            del self._counts[deeper]
        self._counts[level] = self._counts[level] + 1 if level in self._counts else said.start
        number = formatted(self._counts[level], said.form)
        self._shown[level] = (
            f"{self._shown.get(level - 1, '') if said.follows else ''}{said.before}{number}{said.after}"
        )
        return self._shown[level].strip()

    def end(self) -> None:
        """Take a paragraph that has no number: the next simple list begins anew, and an outline goes on."""
        self._counts.pop(_BODY, None)
