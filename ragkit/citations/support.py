"""Sentence + source passage -> the words that support it best, and whether they do."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from ragkit.text.content_terms import ContentTerms, guess_language, wording
from ragkit.text.sentences import Span, is_item, sentence_spans
from ragkit.text.tables import is_row

COVERAGE: Final = (0.55, 0.6, 0.65)
"""Share of a sentence's content terms that a quote of one, two or three sentences must hold.

Chosen on statements made of SQuAD's questions and answers, against the right paragraph and the nearest other one
(five articles; balanced accuracy 0.82, and 0.885 on the five that were not looked at)."""

_SENTENCES: Final = 3  # in the longest quote of prose
_ITEMS: Final = 10  # list items or rows that a quote may hold beyond that
_WIDENING: Final = 0.12  # a longer quote must cover this much more per sentence
_PREFIX: Final = 5
_TRIED: Final = 4  # windows that may support; the best of them is told where none does
_NEARLY: Final = 0.1  # how much less than the best of them they may cover
_SCOPE_SHARE: Final = 0.5


@dataclass(frozen=True, slots=True)
class Support:
    """The best quote for a sentence: `[start, end)` within the passage, whether it supports, and why it does not."""

    start: int
    end: int
    supported: bool
    reason: str = ""
    coverage: float = 0.0


@dataclass(frozen=True, slots=True)
class _Window:
    """A run of sentences by index, and the share of the terms that it and what stands above it hold."""

    first: int
    last: int
    covered: float


@dataclass(slots=True)
class Passage:
    """A source that sentences are checked against.

    around: what stands above it (title, headings, column names), for what the text itself only means.
    """

    text: str
    around: str = ""
    language: str = ""
    _spans: list[Span] = field(default_factory=list)
    _said: list[ContentTerms] = field(default_factory=list)
    _above: ContentTerms | None = None

    def support(self, sentence: str) -> Support:
        """Return the best quote of a few sentences, and whether it supports a sentence.

        It does when it holds enough of the sentence's content terms and all its numbers, the passage knows its names,
        and what one of the two denies the other does not state. The method is lexical on purpose: it is fast, the same
        everywhere, and sees a changed number, name or denial; it does not see a wrong answer made of the right words.
        """
        above = self._read()
        said = wording(sentence, language=self.language)
        if not self._spans or not said.terms:
            return Support(0, 0, supported=False, reason="nothing to compare")
        found = self._windows(said, above)
        if self._quotes(sentence):
            return self._told(found[0], "")
        for window in found:
            if not self._fault(said, window, above):
                return self._told(window, "")
        return self._told(found[0], self._fault(said, found[0], above))

    def _quotes(self, sentence: str) -> bool:
        """Return whether a sentence is the passage's own words from the beginning of one of its sentences on."""
        words = _plain(sentence)
        starts = (self.text[start : start + 2 * len(sentence) + 40] for start, _ in self._spans)
        return any(re.match(rf"{re.escape(words)}(?!\w)", _plain(text)) for text in starts)

    def _told(self, window: _Window, reason: str) -> Support:
        start, end = self._spans[window.first][0], self._spans[window.last][1]
        return Support(start, end, supported=not reason, reason=reason, coverage=window.covered)

    def _read(self) -> ContentTerms:
        if self._above is None:
            self.language = self.language or guess_language(self.text)
            self._spans = sentence_spans(self.text, language=self.language)
            self._said = [wording(self.text[start:end], language=self.language) for start, end in self._spans]
            self._above = wording(self.around, language=self.language)
        return self._above

    def _windows(self, said: ContentTerms, above: ContentTerms) -> list[_Window]:
        """Return the short runs of sentences that cover the terms best, the best first."""
        found: list[tuple[float, _Window]] = []
        for first in range(len(self._said)):
            terms: frozenset[str] = frozenset()
            width = 0.0
            best: tuple[float, _Window] | None = None
            for last in range(first, len(self._said)):
                text = self.text[slice(*self._spans[last])]
                width += 1.0 if last == first else 1 / _ITEMS if is_item(text) or is_row(text) else 1.0
                if width > _SENTENCES:
                    break
                terms |= self._said[last].terms
                numbers = _share(said.numbers, terms) if said.numbers else 0.0
                value = _share(said.terms, terms) + 0.5 * numbers - _WIDENING * (width - 1)
                if best is None or value > best[0]:
                    best = value, _Window(first, last, _share(said.terms, terms | above.terms))
            if best is not None:
                found.append(best)
        found.sort(key=lambda item: -item[0])
        return [window for value, window in found[:_TRIED] if value >= found[0][0] - _NEARLY]

    def _fault(self, said: ContentTerms, window: _Window, above: ContentTerms) -> str:
        """Return why a window does not support what is said, "" when it does."""
        told = self._said[window.first : window.last + 1]
        held = frozenset[str]().union(above.terms, *(item.terms for item in told))
        strange = said.numbers - held
        if strange:
            return f"the number {min(strange)} is not there"
        if self.language != "de":  # German writes every noun with a capital
            known = held.union(*(item.terms for item in self._said))
            unknown = {name for name in said.names if _share(frozenset({name}), known) == 0}
            if unknown:
                return f"the name {min(unknown)} is not there"
        if window.covered < COVERAGE[min(len(told), len(COVERAGE)) - 1]:
            return f"only {window.covered:.0%} of its words are there"
        if _contradicts(said, told):
            return "one of the two denies what the other says"
        return ""


def _plain(text: str) -> str:
    return " ".join(text.split()).strip(".…!? ").lower()


def _share(wanted: frozenset[str], held: frozenset[str]) -> float:
    """Return the share of terms that are held; terms of the same first five letters count as the same."""
    missing = wanted - held
    if not missing:
        return 1.0
    starts = {term[:_PREFIX] for term in held if len(term) >= _PREFIX}
    return 1 - sum(term[:_PREFIX] not in starts or term[0].isdigit() for term in missing) / len(wanted)


def _contradicts(said: ContentTerms, window: Iterable[ContentTerms]) -> bool:
    """Return whether one side denies something that the other states without denying it."""
    held = list(window)
    denied = [scope for item in held for scope in item.denied]
    terms = frozenset[str]().union(*(item.terms for item in held))
    return any(
        _meets(scope, terms) and not any(_meets(scope, other) for other in denied) for scope in said.denied
    ) or any(_meets(scope, said.terms) and not any(_meets(scope, other) for other in said.denied) for scope in denied)


def _meets(scope: frozenset[str], terms: frozenset[str]) -> bool:
    return bool(scope) and len(scope & terms) / len(scope) >= _SCOPE_SHARE
