"""Sentences with several values: which part of the sentence, or which name before a bracket, each belongs to."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile
from typing import Final

from ragkit.citations.amounts.units import is_period, is_unit
from ragkit.citations.tables.check import Fault
from ragkit.citations.tokens import Claim, Token, as_written, content_terms, tokens

_PARTS: Final = re.compile(r"[,;](?= )|(?<=[.!?]) (?=[A-ZÄÖÜ])|\b(?:and|but|while|und|aber|et|y|e)\b")

_BRACKET: Final = re.compile(r"(?P<name>[^,;:()\n]+?)\s*\((?P<inner>[^()\n]{2,80})\)")
_LABEL_BRACKET: Final = re.compile(r"^([^:()\n]*)\([^()\n]*\)(?=[^:()\n]*:\s)")
_NAME: Final = re.compile(r"(?<=,\s)(?:[A-ZÄÖÜ][\w.'’-]*\s?){1,4}(?=[,.;]|$)")
"""A member of a series of names that has no bracket."""


@dataclass(frozen=True, slots=True)
class _Member:
    """A member of a series: the terms of its name, and of each thing in the bracket behind it."""

    name: frozenset[str]
    things: tuple[frozenset[str], ...]

    @property
    def inner(self) -> frozenset[str]:
        """The terms of the whole bracket."""
        return frozenset[str]().union(*self.things)


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a sentence that has a value. numbers: its numbers. own: its terms after the first value."""

    numbers: frozenset[str]
    own: frozenset[str]


def part_fault(claim: Claim, quote: Sequence[str]) -> Fault | None:
    """Return the fault when a number stands in one part of a sentence, and its subject in another that has a number.

    What stands before the first number of a sentence holds for all its parts: "A hotel may cost up to 140 euros, and up
    to 190 euros in London". A later value needs a word of its own part, unless that has none.
    """
    said = frozenset(token.term for token in claim.tokens if not token.stop and not token.is_number)
    numbers = claim.numbers
    for sentence in quote:
        parts = _valued(sentence, claim.language)
        for at, part in enumerate(parts):
            rivals = [other for other in parts if other is not part]
            held = numbers & part.numbers
            if not held or any(held & rival.numbers for rival in rivals):
                continue
            unsaid = [rival.own - part.own for rival in rivals if not numbers & rival.numbers]
            if ((part.own or not at) and any(said & own for own in unsaid)) or (
                at and part.own and not said & part.own
            ):
                return "contradicted", f"{min(held)} is said of something else"
    return None


def bracket_fault(claim: Claim, quote: Sequence[str]) -> Fault | None:
    """Return the fault when a claim gives one member of a series what stands in the bracket of another.

    In "Oslo (sales), Bergen (stores)" each bracket belongs to the name before it. A claim that names both members, or
    what stands in both brackets, is left to other rules.
    """
    said = frozenset(token.term for token in claim.tokens if not token.stop)
    for sentence in quote:
        members = _members(sentence, claim.language)
        for member in members:
            others = [other for other in members if other is not member]
            things = [thing.difference(*(other.inner | other.name for other in others)) for thing in member.things]
            inner = next((thing for thing in things if len(said & thing) * 2 > len(thing)), None)
            if inner is None or said & member.name:
                continue
            if any(said & other.name and not said & (other.inner - member.inner) for other in others):
                return "contradicted", f"{as_written(min(said & inner), claim.tokens)} is said of something else"
    return None


def said_with(claim: Claim, number: str) -> frozenset[str]:
    """Return the terms that a claim links to a number: those of its part, or of the whole claim where the part has
    few."""
    cuts = [0, *(match.start() for match in _PARTS.finditer(claim.text)), len(claim.text)]
    at = next(token.start for token in claim.tokens if token.term == number)
    start, end = next((a, b) for a, b in pairwise(cuts) if a <= at < b)
    terms = [token for token in claim.tokens if not token.stop and not token.is_number]
    part = frozenset(token.term for token in terms if start <= token.start < end)
    return part if len(part) > 1 else frozenset(token.term for token in terms)


def _members(sentence: str, language: str) -> list[_Member]:
    """Return the names in a sentence that have a bracket: the capitalised words before it, or the last word."""
    found = list[_Member]()
    for match in _BRACKET.finditer(sentence):
        words = match["name"].split()
        run = list(takewhile(lambda word: word[:1].isupper() or word[:1].isdigit(), reversed(words))) or words[-1:]
        things = [frozenset(content_terms(text, language=language)) for text in _PARTS.split(match["inner"])]
        found.append(_Member(frozenset(content_terms(" ".join(run), language=language)), tuple(filter(None, things))))
    bare = _BRACKET.sub("", sentence) if found else ""
    names = [name for name in _NAME.findall(bare) if content_terms(name, language=language)]
    return found + [_Member(frozenset(content_terms(name, language=language)), ()) for name in names]


def _valued(sentence: str, language: str) -> list[_Part]:
    """Return the parts of a sentence that have a number; a part without one goes on with the part before it."""
    runs: list[list[Token]] = []
    for piece in _PARTS.split(_LABEL_BRACKET.sub(r"\1", sentence)):
        read = tokens(piece, language=language)
        if runs and not (any(t.is_number for t in read) and any(t.is_number for t in runs[-1])):
            runs[-1] += read
        else:
            runs.append(list(read))
    lead = set[str]()
    for token in tokens(sentence, language=language):
        if token.is_number:
            break
        lead.add(token.term)
    return [_part(run, lead) for run in runs] if len(runs) > 1 else []


def _part(run: Sequence[Token], lead: set[str]) -> _Part:
    numbers = frozenset(token.term for token in run if token.is_number)
    own = {
        token.term
        for at, token in enumerate(run)
        if not token.stop and not token.is_number and not is_unit(token.word) and not is_period(run, at)
    }
    return _Part(numbers, frozenset(own - lead))
