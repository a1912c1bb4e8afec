"""Statements that put another thing behind the same word ("in chemistry" for "in law")."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from ragkit.citations.clauses.function_words import DETERMINERS, PREPOSITIONS
from ragkit.citations.meaning.synonyms import are_synonyms
from ragkit.citations.tables.check import Fault
from ragkit.citations.tokens import Claim, Token, tokens

_PREFIX: Final = 5


def complement_fault(claim: Claim, text: str) -> Fault | None:
    """Return the fault when the same word and preposition lead to different things, neither of which both have.

    "credits in chemistry" for "credits in mathematics or physics". Words of one stem or meaning are the same.
    """
    held = tokens(text, language=claim.language)
    there = list(_complements(held))
    for head, preposition, said in _complements(claim.tokens):
        if said.term in claim.implied or any(alike(said, token) for token in held):
            continue
        same = [other for its, word, other in there if word == preposition and its.term == head.term]
        if same and not any(alike(other, token) for other in same for token in claim.tokens):
            return "unclear", f"it says {preposition} {same[0].word}, not {preposition} {said.word}"
    return None


def _complements(read: Sequence[Token]) -> Iterator[tuple[Token, str, Token]]:
    """Yield each content word with the preposition behind it and the next content word behind that."""
    for at in range(len(read) - 2):
        if read[at].stop or read[at + 1].word not in PREPOSITIONS:
            continue
        after = at + 2
        while after < len(read) and read[after].word in DETERMINERS:
            after += 1
        if after < len(read) and not (read[after].stop or read[after].term[:1].isdigit()):
            yield read[at], read[at + 1].word, read[after]


def alike(one: Token, other: Token) -> bool:
    """Return whether two words are the same, of one stem, or synonyms."""
    long = min(len(one.term), len(other.term)) >= _PREFIX
    return (
        one.term == other.term
        or (long and one.term[:_PREFIX] == other.term[:_PREFIX])
        or are_synonyms(one.word, other.word)
    )
