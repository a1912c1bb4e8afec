"""A row of a page, before it becomes a line of text."""

from __future__ import annotations

from dataclasses import dataclass

from ragkit_ingest.readers.pdf.glyphs import Part


class Row:
    """A row of parts that stays one line: of a table when `cells` is not empty, else plain text."""

    __slots__ = ("bold", "cells", "header", "parts", "table")

    def __init__(self, parts: list[Part], *, bold: bool, cells: tuple[str, ...] = (), table: int = -1) -> None:
        self.parts = parts
        self.bold = bold
        self.cells = cells
        self.table = table
        self.header = False

    @property
    def text(self) -> str:
        """The row as a line of text."""
        if self.cells:
            return " | ".join(self.cells).rstrip(" |")
        return self.parts[0].text if len(self.parts) == 1 else " ".join(part.text for part in self.parts)


@dataclass(frozen=True, slots=True)
class RuledTable:
    """The rows of a table drawn with lines. lines: the page's lines that went into it."""

    rows: tuple[Row, ...]
    lines: frozenset[int]
