"""Statements and cells as sequences of comparable tokens: stems, normalised numbers, runs of figures."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from ragkit.citations.quantities import Comparison, comparisons
from ragkit.text.analyzer import analyse
from ragkit.text.content_terms import NUMBER_WORDS, is_stop_word, normal_number

_TOKEN: Final = re.compile(r"\d+(?:[.,'’]\d+)*|[^\W\d_]+")
_CODE_BEFORE: Final = re.compile(r"[^\W\d_][-_/]?$")
_RUN: Final = re.compile(r"(?<![\w.,])\d+(?:[.,]\d+)*(?:\s*[-–—:/]\s*\d+(?:[.,]\d+)*)+(?![\w])")
_CLOCK_RANGE: Final = re.compile(r"(?<![\w.,:])(\d{1,2}[:.]\d{2})\s*[-–—]\s*(?=\d{1,2}[:.]\d{2}(?![\w:]))")
_RUN_MARK: Final = re.compile(r"\s*[-–—:/]\s*")


@dataclass(frozen=True, slots=True)
class Token:
    """A word or number of a text. word: as it stands, in lower case. term: its stem, or its number in one form.

    stop: a stop word, which says nothing on its own. start: its offset in the text. in_code: whether it is the figures
    of a code: the 201 of HP-201, the 2 of W2.
    """

    word: str
    term: str
    stop: bool
    start: int
    in_code: bool = False

    @property
    def is_number(self) -> bool:
        """Whether the term is a number, and not a part of a code."""
        return self.term[:1].isdigit() and not self.in_code


def tokens(text: str, *, language: str = "en") -> list[Token]:
    """Return the tokens of a text in order; a word of a script without blanks gives one token for each of its terms."""
    found: list[Token] = []
    for match in _TOKEN.finditer(text):
        word = match.group().lower()
        stop, terms = _read(word, language)
        stop = stop or match.group() == "may"  # the verb; the month has a capital
        in_code = word[0].isdigit() and bool(_CODE_BEFORE.search(text, max(0, match.start() - 2), match.start()))
        found.extend(Token(word, term, stop, match.start(), in_code) for term in terms)
    return found


def content_terms(text: str, *, language: str = "en") -> set[str]:
    """Return the content terms of a text: numbers and all terms that are not stop words."""
    return {token.term for token in tokens(text, language=language) if not token.stop}


def as_written(term: str, said: Iterable[Token]) -> str:
    """Return the word that a term stands for in a text, for people to read; the term itself when it is not there."""
    return next((token.word for token in said if token.term == term), term)


def runs(text: str) -> list[str]:
    """Return the runs of figures that belong together ("4 - 2", "1:55.5", "2026-03-05"), in one form ("4-2").

    The two ends of a range of times ("8:00-11:30") are two of them.
    """
    apart = _CLOCK_RANGE.sub(r"\1 , ", text)
    return [_RUN_MARK.sub("-", match.group()) for match in _RUN.finditer(apart)]


@lru_cache(maxsize=50_000)
def _read(word: str, language: str) -> tuple[bool, tuple[str, ...]]:
    if word[0].isdigit():
        return False, (normal_number(word),)
    if word in NUMBER_WORDS:
        return False, (NUMBER_WORDS[word],)
    if is_stop_word(word, language) or is_stop_word(word, "en") or (len(word) == 1 and word.isascii()):
        return True, (word,)
    return False, tuple(analyse(word, language=language)) or (word,)


@dataclass(frozen=True, slots=True)
class Claim:
    """A statement as prose is compared with it: its tokens, its numbers with their units, its bounds.

    uncounted: its numbers that count nothing: those of names that the source has ("version 8"), and the pronoun "one".
    implied: its terms that stand in a range of the quote ("Tuesday" in "weekdays").
    """

    text: str
    tokens: tuple[Token, ...]
    bounds: tuple[Comparison, ...]
    language: str
    uncounted: frozenset[str] = frozenset()
    implied: frozenset[str] = frozenset()

    @property
    def numbers(self) -> frozenset[str]:
        """The numbers that count something and must stand in the quote, in one form."""
        return frozenset(token.term for token in self.tokens if token.is_number) - self.uncounted - self.implied


def read_claim(text: str, language: str) -> Claim:
    """Return a statement, read once for all the sentences that it is compared with."""
    return Claim(text, tuple(tokens(text, language=language)), tuple(comparisons(text)), language)
