"""Let approaches answer the same questions, and grade each answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ragkit.errors import ChatError, StepError
from ragkit.evaluation.answers.approaches import Approach, Attempt
from ragkit.evaluation.answers.judge import Judge
from ragkit.evaluation.answers.measures import grade
from ragkit.evaluation.answers.questions import AnswerQuestion
from ragkit.types.answers import TextCheck


@dataclass(frozen=True, slots=True)
class Graded:
    """One answer with its grades. error: why there is no answer, "" otherwise. cost: in the currency of the prices."""

    approach: str
    question: str
    text: str
    abstained: bool
    grades: dict[str, float]
    tokens_in: int
    tokens_out: int
    seconds: float
    cost: float | None
    error: str = ""
    citations: tuple[dict[str, Any], ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON shape of a line of outputs.jsonl."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__} | {"citations": list(self.citations)}


@dataclass(frozen=True, slots=True)
class Bench:
    """The tools for grading answers. check: compares a text with the documents. price: of (tokens in, tokens out).

    progress: called with the stage, how much is done and how much there is.
    """

    check: Callable[[str], TextCheck] | None = None
    judge: Judge | None = None
    price: Callable[[str, int, int], float] | None = None
    progress: Callable[[str, int, int], None] | None = None


def graded_answers(
    approaches: Sequence[Approach], questions: Sequence[AnswerQuestion], bench: Bench
) -> Iterator[Graded]:
    """Yield a graded answer of each approach to each question, all approaches of a question together.

    A model or a chain that fails on a question is graded as having said nothing; the error is kept.
    """
    total = len(questions) * len(approaches)
    done = 0
    for question in questions:
        for approach in approaches:
            yield _graded(approach, question, bench)
            done += 1
            if bench.progress:
                bench.progress("answering", done, total)


def _graded(approach: Approach, question: AnswerQuestion, bench: Bench) -> Graded:
    started = time.perf_counter()
    error = ""
    try:
        attempt = approach.answer(question.text)
    except (ChatError, StepError) as failure:
        attempt, error = Attempt("", True, 0, 0), failure.message
    seconds = time.perf_counter() - started
    check = bench.check(attempt.text) if bench.check and attempt.text and not attempt.abstained else None
    grades = grade(question, attempt, check)
    if bench.judge is not None and question.answerable:
        score = bench.judge.score(question, "" if attempt.abstained else attempt.text)
        if score is not None:
            grades["judge"] = score
    cost = bench.price(approach.name, attempt.tokens_in, attempt.tokens_out) if bench.price else None
    citations = tuple(item.as_dict() for item in attempt.answer.citations) if attempt.answer else ()
    return Graded(
        approach.name, question.name, attempt.text, attempt.abstained, grades, attempt.tokens_in, attempt.tokens_out,
        seconds, cost, error, citations,
    )  # fmt: skip
