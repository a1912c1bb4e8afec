"""What a model reads of a chunk and of a question: less than is shown, since every mark costs as much as a word."""

from __future__ import annotations

from typing import Final

CONTEXT_SEPARATOR: Final = " › "
"""Between the parts of a context line: title, headings, the names of a table's columns."""

_UNREAD: Final = "()[]{}•·*_|"
"""Marks that are a word piece each and of which a vector is not better: brackets, bullets, emphasis, rules."""


def embedded_text(text: str, *, context: str = "") -> str:
    """Return what is embedded of a text: the first and the last part of its context line, a line each, then the text.

    The first part tells the document, the last is the nearest; what is between them is for readers and for searches by
    words. Brackets and the like are blanks, so the text is as long as it was, and ends where it did. Measured on the
    tuning parts: a tenth fewer word pieces of filings, and no set lost (docs/evaluation.md).
    """
    if not context:
        return _read(text)
    parts = context.split(CONTEXT_SEPARATOR)
    lines = [*dict.fromkeys((parts[0], parts[-1])), text]
    return "\n".join(map(_read, lines))


def _read(text: str) -> str:
    bare = text
    for mark in _UNREAD:  # 50 times as fast as str.translate on text that is not all ASCII
        bare = bare.replace(mark, " ")
    return text if bare.isspace() else bare
