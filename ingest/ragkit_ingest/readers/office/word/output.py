"""Writes the parts of a Word document into the text: headings, lists, paragraphs, tables, charts and diagrams."""

from __future__ import annotations

from ragkit_ingest.readers.base import Extracted, TextBuilder
from ragkit_ingest.readers.office.charts import Chart, add_chart, chart_lines
from ragkit_ingest.readers.office.diagrams import add_diagram
from ragkit_ingest.readers.office.tables import add_table, flat
from ragkit_ingest.readers.office.word.paragraphs import Outline, Record, Rows, Words


class Output:
    """Adds records to the text; the items of a list wait for the end of their list."""

    def __init__(self, out: TextBuilder) -> None:
        self.title = ""
        self.out = out
        self._items: list[str] = []

    def put(self, record: Record) -> None:
        """Add a record."""
        if isinstance(record, Words) and record.mark and not record.level:
            self._items.append(f"{'  ' * record.indent}{record.text}")
            return
        self.flush()
        if isinstance(record, Words):
            self._words(record)
        elif isinstance(record, Rows):
            add_table(self.out, record.rows)
        elif isinstance(record, Chart):
            add_chart(self.out, record)
        elif isinstance(record, Extracted):
            add_extracted(self.out, record)
        else:
            add_diagram(self.out, record.lines)

    def flush(self) -> None:
        """End the list that is open."""
        if self._items:
            self.out.items(self._items)
            self._items = []

    def _words(self, words: Words) -> None:
        if words.title:
            self.title = self.title or " ".join(words.lines)
        if words.level:
            self.out.heading(words.text, words.level)
        else:
            self.out.paragraph("\n".join(words.lines))


def add_extracted(out: TextBuilder, found: Extracted) -> None:
    """Add a document that is embedded in another, with its headings, blocks and warnings."""
    start, end = out.paragraph(found.text)
    if end - start == len(found.text):
        for heading in found.headings:
            out.mark_heading_at(start + heading.offset, heading.level, heading.text)
        for block in found.blocks:
            out.mark_block(start + block.start, start + block.end, block.kind, block.header)
    for words in found.warnings:
        out.warn(words)


def as_text(record: Record) -> str:
    """Return a record inside a cell or a note as text."""
    if isinstance(record, Words):
        return "\n".join(((f"{record.mark} " if record.mark else "") + record.lines[0], *record.lines[1:]))
    if isinstance(record, Rows):
        return flat(record.rows)
    if isinstance(record, Chart):
        return "\n".join([*chart_lines(record), *(", ".join(filter(None, row)) for row in record.rows())])
    if isinstance(record, Outline):
        return "\n".join(text for _, text in record.lines)
    return record.text
