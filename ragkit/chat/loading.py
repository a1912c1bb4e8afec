"""The seam to the model that answers: one small protocol, and the models that come with ragkit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from ragkit.errors import ConfigError
from ragkit.settings import ChatSettings
from ragkit.types.documents import Message, Prompt


class ChatModel(Protocol):
    """Anything that writes an answer to a prompt.

    `name` goes into the Answer. `stream` yields the text in pieces and ends normally only when the whole answer is
    there; else it raises ChatError (ChatTimeoutError past its deadline, ChatInterruptedError for a cut stream).
    It may be called from several threads at once. What it yields is not trusted: see ragkit.citations.checker.
    """

    @property
    def name(self) -> str: ...

    def stream(self, prompt: Prompt) -> Iterator[str]: ...


def load_chat(settings: ChatSettings | None = None) -> ChatModel:
    """Return the model that the settings name: "extractive", "openai:NAME" or "anthropic:NAME".

    Nothing is sent before the first `stream`. Raises ConfigError for another name, MissingPackageError when the SDK of
    an endpoint is not installed.
    """
    settings = settings or ChatSettings()
    kind, _, name = settings.model.partition(":")
    if kind == "extractive" and not name:
        from ragkit.chat.extractive.model import ExtractiveChat

        return ExtractiveChat(min_confidence=settings.min_confidence)
    if kind == "openai" and name:
        from ragkit.chat.openai import OpenAIChat

        return OpenAIChat(name, settings)
    if kind == "anthropic" and name:
        from ragkit.chat.anthropic import AnthropicChat

        return AnthropicChat(name, settings)
    raise ConfigError(
        f"the chat model {settings.model!r} is not known", cure="set extractive, openai:NAME or anthropic:NAME"
    )


def instruction_prompt(rules: str, asked: str, *, question: str, nonce: str) -> Prompt:
    """Return a prompt without passages, for a task of ragkit's own: rules as the system message, then what is asked.

    nonce: what marks the data within `asked`. Its tokens are not counted.
    """
    return Prompt(
        question=question,
        messages=(Message("system", rules), Message("user", asked)),
        passages=(),
        tokens={"total": 0},
        budget=0,
        encoding="",
        estimated=True,
        nonce=nonce,
    )
