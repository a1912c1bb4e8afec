"""A paragraph of a Word document while it is read, and what it becomes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final, Literal

from ragkit_ingest.readers.base import Extracted, squeeze
from ragkit_ingest.readers.grid import Cell
from ragkit_ingest.readers.office.charts import Chart
from ragkit_ingest.readers.raised import subscript, superscript

Raised = Literal["", "superscript", "subscript", "equation"]
_LONGEST_RAISED: Final = 60  # a longer superscript is a sentence in small letters


@dataclass(slots=True)
class Run:
    """The look of the letters that come next."""

    hidden: bool = False
    raised: str = ""
    font: str = ""


@dataclass(frozen=True, slots=True)
class Words:
    """A paragraph that is done. level: of a heading, 0 for none; mark: its number or bullet; indent: level in its list.

    title: it is the title of the document.
    """

    lines: tuple[str, ...]
    level: int = 0
    mark: str = ""
    indent: int = 0
    title: bool = False

    @property
    def text(self) -> str:
        """The paragraph on one line, with its number."""
        return " ".join(filter(None, (self.mark, *self.lines)))


@dataclass(frozen=True, slots=True)
class Rows:
    """A table that is done."""

    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, slots=True)
class Outline:
    """A diagram (SmartArt): its texts, each with its depth."""

    lines: tuple[tuple[int, str], ...]


Record = Words | Rows | Chart | Outline | Extracted
"""What a document consists of; a chart and an embedded document come as their readers return them."""


@dataclass(slots=True)
class Paragraph:
    """A paragraph that is open. after: what follows it: notes, comments, charts and the boxes that hang on it."""

    pieces: list[tuple[str, Raised]] = field(default_factory=list)
    after: list[Record] = field(default_factory=list)
    run: Run | None = None
    style: str = ""
    level: int | None = None
    numbering: str | None = None
    indent: int | None = None
    shown_mark: str = ""  # its number as Word 2003 XML writes it
    in_properties: bool = False
    mark_hidden: bool = False
    mark_deleted: bool = False  # it goes on in the next paragraph, once the tracked change is accepted

    def add(self, text: str, raised: Raised = "") -> None:
        """Add text."""
        self.pieces.append((text, raised))

    def add_aside(self, text: str) -> None:
        """Add a line that follows the paragraph."""
        self.after.append(Words((text,)))

    def lines(self) -> tuple[str, ...]:
        """Return its lines, blank ones left out."""
        return tuple(line for line in map(squeeze, joined(self.pieces).split("\n")) if line)


def joined(pieces: Sequence[tuple[str, Raised]]) -> str:
    """Return pieces as one text: raised and lowered letters marked, equations apart from the words around them."""
    parts: list[str] = []
    before: Raised = ""
    for raised, group in groupby(pieces, key=lambda piece: piece[1]):
        text = "".join(piece[0] for piece in group)
        if raised in ("superscript", "subscript"):
            text = _raised(text, raised)
        if "equation" in (raised, before) and text[:1].isalnum() and parts and parts[-1][-1:].isalnum():
            text = f" {text}"
        parts.append(text)
        before = raised
    return "".join(parts)


def _raised(text: str, raised: Raised) -> str:
    words = squeeze(text)
    if not words:
        return text
    if len(words) > _LONGEST_RAISED:
        return f" {words} "
    marked = superscript(words) if raised == "superscript" else subscript(words)
    return f"{' ' if text[0].isspace() else ''}{marked}{' ' if text[-1].isspace() else ''}"
