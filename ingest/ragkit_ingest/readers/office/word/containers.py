"""Containers of paragraphs in a Word document, and the parts that its body refers to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ragkit_ingest.readers.base import Extracted
from ragkit_ingest.readers.office.losses import Losses
from ragkit_ingest.readers.office.word.numbering import Numbering
from ragkit_ingest.readers.office.word.output import as_text
from ragkit_ingest.readers.office.word.paragraphs import Record
from ragkit_ingest.readers.office.word.styles import Style
from ragkit_ingest.readers.office.word.tables import CellState
from ragkit_ingest.readers.zip_package import Parts


@dataclass(slots=True)
class Holder:
    """A container of paragraphs: a cell, a text box, a note, a comment, a header or footer."""

    kind: str
    identity: str = ""
    author: str = ""
    cell: CellState = field(default_factory=CellState)
    records: list[Record] = field(default_factory=list)

    def text(self) -> str:
        """Its text, one paragraph a line."""
        return "\n".join(map(as_text, self.records))


@dataclass(slots=True)
class Section:
    """A section of the document: (element, type, relationship) of its headers and footers."""

    references: list[tuple[str, str, str]] = field(default_factory=list)
    first_differs: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """The parts that the body of a document refers to. embedded: reads an embedded document by the name of its part.

    keep_comments: comments become text. pictures: reads the words of a picture, given its part; "" for none.
    """

    styles: Mapping[str, Style]
    numbering: Numbering
    losses: Losses
    package: Parts | None = None
    embedded: Callable[[str], Extracted | None] | None = None
    keep_comments: bool = True
    pictures: Callable[[str], str] | None = None
