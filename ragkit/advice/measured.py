"""Tokens per question, measured on the prompts of a collection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from ragkit.chat.base import ChatModel
from ragkit.errors import InputError
from ragkit.evaluation.generation.question_sets import MakeOptions, make_set
from ragkit.knowledge.knowledge_base import KnowledgeBase
from ragkit.text.token_counter import Counter, encoding_for, load_counter


@dataclass(frozen=True, slots=True)
class MeasuredTokens:
    """Mean tokens of a collection's prompts. tokens_in: instructions and question; passages: what the sources add.

    tokens_out: of the answers of `answers`, the model that was asked, None where none was. estimated: counted with
    another encoding than the model's.
    """

    questions: int
    tokens_in: float
    passages: float
    tokens_out: float | None
    answers: str
    encoding: str
    estimated: bool

    def as_dict(self) -> dict[str, Any]:
        """Return the measurement as JSON."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def questions_of(kb: KnowledgeBase, *, count: int = 40, seed: int = 0) -> list[str]:
    """Return questions generated from a collection's documents, for collections without users' questions."""
    made = make_set(kb, options=MakeOptions(questions=count, seed=seed))
    return [item.candidate.text for item in made.questions]


def measure_tokens(kb: KnowledgeBase, questions: Sequence[str], *, chat: ChatModel | None = None) -> MeasuredTokens:
    """Build and count the prompt of each question; if `chat` is given, let it answer, and count the answers.

    Raises InputError without a question, and what `kb.prompt` and the chat model raise.
    """
    if not questions:
        raise InputError("no question to measure tokens with", cure="give a question file")
    prompts = [kb.prompt(question) for question in questions]
    sources = [prompt.tokens["sources"] for prompt in prompts]
    answers = None
    if chat is not None:
        counter = counter_of(kb)
        answers = fmean(counter.count("".join(chat.stream(prompt))) for prompt in prompts)
    return MeasuredTokens(
        questions=len(prompts),
        tokens_in=fmean(prompt.tokens["total"] - size for prompt, size in zip(prompts, sources, strict=True)),
        passages=fmean(sources),
        tokens_out=answers,
        answers=chat.name if chat is not None else "",
        encoding=prompts[0].encoding,
        estimated=prompts[0].estimated,
    )


def counter_of(kb: KnowledgeBase) -> Counter:
    """Return a counter in the encoding that a collection's prompts are counted with."""
    settings = kb.settings
    encoding = settings.prompt.encoding or encoding_for(settings.chat.model)
    return load_counter(encoding, offline=settings.model.offline)
