"""Duplicate pieces: equal and nearly equal ones become one that cites every place."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from ragkit.chat.extractive.pieces import Piece
from ragkit.types.hits import Hit

_NEARLY: Final = 0.9  # share of common words from which two pieces say the same
_WORD: Final = re.compile(r"\w+")


def same_words(one: str, other: str) -> float:
    """Return how alike two texts are: the share of their words that both have, 0..1 (Jaccard)."""
    left, right = set(_WORD.findall(one.lower())), set(_WORD.findall(other.lower()))
    return len(left & right) / len(left | right) if left | right else 1.0


def same_numbers(one: str, other: str) -> bool:
    """Return whether two texts have the same numbers."""
    return re.findall(r"\d+", one) == re.findall(r"\d+", other)


def collapsed(pieces: Sequence[Piece], passages: Sequence[Hit]) -> list[Piece]:
    """Return the pieces without those that repeat an earlier one; the earlier one names their passages too."""
    kept: list[Piece] = []
    for piece in pieces:
        twin = next((at for at, other in enumerate(kept) if _repeats(piece, other, passages)), None)
        if twin is None:
            bare = replace(piece, lead=(0, 0)) if any(piece.overlaps(other) for other in kept) else piece
            if not any(bare.overlaps(other) for other in kept):
                kept.append(bare)
        elif piece.number != kept[twin].number and piece.number not in kept[twin].also:
            kept[twin] = replace(kept[twin], also=(*kept[twin].also, piece.number))
    return kept


def also_in(piece: Piece, passages: Sequence[Hit]) -> Piece:
    """Return a piece with the numbers of the other passages that have its text word for word."""
    words = " ".join(piece.text(passages[piece.number - 1]).split())
    others = (n for n, hit in enumerate(passages, 1) if n != piece.number and words in " ".join(hit.text.split()))
    return replace(piece, also=tuple(dict.fromkeys((*piece.also, *others))))


def _repeats(piece: Piece, other: Piece, passages: Sequence[Hit]) -> bool:
    """Return whether a piece adds nothing to another, which has nearly all its words and all its numbers."""
    one = " ".join(piece.text(passages[piece.number - 1]).split())
    two = " ".join(other.text(passages[other.number - 1]).split())
    return one in two or (same_words(one, two) >= _NEARLY and same_numbers(one, two))
