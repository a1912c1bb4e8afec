"""CSV and TSV: a row a line, cells joined by " | ", the row of column names as the header of the table."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from ragkit_ingest.readers.base import Extracted, Hints, TextBuilder
from ragkit_ingest.readers.encoding import decode
from ragkit_ingest.readers.sniff import CSV, TSV

_DELIMITERS = ",;\t|"
_SAMPLE_LINES = 50
_CHECK_EVERY = 5_000


class TableReader:
    """Reads text/csv and text/tab-separated-values."""

    name = "table"
    media_types: tuple[str, ...] = (CSV, TSV)

    def read(self, data: bytes, *, name: str, hints: Hints) -> Extracted:
        """Return the rows; a quote that is never closed loses no text, and is reported."""
        decoded = decode(data)
        builder = TextBuilder()
        for words in decoded.warnings:
            builder.warn(words)
        text = decoded.text.replace("\0", "")
        delimiter = "\t" if hints.media_type == TSV else find_delimiter(text)
        builder.table(self._rows(text, delimiter, builder, hints))
        return builder.finish(name=name)

    def _rows(self, text: str, delimiter: str, builder: TextBuilder, hints: Hints) -> Iterator[list[str]]:
        before = csv.field_size_limit(len(text) + 1)
        try:
            reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
            end = 0
            for number, row in enumerate(reader, 1):
                if reader.line_num - end > 200:
                    builder.warn(f"row {number:,} spans {reader.line_num - end:,} lines: a quote may be left open")
                end = reader.line_num
                yield row
                if number % _CHECK_EVERY == 0 and hints.budget.spent():
                    builder.warn(f"stopped after {number:,} rows: out of time")
                    return
        finally:
            csv.field_size_limit(before)


def find_delimiter(text: str) -> str:
    """Return the delimiter that splits the first lines most evenly; the comma where none does."""
    lines = [line for line in text[: 1 << 16].splitlines()[:_SAMPLE_LINES] if line.strip()]
    best, best_score = ",", 0.0
    for delimiter in _DELIMITERS:
        counts = [len(row) - 1 for row in csv.reader(lines, delimiter=delimiter)] if lines else []
        if not counts or not max(counts):
            continue
        usual = max(set(counts), key=counts.count)
        score = counts.count(usual) / len(counts) * (1 if usual else 0) + min(usual, 20) / 1_000
        if score > best_score:
            best, best_score = delimiter, score
    return best
