"""A statement, read once for all the sentences that it is compared with."""

from __future__ import annotations

from dataclasses import dataclass

from ragkit.citations.quantities import Comparison, comparisons
from ragkit.citations.tokens import Token, tokens


@dataclass(frozen=True, slots=True)
class Claim:
    """A statement as prose is compared with it: its tokens, its numbers with their units, its bounds."""

    text: str
    tokens: tuple[Token, ...]
    bounds: tuple[Comparison, ...]
    language: str


def read_claim(text: str, language: str) -> Claim:
    """Return a statement, read once for all the sentences that it is compared with."""
    return Claim(text, tuple(tokens(text, language=language)), tuple(comparisons(text)), language)
