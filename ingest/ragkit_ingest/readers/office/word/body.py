"""The body of a Word document as a stream of XML events: paragraphs, lists, tables and their anchored objects."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from ragkit_ingest.readers.base import TextBuilder
from ragkit_ingest.readers.office.equations import Equation
from ragkit_ingest.readers.office.pieces import Raised
from ragkit_ingest.readers.office.word.containers import Holder, Section, Source
from ragkit_ingest.readers.office.word.drawings import Links
from ragkit_ingest.readers.office.word.inline import Inline
from ragkit_ingest.readers.office.word.notes import Notes
from ragkit_ingest.readers.office.word.numbering import BULLET, natural
from ragkit_ingest.readers.office.word.output import Output
from ragkit_ingest.readers.office.word.paragraphs import Paragraph, Record, Rows, Words
from ragkit_ingest.readers.office.word.styles import Style, is_on
from ragkit_ingest.readers.office.word.tables import Table
from ragkit_ingest.readers.zip_package import Event

_SKIPPED: Final = frozenset(
    [
        "tblPr",
        "tblGrid",
        "rPrChange",
        "pPrChange",
        "tblPrChange",
        "tblPrExChange",
        "trPrChange",
        "tcPrChange",
        "sectPrChange",
        "tblGridChange",
        "numberingChange",
        "delInstrText",
        "delText",
        "binData",
        "binaryData",
    ]
)
_DELETED: Final = frozenset({"del", "moveFrom"})
_NOTES: Final = {"footnoteReference": "footnote", "endnoteReference": "endnote", "commentReference": "comment"}


class Body:
    """Reads the events of a part; holds only the paragraphs, tables and list that are open."""

    def __init__(self, out: TextBuilder, source: Source) -> None:
        self.output = Output(out)
        self.notes = Notes(keep_comments=source.keep_comments)
        self.sections: list[Section] = []
        self.furniture: list[tuple[str, str]] = []  # ("hdr" or "ftr", text)
        self._source = source
        self._links = Links()
        self._stack: list[Paragraph | Holder | Table] = []
        self._inline = Inline(source)
        self._carried: list[tuple[str, Raised]] = []
        self._choices: list[bool] = []  # for each open mc:AlternateContent: a choice was taken
        self._skip = 0
        self._equation: Equation | None = None
        self._starts: dict[str, Callable[[Event], None]] = {
            "p": self._start_paragraph,
            "tbl": lambda _event: self._stack.append(Table()),
            "tr": self._start_row,
            "tc": lambda _event: self._stack.append(Holder("tc")),
            **dict.fromkeys(("txbxContent", "footnote", "endnote", "comment", "hdr", "ftr"), self._hold),
            **dict.fromkeys(("gridSpan", "vMerge", "hMerge", "cellDel"), self._cell_property),
            **dict.fromkeys(("gridBefore", "gridAfter", "tblHeader"), self._row_property),
            **dict.fromkeys(("sectPr", "titlePg", "headerReference", "footerReference"), self._section),
            **dict.fromkeys(_NOTES, self._reference),
            "altChunk": self._embed,
            "AlternateContent": lambda _event: self._choices.append(False),
            "Choice": self._choose,
            "Fallback": self._choose,
            "oMath": self._start_equation,
        }
        self._ends: dict[str, Callable[[], None]] = {
            "p": self._end_paragraph,
            "tbl": self._end_table,
            "tr": self._end_row,
            **dict.fromkeys(("tc", "txbxContent", "footnote", "endnote", "comment", "hdr", "ftr"), self._release),
            "AlternateContent": self._end_choices,
        }

    def read(self, events: Iterable[Event], links: Links) -> None:
        """Take the events of a part."""
        self._links = links
        for event in events:
            if self._skip:
                self._skip += (event.kind == "start") - (event.kind == "end")
            elif event.kind == "start":
                self._start(event)
            elif self._equation is not None:
                self._in_equation(event)
            elif event.kind == "text":
                self._inline.text(event.text, self._paragraph())
            else:
                self._end(event.name)
        self._stack.clear()
        self.output.flush()

    def _start(self, event: Event) -> None:
        name = event.name
        if name in _SKIPPED or (name in _DELETED and self._deleted(name)):
            self._skip = 1
        elif self._equation is not None:
            self._equation.start(name, event.attributes)
        elif name in self._starts:
            self._starts[name](event)
        else:
            self._inline.start(event, self._paragraph(), self._links)

    def _end(self, name: str) -> None:
        if name in self._ends:
            self._ends[name]()
        else:
            self._inline.end(name, self._paragraph())

    def _paragraph(self) -> Paragraph | None:
        return self._stack[-1] if self._stack and isinstance(self._stack[-1], Paragraph) else None

    def _put(self, record: Record) -> None:
        holder = self._stack[-1] if self._stack else None
        if isinstance(holder, Paragraph):
            holder.after.append(record)
        elif isinstance(holder, Holder):
            holder.records.append(record)
        else:
            self.output.put(record)

    def _deleted(self, name: str) -> bool:
        """Take a tracked deletion, of text, of a row, or of the mark that ends a paragraph; it is always skipped."""
        holder = self._stack[-1] if self._stack else None
        if isinstance(holder, Paragraph) and holder.in_properties and holder.run is None:
            holder.mark_deleted = True
        elif isinstance(holder, Table):
            holder.deleted = True
        elif self._equation is None or name == "del":
            self._source.losses.add("deletion")
        return True

    def _end_choices(self) -> None:
        if self._choices:
            self._choices.pop()

    def _choose(self, event: Event) -> None:
        """Take the first choice of mc:AlternateContent, its fallback only where there is no choice."""
        if self._choices and not self._choices[-1]:
            self._choices[-1] = True
        elif self._choices or event.name == "Fallback":
            self._skip = 1

    # ------------------------------------------------------------------ paragraphs

    def _start_paragraph(self, _event: Event) -> None:
        paragraph = Paragraph()
        if self._carried:
            paragraph.pieces, self._carried = self._carried, []
        self._stack.append(paragraph)

    def _end_paragraph(self) -> None:
        paragraph = self._stack.pop()
        if not isinstance(paragraph, Paragraph):
            return
        self._inline.end_paragraph(paragraph)
        if paragraph.mark_deleted:
            self._carried = paragraph.pieces
        else:
            words = self._words(paragraph)
            if words is not None:
                self._put(words)
        for record in paragraph.after:
            self._put(record)

    def _words(self, paragraph: Paragraph) -> Words | None:
        """Return a finished paragraph; None for a blank one, which still counts in its list."""
        style = self._source.styles.get(paragraph.style, Style())
        lines = paragraph.lines()
        level = style.level if paragraph.level is None else paragraph.level
        mark, indent = self._mark(paragraph, style) if lines or not paragraph.mark_hidden else ("", 0)
        if not lines:
            return Words((mark,)) if mark and mark != BULLET and self._opens_cell() else None
        if level or style.name == "title":
            mark = "" if mark == BULLET else mark
        return Words(
            lines, level=level or int(style.name == "title"), mark=mark, indent=indent, title=style.name == "title"
        )

    def _opens_cell(self) -> bool:
        """Tell whether a paragraph is the first of a cell: rows are often numbered by paragraphs without words."""
        holder = self._stack[-1] if self._stack else None
        return isinstance(holder, Holder) and holder.kind == "tc" and not holder.records

    def _mark(self, paragraph: Paragraph, style: Style) -> tuple[str, int]:
        """Count the paragraph in its list; return its mark and its level there."""
        number = style.numbering if paragraph.numbering is None else paragraph.numbering
        if number in ("", "0"):
            return "", 0
        numbering = self._source.numbering
        indent = paragraph.indent
        if indent is None and paragraph.numbering is None:
            indent = style.indent
            if indent is None:
                indent = self._level_of_style(number, paragraph.style)
        mark = numbering.mark(number, indent or 0)
        if paragraph.shown_mark:
            mark = paragraph.shown_mark if any(map(str.isalnum, paragraph.shown_mark)) else BULLET
        return mark, indent or 0

    def _level_of_style(self, number: str, style: str) -> int:
        level, steps = None, 0
        while style and level is None and steps < 20:
            level = self._source.numbering.level_of_style(number, style)
            style, steps = self._source.styles.get(style, Style()).parent, steps + 1
        return level or 0

    # ------------------------------------------------------------------ equations

    def _start_equation(self, event: Event) -> None:
        self._equation = Equation()
        self._equation.start(event.name, event.attributes)

    def _in_equation(self, event: Event) -> None:
        equation = self._equation
        if equation is None:
            return
        if event.kind == "text":
            equation.text(event.text)
            return
        equation.end(event.name)
        if equation.open:
            return
        self._equation = None
        if equation.cut:
            self._source.losses.add("equation")
        text = equation.result()
        paragraph = self._paragraph()
        if not text:
            return
        if paragraph is not None:
            paragraph.add(text, "equation")
            if self._inline.display:
                paragraph.add("\n")
        else:
            self._put(Words((text,)))

    # ------------------------------------------------------------------ tables

    def _start_row(self, _event: Event) -> None:
        if self._stack and isinstance(self._stack[-1], Table):
            self._stack[-1].start_row()

    def _end_row(self) -> None:
        if self._stack and isinstance(self._stack[-1], Table):
            self._stack[-1].end_row()

    def _row_property(self, event: Event) -> None:
        table = self._stack[-1] if self._stack else None
        if not isinstance(table, Table):
            return
        value = event.attributes.get("val", "")
        if event.name == "tblHeader":
            table.heads = is_on(event.attributes)
        elif event.name == "gridBefore":
            table.skip(natural(value))
        else:
            table.after = natural(value)

    def _cell_property(self, event: Event) -> None:
        holder = self._stack[-1] if self._stack else None
        if not isinstance(holder, Holder):
            return
        value = event.attributes.get("val", "")
        if event.name == "gridSpan":
            holder.cell.columns = natural(value)
        elif event.name == "vMerge":
            holder.cell.above = value != "restart"
        elif event.name == "hMerge":
            holder.cell.beside = value != "restart"
        else:
            holder.cell.deleted = True

    def _end_table(self) -> None:
        table = self._stack.pop()
        if isinstance(table, Table):
            if table.lost:
                self._source.losses.add("deletion", table.lost)
            if any(table.rows):
                self._put(Rows(table.cells()))

    # ------------------------------------------------------------------ what holds paragraphs

    def _hold(self, event: Event) -> None:
        attributes = event.attributes
        self._stack.append(Holder(event.name, attributes.get("id", ""), attributes.get("author", "")))

    def _release(self) -> None:
        holder = self._stack.pop()
        if not isinstance(holder, Holder):
            return
        around = self._stack[-1] if self._stack else None
        if holder.kind == "tc" and isinstance(around, Table):
            around.add(holder.text(), holder.cell)
        elif holder.kind in ("hdr", "ftr"):
            self.furniture.append((holder.kind, holder.text()))
        elif holder.kind in ("tc", "txbxContent"):
            for record in holder.records:
                self._put(record)
        elif not isinstance(around, Paragraph):
            self.notes.keep(holder.kind, holder.identity, holder.text(), holder.author)
        elif holder.kind == "comment":  # Word 2003 XML has notes and comments where they belong
            self.notes.comment(holder.text(), holder.author, around)
        else:
            self.notes.add(holder.kind, holder.text(), around)

    def _reference(self, event: Event) -> None:
        paragraph = self._paragraph()
        if paragraph is not None and not self._inline.is_hidden(paragraph):
            own = event.attributes.get("customMarkFollows", "0") in ("1", "on", "true")
            self.notes.refer(_NOTES[event.name], event.attributes.get("id", ""), paragraph, own_mark=own)

    def _section(self, event: Event) -> None:
        if event.name == "sectPr":
            self.sections.append(Section())
        elif self.sections:
            if event.name == "titlePg":
                self.sections[-1].first_differs = is_on(event.attributes)
            else:
                identity = event.attributes.get("r:id", "")
                self.sections[-1].references.append((event.name, event.attributes.get("type", "default"), identity))

    def _embed(self, event: Event) -> None:
        part = self._links.target(event.attributes.get("r:id", ""))
        found = self._source.embedded(part) if part and self._source.embedded is not None else None
        if found is None:
            self._source.losses.add("part", name=part.rpartition("/")[2])
        else:
            self._put(found)
