"""Rows of tables in plain text: their cells, and the names of their columns."""

from __future__ import annotations

import re
from typing import Final

_CELL = re.compile(r"\s*(?:(?<!\\)\||\t)\s*")  # a bar behind a backslash belongs to the cell
_CONTEXT_PART = re.compile(r" › |: (?=[^|]*\|)")
_VALUE = re.compile(r"\d{2,}|^\d")
_FIGURE = re.compile(r"[$€£¥]?\(?[$€£¥]?[\d.,]*\d[\d.,]*\)?%?\)?|[—–-]|[$€£¥%]")
_ROW_LENGTH: Final = 400


def has_cells(text: str) -> bool:
    """Return whether a line has cells that are split by tabs or bars."""
    return "\t" in text or " | " in text or text.startswith("|")


def is_row(text: str) -> bool:
    """Return whether a line is a table row: it has cells, or words followed by at least two numbers (as in PDF)."""
    return "\n" not in text and (has_cells(text) or _ends_in_figures(text))


def _ends_in_figures(text: str) -> bool:
    words = text[:_ROW_LENGTH].split()
    figures = 0
    while words and _FIGURE.fullmatch(words[-1]):
        figures += any(char.isdigit() for char in words.pop())
    return figures >= 2 and any(word[:1].isalpha() for word in words)


def cells(row: str) -> list[str]:
    """Return the cells of a row."""
    return _CELL.split(row.strip().strip("|").strip())


def column_names(text: str, start: int, context: str) -> list[str]:
    """Return the names of the columns of the row that begins at `start` in a text, [] where they are not known.

    They are the first row of the table above it, or the last part of a chunk's context line.
    """
    end = text.find("\n", start)
    row = cells(text[start : end if end >= 0 else len(text)])
    above = text[:start].split("\n")
    above.pop()
    first = ""
    while above and has_cells(above[-1]):
        first = above.pop()
    for line in (first, _CONTEXT_PART.split(context)[-1]):
        names = cells(line)
        if len(names) == len(row) > 1 and not any(_VALUE.search(name) for name in names):
            return names
    return []
