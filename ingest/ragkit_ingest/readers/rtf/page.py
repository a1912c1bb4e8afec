"""The output of an RTF file: paragraphs, tables with merged cells, notes after their paragraph."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from ragkit_ingest.readers.base import TextBuilder
from ragkit_ingest.readers.grid import Cell, add_grid
from ragkit_ingest.readers.raised import subscript, superscript
from ragkit_ingest.readers.rtf.lists import Lists
from ragkit_ingest.readers.rtf.old_lists import OldList, OldNumbering
from ragkit_ingest.readers.titles import squeeze

_CELL_LIMIT: Final = 1_500
_MAX_ROWS: Final = 2_000


@dataclass(slots=True)
class _Place:
    """A place of a table layout; several places share one cell when it is merged."""

    text: str
    rows: int = 1
    columns: int = 1


@dataclass(slots=True)
class Page:
    """Writes paragraphs and tables. pieces: of the open paragraph, with how each is raised ("super", "sub", "").

    list_number, list_level: the list of the open paragraph, 0 for none; old_list: its own number, as Word 95 wrote it.
    spelled: its number stands in its text.
    """

    out: TextBuilder
    lists: Lists = field(default_factory=Lists)
    counts: Counter[str] = field(default_factory=Counter)
    pieces: list[tuple[str, str]] = field(default_factory=list)
    later: list[str] = field(default_factory=list)
    in_table: bool = False
    level: int = 0
    list_number: int = 0
    list_level: int = 0
    old_list: OldList | None = None
    spelled: bool = False
    title: str = ""
    titled: bool = False
    merges: list[set[str]] = field(default_factory=list)
    heads: bool = False
    _old_numbers: OldNumbering = field(default_factory=OldNumbering)
    _definition: set[str] = field(default_factory=set)
    _rows_later: list[str] = field(default_factory=list)
    _cell: list[str] = field(default_factory=list)
    _cells: list[str] = field(default_factory=list)
    _rows: list[tuple[list[str], list[set[str]], bool]] = field(default_factory=list)

    def write(self, text: str, raised: str) -> None:
        """Add text to the open paragraph."""
        self.pieces.append((text, raised))

    def take(self, start: int = 0) -> str:
        """Return the text of the open paragraph from a piece on, and take it away."""
        joined: list[tuple[list[str], str]] = []
        for text, raised in self.pieces[start:]:
            if joined and joined[-1][1] == raised:
                joined[-1][0].append(text)
            else:
                joined.append(([text], raised))
        del self.pieces[start:]
        return whole("".join(_shown("".join(words), raised) for words, raised in joined))

    def paragraph(self) -> None:
        """End a paragraph: it stands in the open cell, or on its own after the table above it."""
        text = self._numbered("\n".join(filter(None, map(squeeze, self.take().split("\n")))))
        if self.in_table:
            self._cell.append(squeeze(text))
            return
        if text:
            self.end_table()
            if self.level:
                self.out.heading(text, self.level)
            elif self.titled:
                self.title = self.title or squeeze(text)
                self.out.heading(text, 1)
            else:
                self.out.paragraph(text)
        if not self._rows and not self._cells:
            self._write_later()

    def define(self, word: str) -> None:
        """Take a control word that defines a cell of the next row; \\cellx ends it."""
        if word == "trowd":
            self.merges, self._definition, self.heads = [], set(), False
        elif word == "cellx":
            self.merges.append(self._definition)
            self._definition = set()
        elif word == "trhdr":
            self.heads = True
        else:
            self._definition.add(word)

    def end_cell(self) -> None:
        """End a cell."""
        self._cell.append(self._numbered(squeeze(self.take())))
        self._cells.append(" ".join(filter(None, self._cell)))
        self._cell = []

    def end_row(self) -> None:
        """End a row; after 2,000 rows the table is written, and goes on."""
        if self._cells:
            self._rows.append((self._cells, list(self.merges), self.heads))
        self._cells = []
        self._rows_later.extend(self.later)
        self.later.clear()
        if len(self._rows) >= _MAX_ROWS:
            self.end_table()

    def end_table(self) -> None:
        """Write the table that is held, and the notes of its cells."""
        if self._cells or self._cell:  # a row that was never ended
            self.end_cell()
            self.end_row()
        rows, self._rows = self._rows, []
        if not rows:
            return
        if max(len(cells) for cells, _, _ in rows) < 2 or any(len(t) > _CELL_LIMIT for c, _, _ in rows for t in c):
            for cells, _, _ in rows:
                for text in cells:
                    self.out.paragraph(text)
        else:
            add_grid(self.out, _laid_out(rows))
        for text in self._rows_later:
            self.out.paragraph(text)
        self._rows_later.clear()

    def close(self) -> None:
        """Write what is still open."""
        self.in_table = self.in_table and bool(self._cells)
        self.paragraph()
        self.end_table()
        self._write_later()

    def _numbered(self, text: str) -> str:
        """Return the text of a paragraph with the number that its list gives it, unless the file spells it out."""
        mark = ""
        if self.list_number:
            mark = self.lists.mark(self.list_number, self.list_level)
        elif self.old_list is not None:
            mark = self._old_numbers.mark(self.old_list)
        elif text:
            self._old_numbers.end()
        spelled, self.spelled = self.spelled, False
        return f"{mark} {text}" if mark and text and not spelled else text

    def _write_later(self) -> None:
        for text in self.later:
            self.out.paragraph(text)
        self.later.clear()


def whole(text: str) -> str:
    """Return text whose UTF-16 surrogates, which come one by one, are joined to characters."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _shown(text: str, raised: str) -> str:
    if not raised or not text.strip():
        return text
    shown = (superscript if raised == "super" else subscript)(text)
    return f"{' ' * text[:1].isspace()}{shown}{' ' * text[-1:].isspace()}"


def _laid_out(rows: list[tuple[list[str], list[set[str]], bool]]) -> list[list[Cell]]:
    """Return the cells of a table; \\clmrg continues the cell to the left, \\clvmrg the one above."""
    above: dict[int, _Place] = {}
    places: list[list[_Place]] = []
    for cells, merges, _ in rows:
        line: list[_Place] = []
        now: dict[int, _Place] = {}
        for column, text in enumerate(cells):
            kinds = merges[column] if column < len(merges) else set()
            if "clmrg" in kinds and line:
                line[-1].columns += 1
                line[-1].text = f"{line[-1].text} {text}".strip()
            elif "clvmrg" in kinds and column in above:
                above[column].rows += 1
                now[column] = above[column]
            else:
                line.append(_Place(text))
                now[column] = line[-1]
        above = now
        places.append(line)
    return [
        [Cell(place.text, place.rows, place.columns, heads) for place in line]
        for line, (_, _, heads) in zip(places, rows, strict=True)
    ]
