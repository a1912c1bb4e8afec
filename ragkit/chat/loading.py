"""The seam to the model that answers: one small protocol, and the models that come with ragkit."""

from __future__ import annotations

from ragkit.chat.base import ChatModel
from ragkit.errors import ConfigError
from ragkit.settings import ChatSettings


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
