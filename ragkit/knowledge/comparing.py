"""One grounded prompt, several chat models: their checked answers with tokens and time."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ragkit.chat.base import ChatModel
from ragkit.chat.loading import load_chat, settings_for
from ragkit.chat.reasoning import without_reasoning
from ragkit.citations.checker import check_answer
from ragkit.errors import RagkitError
from ragkit.knowledge.knowledge_base import KnowledgeBase
from ragkit.prompting.builder import MESSAGE_OVERHEAD, REPLY_OVERHEAD
from ragkit.text.token_counter import encoding_for, load_counter
from ragkit.types.answers import Answer
from ragkit.types.prompts import Prompt


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """What one model did with a prompt. answer: None when it failed, and then error says why.

    tokens: "in" and "out" by the model's own encoding, an estimate where `estimated` is true. seconds: until the whole
    answer was there.
    """

    model: str
    answer: Answer | None
    tokens: dict[str, int]
    estimated: bool
    seconds: float
    error: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON shape of an entry of `ragkit ask --compare --json`."""
        return {
            "model": self.model,
            "answer": self.answer.as_dict() if self.answer else None,
            "tokens": dict(self.tokens),
            "estimated": self.estimated,
            "seconds": round(self.seconds, 6),
            "error": self.error,
        }


def compare_models(kb: KnowledgeBase, models: Sequence[str], *, make_prompt: Callable[[], Prompt]) -> list[ModelAnswer]:
    """Return the answers of some models to one prompt, in their order; they are asked one after another.

    The name that the collection's settings name is its own model. Every model is loaded before the prompt is made and
    the first is asked: raises ConfigError for an unknown one, MissingPackageError, ChatError (no key), and what
    `kb.prompt` raises. A model that fails is an entry.
    """
    set_now = kb.settings.chat
    loaded = [kb.chat if name == set_now.model else load_chat(settings_for(name, set_now)) for name in models]
    prompt = make_prompt()
    return [_asked(kb, prompt, name, model) for name, model in zip(models, loaded, strict=True)]


def _asked(kb: KnowledgeBase, prompt: Prompt, name: str, model: ChatModel) -> ModelAnswer:
    settings = kb.settings
    counter = load_counter(settings.prompt.encoding or encoding_for(name), offline=settings.model.offline)
    sent = REPLY_OVERHEAD + sum(MESSAGE_OVERHEAD + counter.count(message.content) for message in prompt.messages)
    begun = time.perf_counter()
    try:
        raw = "".join(model.stream(prompt))
    except RagkitError as error:
        took = time.perf_counter() - begun
        return ModelAnswer(name, None, {"in": sent, "out": 0}, counter.estimated, took, str(error))
    took = time.perf_counter() - begun
    text = raw if model.name == "extractive" else without_reasoning(raw)
    answer = check_answer(
        prompt,
        text,
        model=model.name,
        counter=counter,
        link_hosts=settings.chat.link_hosts,
        strict=settings.chat.strict,
    )
    return ModelAnswer(name, answer, {"in": sent, "out": counter.count(raw)}, counter.estimated, took)
