"""Loads the chat model that a setting names: one of ragkit's own, or one of an installed package."""

from __future__ import annotations

from typing import Final

from ragkit.chat.base import ChatModel
from ragkit.errors import ConfigError
from ragkit.extensions import CHAT_MODELS, extension_names, make_extension
from ragkit.settings import ChatSettings

_OWN: Final = frozenset(("extractive", "openai", "anthropic"))


def load_chat(settings: ChatSettings | None = None) -> ChatModel:
    """Return the model that the settings name: "extractive", "openai:NAME", "anthropic:NAME", or "PREFIX:NAME".

    PREFIX is an entry point of the group `ragkit.chat_models`. Nothing is sent before the first `stream`. Raises
    ConfigError for an unknown name or a broken entry point, MissingPackageError when an SDK is not installed.
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
    made: ChatModel | None = None
    if kind not in _OWN:
        made = make_extension(CHAT_MODELS, kind, name, settings, needs=("name", "stream"))
    if made is None:
        more = [f"{prefix}:NAME" for prefix in extension_names(CHAT_MODELS) if prefix not in _OWN]
        raise ConfigError(
            f"the chat model {settings.model!r} is not known",
            cure=f"set {', '.join(['extractive', 'openai:NAME', *more])} or anthropic:NAME",
        )
    return made
