"""Sentence + source passage -> the words that support it best, and whether they do."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from ragkit.sentences import Span, sentence_spans
from ragkit.wording import Wording, guess_language, wording

COVERAGE: Final = 0.6
"""Share of a sentence's content terms that its quote must hold."""

_WINDOW: Final = 3  # sentences in the longest quote
_CLAUSE = re.compile(
    r"[,;:()–—]|\b(?:but|while|whereas|although|unless|except|aber|sondern|mais|pero)\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Support:
    """The best quote for a sentence: `[start, end)` within the passage, whether it supports, and why it does not."""

    start: int
    end: int
    supported: bool
    reason: str = ""
    coverage: float = 0.0


@dataclass(slots=True)
class Passage:
    """A source that sentences are checked against. around: what stands above it (title, headings), which names things
    that the text itself only means."""

    text: str
    around: str = ""
    language: str = ""
    _spans: list[Span] = field(default_factory=list)
    _wordings: list[Wording] = field(default_factory=list)
    _around: Wording | None = None

    def _read(self) -> tuple[list[Span], list[Wording], Wording]:
        if self._around is None:
            self.language = self.language or guess_language(self.text)
            self._spans = sentence_spans(self.text, language=self.language)
            self._wordings = [wording(self.text[a:b], language=self.language) for a, b in self._spans]
            self._around = wording(self.around, language=self.language)
        return self._spans, self._wordings, self._around

    def support(self, sentence: str) -> Support:
        """Return the best quote of at most three sentences, and whether it supports a sentence.

        It does when it holds enough of the sentence's content terms, all of its numbers, and denies what the sentence
        denies. The method is lexical on purpose: it is fast, the same everywhere, and errs on the side of "no".
        """
        spans, wordings, around = self._read()
        said = wording(sentence, language=self.language)
        if not spans or not said.terms:
            return Support(0, 0, supported=False, reason="nothing to compare")
        first, last, coverage = _best_window(said, wordings, around)
        start, end = spans[first][0], spans[last][1]
        reason = self._fault(said, wordings[first : last + 1], coverage)
        return Support(start, end, supported=not reason, reason=reason, coverage=coverage)

    def _fault(self, said: Wording, window: Sequence[Wording], coverage: float) -> str:
        _, wordings, around = self._read()
        known = frozenset().union(around.numbers, *(item.numbers for item in wordings))
        strange = said.numbers - known
        if strange:
            return f"number {min(strange)} is not in the source"
        if coverage < COVERAGE:
            return f"only {coverage:.0%} of its words are in the source"
        if _denies(said) != any(_denies(item) for item in window):
            return "one of the two denies what the other says"
        return ""


def _denies(item: Wording) -> bool:
    return item.negated % 2 == 1


def _best_window(said: Wording, wordings: Sequence[Wording], around: Wording) -> tuple[int, int, float]:
    """Return (first, last, coverage) of the shortest run of sentences that covers the terms best."""
    best = (0, 0, 0.0)
    best_key = (-1.0, 0.0)
    for first in range(len(wordings)):
        terms: frozenset[str] = frozenset()
        for last in range(first, min(first + _WINDOW, len(wordings))):
            terms |= wordings[last].terms
            own = len(said.terms & terms) / len(said.terms)
            numbers = len(said.numbers & terms) / len(said.numbers) if said.numbers else 0.0
            key = (own + 0.5 * numbers - 0.12 * (last - first), -float(first))
            if key > best_key:
                best_key = key
                best = (first, last, len(said.terms & (terms | around.terms)) / len(said.terms))
    return best
