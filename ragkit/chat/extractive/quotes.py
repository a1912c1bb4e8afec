"""A sentence or row of a passage -> the words that an answer shows of it: readable, and the source's own."""

from __future__ import annotations

import re
from typing import Final

from ragkit.text.tables import cells, column_names, has_cells
from ragkit.types.hits import Hit

_LENGTH: Final = 420
"""Longest quote in code points; a longer sentence is shown around the words that matter."""

_BULLET = re.compile(r"^\s*(?:[-*+•●▪◦‣–]|\(?\d{1,3}[.)]|\(?[a-z][.)]|>+|#{1,6})\s+")
_MARKER = re.compile(r"\[(\d{1,3})\]")
_END = re.compile(r"[.!?。！？…][\"'”’»)\]]*$")
_WORD = re.compile(r"\w+")


def quoted(hit: Hit, span: tuple[int, int], *, wanted: frozenset[str]) -> str:
    """Return what an answer shows of a span of a passage, ending in a sentence mark.

    Blanks are single, list marks go, numbers in square brackets (footnotes) get round ones, a table row is told cell by
    cell with the names of its columns. wanted: words in lower case that a cut keeps in view.
    """
    text = hit.text[span[0] : span[1]]
    if has_cells(text):
        text = _row(hit, span[0], text)
    elif "\n" in text and text.split("\n", 1)[0].rstrip().endswith(":"):
        lead, *items = text.split("\n")
        text = f"{lead} " + "; ".join(_BULLET.sub("", item).strip(" ;,.") for item in items if item.strip())
    text = _MARKER.sub(r"(\1)", " ".join(_BULLET.sub("", text).split()))
    text = _around(text, wanted) if len(text) > _LENGTH else text
    return text if _END.search(text) else text.rstrip(":;, ") + "."


def _row(hit: Hit, start: int, text: str) -> str:
    """Tell a row as "column: cell, .." where the names of its columns are known."""
    told = cells(text)
    names = column_names(hit.text, start, hit.context)
    if not names or names == told:
        return ", ".join(cell for cell in told if cell)
    return ", ".join(f"{name}: {cell}" if name else cell for name, cell in zip(names, told, strict=True) if cell)


def _around(text: str, wanted: frozenset[str]) -> str:
    """Return the part of a long text that holds most of the wanted words, with marks where it was cut."""
    words = list(_WORD.finditer(text))
    hits = [word.start() for word in words if word.group().lower() in wanted]
    best, most = 0, -1
    for start in [0, *(max(0, at - _LENGTH // 4) for at in hits)]:
        held = sum(start <= at < start + _LENGTH for at in hits)
        if held > most:
            best, most = start, held
    begin = next((word.start() for word in words if word.start() >= best), 0) if best else 0
    end = max((word.end() for word in words if word.end() <= begin + _LENGTH), default=begin + _LENGTH)
    return ("… " if begin else "") + text[begin:end] + (" …" if end < len(text) - 1 else text[end:])
