"""A paragraph of a Word document while it is read, and what it becomes."""

from __future__ import annotations

from dataclasses import dataclass, field

from ragkit_ingest.readers.base import Extracted
from ragkit_ingest.readers.grid import Cell
from ragkit_ingest.readers.office.charts import Chart
from ragkit_ingest.readers.office.pieces import Raised, joined
from ragkit_ingest.readers.titles import squeeze


@dataclass(slots=True)
class Run:
    """The format of the next letters. height: half points above the line, negative below it."""

    hidden: bool = False
    struck: bool = False
    raised: str = ""
    height: int = 0
    font: str = ""


@dataclass(frozen=True, slots=True)
class Words:
    """A finished paragraph. level: of a heading, 0 for none; mark: its number or bullet; indent: level in its list.

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
    """A finished table."""

    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, slots=True)
class Outline:
    """A diagram (SmartArt): its texts, each with its depth."""

    lines: tuple[tuple[int, str], ...]


Record = Words | Rows | Chart | Outline | Extracted
"""What a document consists of; a chart and an embedded document come as their readers return them."""


@dataclass(slots=True)
class Paragraph:
    """An open paragraph. after: what follows it: notes, comments, charts and text boxes."""

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
