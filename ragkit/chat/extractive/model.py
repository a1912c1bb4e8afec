"""The model that needs no LLM: the pieces of the sources that answer best, word for word, with citations."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from ragkit.chat.extractive.choice import Choice
from ragkit.chat.extractive.duplicates import also_in
from ragkit.chat.extractive.intent import Question
from ragkit.chat.extractive.nearest import abstention_with_nearest
from ragkit.chat.followup import standalone
from ragkit.text.abstention import abstention
from ragkit.types.prompts import Prompt

MIN_EVIDENCE: Final = -2.0
"""Below this evidence (log odds that the sources hold the answer at all) the model abstains.

Fitted on SQuAD: the questions of five articles, against the same with their article taken out of the collection. At
-2 it refuses 80 % of the latter and costs 1.5 % of the right answers, on the other five articles too."""

_WORD = re.compile(r"\w{3,}")


class ExtractiveChat:
    """Quotes the pieces of the sources that answer, each with its number: sentences, lists, rows and blocks of code.

    It abstains where nothing matches or the passages are about something else, and names the nearest ones. Nothing is
    random and nothing is sent anywhere. Pieces are valued by ragkit.chat.extractive.evidence.
    """

    name = "extractive"

    def __init__(self, *, min_confidence: float = 0.0, min_evidence: float = MIN_EVIDENCE) -> None:
        """min_confidence: of the search, 0..1 (`Prompt.confidence`). min_evidence: log odds, see MIN_EVIDENCE."""
        self._min_confidence = min_confidence
        self._min_evidence = min_evidence

    def stream(self, prompt: Prompt) -> Iterator[str]:
        """Yield the answer piece by piece, as Markdown."""
        question = Question.of(prompt.question, with_turns=standalone(prompt.question, prompt.messages[:-1]))
        if not question.said.terms:
            yield abstention(prompt.question)
            return
        question = question.without_joints("\n".join(hit.text for hit in prompt.passages))
        chosen = Choice(question, prompt, self._min_evidence).pieces() if self._may_answer(prompt) else []
        if not chosen:
            yield abstention_with_nearest(prompt.question, prompt.passages)
            return
        wanted = frozenset(word.lower() for word in _WORD.findall(prompt.question))
        previous = ""
        for dated, piece in chosen:
            passage = prompt.passages[piece.number - 1]
            named = also_in(piece, prompt.passages)
            text = named.markdown(passage, wanted=wanted, addresses="link" in question.kinds)
            apart = dated or piece.kind != "sentence" or previous != "sentence"
            blank = "" if not previous else "\n\n" if apart else " "
            yield f"{blank}{dated}{text}"
            previous = piece.kind

    def _may_answer(self, prompt: Prompt) -> bool:
        return bool(prompt.passages) and prompt.confidence >= self._min_confidence
