"""CSV and TSV: a row a line, titles above the names of columns, several tables separated by blank lines."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from typing import Final

from ragkit_ingest.readers.base import Extracted, Hints, TextBuilder
from ragkit_ingest.readers.encoding import decoded_text
from ragkit_ingest.readers.sheets.tables import Row, SheetTables
from ragkit_ingest.readers.sniff import CSV, TSV
from ragkit_ingest.readers.titles import squeeze

_DELIMITERS: Final = ",;\t|"
_SAMPLE_LINES: Final = 50
_CHECK_EVERY: Final = 5_000
_COLUMN_LIMIT: Final = 16_384
_OPEN_QUOTE: Final = 200
_STATED: Final = re.compile(r"sep=([^\w\s\"]|\t)\r?\n", re.IGNORECASE)


class TableReader:
    """Reads text/csv and text/tab-separated-values."""

    name = "table"
    media_types: tuple[str, ...] = (CSV, TSV)

    def read(self, data: bytes, *, name: str, hints: Hints) -> Extracted:
        """Return the rows; after a quote that is never closed, the text is kept and a warning added."""
        builder = TextBuilder()
        source = decoded_text(data, builder.warn)
        text = source.replace("\0", "")
        stated = _STATED.match(text)
        if stated is not None:
            text, delimiter = text[stated.end() :], stated.group(1)
        else:
            delimiter = "\t" if hints.media_type == TSV and "\t" in text else find_delimiter(text)
        tables = SheetTables(builder)
        for row in self._rows(text, delimiter, builder, hints):
            tables.add(row)
        tables.close()
        return builder.finish(name=name)

    def _rows(self, text: str, delimiter: str, builder: TextBuilder, hints: Hints) -> Iterator[Row]:
        before = csv.field_size_limit(len(text) + 1)
        cut = 0
        try:
            reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
            step = 2 if _has_doubled_lines(text) else 1
            end = 0
            for number, row in enumerate(reader, 1):
                if reader.line_num - end > _OPEN_QUOTE:
                    builder.warn(f"row {number:,} spans {reader.line_num - end:,} lines: a quote may be left open")
                end = reader.line_num
                cut += max(0, len(row) - _COLUMN_LIMIT)
                shown = ((column, squeeze(cell)) for column, cell in enumerate(row[:_COLUMN_LIMIT], 1))
                cells = {column: cell for column, cell in shown if cell}
                if cells:
                    yield Row(number // step, cells)
                if number % _CHECK_EVERY == 0 and hints.budget.spent():
                    builder.warn(f"stopped after {number:,} rows: out of time")
                    break
        finally:
            csv.field_size_limit(before)
        if cut:
            builder.warn(f"cells beyond column {_COLUMN_LIMIT:,}: {cut:,}")


def _has_doubled_lines(text: str) -> bool:
    """Tell whether every second line is blank, as programs write that translate line ends twice."""
    lines = text[: 1 << 14].splitlines()[:_SAMPLE_LINES]
    return len(lines) > 4 and all(map(str.strip, lines[::2])) and not any(map(str.strip, lines[1::2]))


def find_delimiter(text: str) -> str:
    """Return the delimiter that splits most of the first lines evenly; the comma where none does.

    Lines that a delimiter does not split are titles for it, as long as they are few.
    """
    lines = [line for line in text[: 1 << 16].splitlines()[:_SAMPLE_LINES] if line.strip()]
    best, best_score = ",", 0.0
    for delimiter in _DELIMITERS:
        counts = [len(row) - 1 for row in csv.reader(lines, delimiter=delimiter)] if lines else []
        split = [count for count in counts if count]
        if not split:
            continue
        usual = max(set(split), key=split.count)
        score = split.count(usual) / len(counts) + min(usual, 20) / 1_000
        if score > best_score:
            best, best_score = delimiter, score
    return best
