"""The model that needs no LLM: the sentences of the sources that answer best, word for word, with citations."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from typing import Final

from ragkit.chat.extractive.evidence import Candidate, candidates
from ragkit.chat.extractive.intent import Question
from ragkit.chat.extractive.quotes import quoted
from ragkit.chat.followup import standalone
from ragkit.text.abstention import abstention
from ragkit.types.prompts import Prompt

MIN_EVIDENCE: Final = -2.0
"""Below this evidence (log odds that the sources hold the answer at all) the model abstains.

Fitted on SQuAD: the questions of five articles, against the same with their article taken out of the collection. At
-2 it refuses 80 % of the latter and costs 1.5 % of the right answers, on the other five articles too."""

_MARGIN: Final = 1.2
"""A second and third sentence are told when their value is no further than this below the best one's."""

_MOST: Final = 3
_SAME_TOPIC: Final = 0.6  # share of the question that a heading holds, unless the question holds the whole heading
_LEANS_BACK = re.compile(
    r"(?:It|Its|They|Their|These|This|Those|He|She|His|Her|Such|Er|Sie|Es|Diese[rsnm]?|Dies|Sein|Seine|Ihr|Ihre"
    r"|Il|Elle|Ils|Elles|Ce|Cette|Ces)\b(?! is (?:clear|known|possible|said|thought))"
)
_WORD = re.compile(r"\w{3,}")


class ExtractiveChat:
    """Quotes one to three sentences of the sources, each with its number; abstains where nothing matches.

    Nothing is random and nothing is sent anywhere. Sentences are valued by ragkit.chat.extractive.evidence.
    """

    name = "extractive"

    def __init__(self, *, min_confidence: float = 0.0, min_evidence: float = MIN_EVIDENCE) -> None:
        """min_confidence: of the search, 0..1 (`Prompt.confidence`). min_evidence: log odds, see MIN_EVIDENCE."""
        self._min_confidence = min_confidence
        self._min_evidence = min_evidence

    def stream(self, prompt: Prompt) -> Iterator[str]:
        """Yield the answer sentence by sentence."""
        question = Question.of(prompt.question, with_turns=standalone(prompt.question, prompt.messages[:-1]))
        chosen = self._choose(question, prompt)
        if not chosen:
            yield abstention(prompt.question)
            return
        wanted = frozenset(word.lower() for word in _WORD.findall(prompt.question))
        for index, item in enumerate(chosen):
            text = quoted(prompt.passages[item.passage], item.span, wanted=wanted)
            yield f"{' ' if index else ''}{text} [{item.passage + 1}]"

    def _choose(self, question: Question, prompt: Prompt) -> list[Candidate]:
        """Return the sentences to tell, in the order to tell them; none to abstain."""
        if not prompt.passages or prompt.confidence < self._min_confidence or not question.said.terms:
            return []
        found = candidates(question, prompt.passages)
        ranked = sorted(found, key=lambda item: (-item.value, item.passage, item.order))
        if not ranked or _evidence(ranked[0], prompt) < self._min_evidence:
            return []
        best = ranked[0]
        chosen = [best]
        wants_more = bool(question.kinds - {"figure", "money", "date"})
        for item in ranked[1:]:
            if len(chosen) == _MOST or item.value < best.value - _MARGIN:
                break
            if (wants_more or _gives_as_much(item, best)) and not any(_same(item, other) for other in chosen):
                chosen.append(item)
        openings = [item for item in found if any(_opens(item, other) for other in chosen) and item not in chosen]
        chosen = [*chosen[:1], *openings, *chosen[1:]][: max(_MOST, len(chosen))]
        return _in_order(_with_what_they_lean_on(chosen, found), best)


def _gives_as_much(item: Candidate, best: Candidate) -> bool:
    """Return whether a sentence has the amount, figure or date that was asked for, where the best one has it."""
    return all(getattr(item.features, kind) >= getattr(best.features, kind) for kind in ("money", "figure", "date"))


def _evidence(best: Candidate, prompt: Prompt) -> float:
    """Return the log odds that the sources answer, from the best sentence and the confidence of the search."""
    sure = min(max(prompt.confidence, 0.001), 0.999)
    confidence = math.log(sure / (1 - sure))
    if prompt.passages[best.passage].units:
        return 0.5 * confidence + 1.6 * best.coverage + 4.8 * best.features.meaning - 4.6
    return 0.5 * confidence + 8.0 * best.coverage - 5.7


def _opens(item: Candidate, other: Candidate) -> bool:
    """Return whether a sentence is the first below another's heading, where that heading is what was asked about."""
    if item.passage != other.passage or not item.section == other.section != -1 or not item.place == 1 < other.place:
        return False
    told = item.features.money or item.features.figure or item.features.date
    return item.features.lead >= _SAME_TOPIC or bool(item.topic == 1 and told)


def _same(item: Candidate, other: Candidate) -> bool:
    """Return whether two candidates say the same: overlapping spans, or one text within the other."""
    if item.passage == other.passage and item.span[0] < other.span[1] and other.span[0] < item.span[1]:
        return True
    one, two = " ".join(item.text.split()), " ".join(other.text.split())
    return one in two or two in one


def _with_what_they_lean_on(chosen: list[Candidate], found: Sequence[Candidate]) -> list[Candidate]:
    """Add the sentence before one that begins with a pronoun, as long as there is room."""
    before = {(item.passage, item.order): item for item in found}
    out = list(chosen)
    for item in chosen:
        previous = before.get((item.passage, item.order - 1))
        if len(out) < _MOST and previous and _LEANS_BACK.match(item.text) and previous not in out:
            out.append(previous)
    return out


def _in_order(chosen: list[Candidate], best: Candidate) -> list[Candidate]:
    """Return the best one's passage first, each passage in its own order."""
    return sorted(chosen, key=lambda item: (item.passage != best.passage, item.passage, item.order))
