"""A chat model -> a value of a schema: parsed, checked, and requested once more with the fault shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final, Generic, TypeVar

from ragkit.chat.base import ChatModel
from ragkit.chat.reasoning import without_reasoning
from ragkit.definitions.json_schema import Schema
from ragkit.definitions.json_text import json_in
from ragkit.errors import AnswerFormatError
from ragkit.text.cleaning import show
from ragkit.types.prompts import Message, Prompt

T = TypeVar("T")
_SHOWN: Final = 2_000  # characters of a wrong answer that the model is shown


@dataclass(frozen=True, slots=True)
class Reply(Generic[T]):
    """A model's reply as the requested value. attempts: 1, or 2 when the first answer had a fault."""

    value: T
    text: str
    attempts: int


def ask_for(model: ChatModel, prompt: Prompt, read: Callable[[str], T]) -> Reply[T]:
    """Ask a model for a value. read: turns its text (reasoning left out) into the value, ValueError for a fault.

    A fault is shown to the model, which is asked once more. Raises AnswerFormatError when that fails too, ChatError.
    """
    text = without_reasoning("".join(model.stream(prompt)))
    try:
        return Reply(read(text), text, 1)
    except ValueError as error:
        fault = show(str(error), 500)
    again = without_reasoning("".join(model.stream(_corrected(prompt, text, fault))))
    try:
        return Reply(read(again), again, 2)
    except ValueError as error:
        raise AnswerFormatError(
            f"{model.name} gave no JSON of the schema, also when asked again: {show(str(error), 300)}",
            text=again,
            cure="use a stronger model or a simpler schema",
        ) from error


def json_reader(schema: Schema, *, clean: Callable[[Any], Any] | None = None) -> Callable[[str], Any]:
    """Return a function that reads a text as JSON of a schema. clean: changes the value before it is compared with the
    schema."""

    def read(text: str) -> Any:
        value = json_in(text)
        checked = value if clean is None else clean(value)
        problem = schema.problem(checked)
        if problem:
            raise ValueError(problem)
        return value

    return read


def _corrected(prompt: Prompt, text: str, fault: str) -> Prompt:
    """Return the prompt with the wrong answer and its fault after it."""
    asked = (
        f"That answer has a fault: {fault}\n"
        "Answer again with one JSON value that matches the schema, and nothing before or after it."
    )
    said = Message("assistant", text.strip()[:_SHOWN] or "(nothing)")
    return replace(prompt, messages=(*prompt.messages, said, Message("user", asked)))
