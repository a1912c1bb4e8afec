"""The model that needs no LLM: the sentences of the sources that answer best, word for word, with citations."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ragkit.abstention import abstention
from ragkit.sentences import is_heading, sentence_spans
from ragkit.types import Hit, Prompt
from ragkit.wording import Wording, guess_language, wording


@dataclass(slots=True)
class _Unit:
    """A sentence or row of a passage, with what it says."""

    text: str
    passage: int
    order: int
    own: Wording
    around: frozenset[str]
    score: float = 0.0


class ExtractiveChat:
    """Quotes one to three sentences of the sources, each with its number; abstains where nothing matches."""

    name = "extractive"

    def __init__(self, *, min_confidence: float = 0.0, min_score: float = 0.3) -> None:
        """min_confidence: of the search (`Prompt.confidence`). min_score: of the best sentence, both 0..1."""
        self._min_confidence = min_confidence
        self._min_score = min_score

    def stream(self, prompt: Prompt) -> Iterator[str]:
        """Yield the answer sentence by sentence. Nothing is random: the same prompt gives the same answer."""
        chosen = self._choose(prompt)
        if not chosen:
            yield abstention(prompt.question)
            return
        for index, unit in enumerate(chosen):
            yield f"{' ' if index else ''}{_quoted(unit.text)} [{unit.passage + 1}]"

    def _choose(self, prompt: Prompt) -> list[_Unit]:
        if not prompt.passages or prompt.confidence < self._min_confidence:
            return []
        language = guess_language(prompt.question)
        asked = wording(prompt.question, language=language)
        units = [unit for number, hit in enumerate(prompt.passages) for unit in _units(number, hit, language)]
        if not units or not asked.terms:
            return []
        _score(units, asked, prompt.passages)
        best = max(units, key=lambda unit: unit.score)
        return [best] if best.score >= self._min_score else []


def _units(number: int, hit: Hit, language: str) -> list[_Unit]:
    around = wording(f"{hit.title} {hit.heading}", language=language).terms
    units: list[_Unit] = []
    for order, (start, end) in enumerate(sentence_spans(hit.text, language=language)):
        text = hit.text[start:end]
        own = wording(text, language=language)
        if not is_heading(text):
            units.append(_Unit(text, number, order, own, around))
        around |= own.terms
    return units


def _score(units: Sequence[_Unit], asked: Wording, passages: Sequence[Hit]) -> None:
    held = Counter(term for unit in units for term in unit.own.terms)
    weight = {term: math.log(1 + len(units) / (0.5 + held[term])) for term in asked.terms}
    total = sum(weight.values())
    for unit in units:
        own = sum(weight[term] for term in asked.terms & unit.own.terms)
        near = sum(weight[term] for term in (asked.terms & unit.around) - unit.own.terms)
        unit.score = (own + 0.3 * near) / total + 0.1 * passages[unit.passage].score


def _quoted(text: str) -> str:
    return re.sub(r"\[(\d{1,3})\]", r"(\1)", " ".join(text.split()))
