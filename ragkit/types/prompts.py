"""The input of a chat model: messages, few-shot examples, and the prompt with its token counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ragkit.types.hits import Hit


@dataclass(frozen=True, slots=True)
class Message:
    """One chat message."""

    role: Role
    content: str

    def as_dict(self) -> dict[str, str]:
        """Return the JSON shape of chat APIs."""
        return {"role": self.role, "content": self.content}


@dataclass(frozen=True, slots=True)
class Example:
    """A few-shot example: a question and the answer that shows the format wanted.

    context: the text that the answer rests on, "" to leave it out. document: where that is from, for splits; not shown.
    place: the file and line that it was read from, for messages.
    """

    question: str
    answer: str
    context: str = ""
    document: str = ""
    place: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class TemplateId:
    """The template that a prompt was made with. digest: SHA-256 (hex) of its text and of what it extends."""

    name: str
    version: int
    digest: str

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON shape in prompts and answers."""
        return {"name": self.name, "version": self.version, "digest": self.digest}


@dataclass(frozen=True, slots=True)
class Prompt:
    """A grounded prompt for any chat model.

    passages: the numbered sources; passage i is cited as [i + 1].
    tokens: counts by part ("instructions", "examples", "history", "sources", "question", "total"); total <= budget.
    estimated: True when the model's own encoding was not at hand and a packaged one counted instead.
    dropped: how many of the lowest-ranked passages did not fit. nonce: the per-request mark of the fences.
    confidence, warnings: what the search said of the question (see Hits). template: what the words around are from;
    None for a prompt of a task of ragkit's own. shots: how many examples it holds.
    """

    question: str
    messages: tuple[Message, ...]
    passages: tuple[Hit, ...]
    tokens: Mapping[str, int]
    budget: int
    encoding: str
    estimated: bool
    nonce: str
    dropped: int = 0
    confidence: float = 1.0
    warnings: tuple[str, ...] = ()
    template: TemplateId | None = None
    shots: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON shape of `ragkit prompt --json`."""
        return {
            "question": self.question,
            "messages": [message.as_dict() for message in self.messages],
            "passages": [{"number": number, **hit.as_dict()} for number, hit in enumerate(self.passages, 1)],
            "tokens": dict(self.tokens),
            "budget": self.budget,
            "encoding": self.encoding,
            "estimated": self.estimated,
            "dropped": self.dropped,
            "confidence": round(self.confidence, 6),
            "warnings": list(self.warnings),
            "template": self.template.as_dict() if self.template else None,
            "shots": self.shots,
        }


Role = Literal["system", "user", "assistant"]
