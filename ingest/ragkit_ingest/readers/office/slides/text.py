"""The text of a shape or cell on a slide: paragraphs with their numbers, raised letters, links and equations."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from ragkit_ingest.readers.links import address_after
from ragkit_ingest.readers.office.number_formats import formatted
from ragkit_ingest.readers.office.pieces import Raised, joined
from ragkit_ingest.readers.text.symbols import is_symbol_font, symbol_text
from ragkit_ingest.readers.titles import squeeze

_PRIVATE: Final = re.compile("[\uf020-\uf0ff]")
_STYLES: Final = {
    "arabic": "decimal",
    "alphaLc": "lowerLetter",
    "alphaUc": "upperLetter",
    "romanLc": "lowerRoman",
    "romanUc": "upperRoman",
    "circleNum": "decimalEnclosedCircle",
    "arabicDb": "decimalFullWidth",
    "ea1Chs": "chineseCounting",
    "ea1Cht": "taiwaneseCounting",
    "ea1JpnKor": "japaneseCounting",
    "hebrew2": "hebrew1",
    "thaiAlpha": "thaiLetters",
    "thaiNum": "thaiNumbers",
    "hindiNum": "hindiNumbers",
    "hindiAlpha": "hindiVowels",
    "hindiAlpha1": "hindiVowels",
}
_ENDINGS: Final = {"ParenBoth": "({})", "ParenR": "{})", "Period": "{}.", "Minus": "{}-", "Plain": "{}"}
_HEIGHT: Final = re.compile(r"(-?)0*[1-9]")
_LEVELS: Final = tuple("012345678")
_LIST_LEVEL: Final = re.compile(r"lvl([1-9])pPr")


@dataclass(frozen=True, slots=True)
class Bullet:
    """The bullet or number before a paragraph. scheme: of automatic numbers (arabicPeriod), "" for none; start: the
    first."""

    scheme: str = ""
    start: int = 1

    def mark(self, number: int) -> str:
        """Return the number of a paragraph as the slide shows it."""
        for ending, pattern in _ENDINGS.items():
            if self.scheme.endswith(ending):
                style = self.scheme.removesuffix(ending)
                return pattern.format(formatted(number, _STYLES.get(style, "decimal")))
        return formatted(number, _STYLES.get(re.sub(r"(?:Wd)?(?:Black|White)?$", "", self.scheme), "decimal"))


@dataclass(slots=True)
class _Paragraph:
    pieces: list[tuple[str, Raised]] = field(default_factory=list)
    level: int = 0
    bullet: Bullet | None = None
    address: str = ""  # of the link that is open
    link_start: int = 0


class TextFrame:
    """Collects the paragraphs of one shape or cell."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.struck = 0  # characters that are struck out, and left out
        self._styles: dict[int, Bullet] = {}  # of the shape's own list style, by level
        self._style_level: int | None = None
        self._paragraph = _Paragraph()
        self._counts: dict[int, tuple[Bullet, int]] = {}
        self._raised: Raised = ""
        self._strikes = False
        self._font = ""
        self._run_address = ""

    def start(self, name: str, attributes: Mapping[str, str], address: str) -> None:
        """Take the start of an element. address: where it links to, "" for nowhere."""
        level = _LIST_LEVEL.fullmatch(name)
        if level:
            self._style_level = int(level[1]) - 1
        elif name == "pPr":
            self._paragraph.level = int(attributes.get("lvl", "")) if attributes.get("lvl", "") in _LEVELS else 0
        elif name in ("buNone", "buChar", "buBlip"):
            self._bullet(Bullet())
        elif name == "buAutoNum":
            start = attributes.get("startAt", "1")[:6]
            self._bullet(Bullet(attributes.get("type", "arabicPeriod"), int(start) if start.isdecimal() else 1))
        elif name in ("r", "fld"):
            self._raised, self._font, self._run_address, self._strikes = "", "", "", False
        elif name == "rPr":
            self._raise(attributes.get("baseline", "0"))
            self._strikes = attributes.get("strike", "noStrike") != "noStrike"
        elif name in ("latin", "sym") and is_symbol_font(attributes.get("typeface", "")):
            self._font = attributes.get("typeface", "")
        elif name == "hlinkClick":
            self._run_address = address

    def text(self, text: str) -> None:
        """Take text of a run."""
        if self._strikes:
            self.struck += len(text)
            return
        if self._run_address != self._paragraph.address:
            self._end_link()
            self._paragraph.address, self._paragraph.link_start = self._run_address, len(self._paragraph.pieces)
        if self._font or _PRIVATE.search(text):
            text = symbol_text(text, self._font)
        self._paragraph.pieces.append((text, self._raised))

    def add(self, text: str, raised: Raised = "") -> None:
        """Add a break or an equation."""
        self._paragraph.pieces.append((text, raised))

    def end(self, name: str) -> None:
        """Take the end of an element."""
        if name == "p":
            self._end_paragraph()
        elif name in ("r", "fld"):
            self._raised, self._font, self._strikes = "", "", False
        elif _LIST_LEVEL.fullmatch(name):
            self._style_level = None

    def _bullet(self, bullet: Bullet) -> None:
        if self._style_level is not None:
            self._styles[self._style_level] = bullet
        else:
            self._paragraph.bullet = bullet

    def _raise(self, baseline: str) -> None:
        height = _HEIGHT.match(baseline)
        self._raised = ("subscript" if height[1] else "superscript") if height else ""

    def _end_link(self) -> None:
        paragraph = self._paragraph
        if paragraph.address:
            said = joined(paragraph.pieces[paragraph.link_start :])
            paragraph.pieces.append((address_after(said, paragraph.address), ""))
            paragraph.address = ""

    def _end_paragraph(self) -> None:
        self._end_link()
        paragraph, self._paragraph = self._paragraph, _Paragraph()
        self._run_address = ""
        line = squeeze(joined(paragraph.pieces))
        if not line:
            return
        mark = self._number(paragraph)
        self.lines.append("  " * paragraph.level + (f"{mark} " if mark else "") + line)

    def _number(self, paragraph: _Paragraph) -> str:
        """Count a paragraph; a deeper one does not end the count, an unnumbered one on its level does."""
        level = paragraph.level
        bullet = paragraph.bullet if paragraph.bullet is not None else self._styles.get(level, Bullet())
        for deeper in [at for at in self._counts if at > level]:
            del self._counts[deeper]
        if not bullet.scheme:
            self._counts.pop(level, None)
            return ""
        before = self._counts.get(level)
        number = before[1] + 1 if before is not None and before[0] == bullet else bullet.start
        self._counts[level] = (bullet, number)
        return bullet.mark(number)
