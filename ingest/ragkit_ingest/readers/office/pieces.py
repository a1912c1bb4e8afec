"""Pieces of a paragraph of an Office file, put together: raised and lowered letters, equations between words."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Final, Literal

from ragkit_ingest.readers.raised import subscript, superscript
from ragkit_ingest.readers.titles import squeeze

Raised = Literal["", "superscript", "subscript", "equation", "note"]
"""Vertical position of letters; "note" is the number of a footnote, which is separated from other numbers."""
_LONGEST_RAISED: Final = 60  # a longer superscript is a sentence in small letters


def joined(pieces: Sequence[tuple[str, Raised]]) -> str:
    """Return pieces as one text: raised and lowered letters marked, equations apart from the words around them."""
    parts: list[str] = []
    before: Raised = ""
    for raised, group in groupby(pieces, key=lambda piece: piece[1]):
        words = [piece[0] for piece in group]
        text = "".join(words)
        if raised == "note":
            text = " " * (before == "superscript") + ",".join(map(superscript, words))
        elif raised in ("superscript", "subscript"):
            text = _raised(text, raised)
        after_word = bool(parts) and parts[-1][-1:].isalnum()
        if (raised == "equation" and after_word) or (before == "equation" and text[:1].isalnum()):
            text = f" {text}"
        parts.append(text)
        before = raised
    return "".join(parts)


def _raised(text: str, raised: Raised) -> str:
    words = squeeze(text)
    if not words:
        return text
    if len(words) > _LONGEST_RAISED:
        return f" {words} "
    marked = superscript(words) if raised == "superscript" else subscript(words)
    return f"{' ' if text[0].isspace() else ''}{marked}{' ' if text[-1].isspace() else ''}"
