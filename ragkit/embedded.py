"""What a model reads of a chunk: less of its context line than is shown, since each word piece of it is paid for."""

from __future__ import annotations

from typing import Final

CONTEXT_SEPARATOR: Final = " › "
"""Between the parts of a context line: title, headings, the names of a table's columns."""


def embedded_text(text: str, *, context: str) -> str:
    """Return what is embedded of a chunk: the first and the last part of its context line, a line each, then its text.

    The first part tells the document, the last is the nearest; what is between them is for readers and for searches by
    words. On FinanceBench's tuning part that finds as much, and filings have a twelfth fewer word pieces
    (docs/evaluation.md).
    """
    if not context:
        return text
    parts = context.split(CONTEXT_SEPARATOR)
    return "\n".join([*dict.fromkeys((parts[0], parts[-1])), text])
