"""Loads the chat model that a setting names: one of ragkit's own, or one of an installed package."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from ragkit.chat.base import ChatModel
from ragkit.errors import ConfigError
from ragkit.extensions import CHAT_MODELS, extension_names, make_extension
from ragkit.settings import ChatSettings

LOCAL_SERVERS: Final[Mapping[str, str]] = {
    "ollama": "http://127.0.0.1:11434/v1",
    "vllm": "http://127.0.0.1:8000/v1",
    "llamacpp": "http://127.0.0.1:8080/v1",
}
"""Prefix -> where a server of that kind listens by default; each speaks OpenAI's chat API."""
_OWN: Final = frozenset(("extractive", "openai", "anthropic", *LOCAL_SERVERS))
_SERVED: Final = re.compile(r"(.+)@(https?://\S+)")


def is_known(model: str) -> bool:
    """Return whether a model's name has a form that `load_chat` takes; nothing is loaded."""
    kind, _, name = model.partition(":")
    if kind == "extractive":
        return not name
    return bool(name) and (kind in _OWN or kind in extension_names(CHAT_MODELS))


def settings_for(model: str, settings: ChatSettings) -> ChatSettings:
    """Return settings for a model in addition to the configured one.

    The base URL and the key belong to the model that is set: a model of another prefix, or with an address of its own,
    gets neither, and its SDK takes the key from its own environment variable. With no model set they are for this one.
    """
    if settings.model == "extractive":
        return replace(settings, model=model)
    same = model.partition(":")[0] == settings.model.partition(":")[0] and not _SERVED.fullmatch(model)
    return replace(settings, model=model) if same else replace(settings, model=model, base_url="", api_key="")


def known_models() -> list[str]:
    """Return the forms of models' names, for messages."""
    more = [prefix for prefix in extension_names(CHAT_MODELS) if prefix not in _OWN]
    return ["extractive", *(f"{prefix}:NAME" for prefix in ("openai", "anthropic", *LOCAL_SERVERS, *more))]


def load_chat(settings: ChatSettings | None = None) -> ChatModel:
    """Return the model that the settings name: "extractive", "openai:NAME", "anthropic:NAME", or "PREFIX:NAME".

    "ollama:NAME", "vllm:NAME" and "llamacpp:NAME" are servers that speak OpenAI's chat API: at the base URL of the
    settings, else where such a server listens by default. NAME@URL names another address. Any other PREFIX
    is an entry point of the group `ragkit.chat_models`. Nothing is sent before the first `stream`. Raises
    ConfigError for an unknown name or a broken entry point, MissingPackageError when an SDK is not installed.
    """
    settings = settings or ChatSettings()
    kind, _, name = settings.model.partition(":")
    if kind == "extractive" and not name:
        from ragkit.chat.extractive.model import ExtractiveChat

        return ExtractiveChat(min_confidence=settings.min_confidence)
    if name and (kind == "openai" or kind in LOCAL_SERVERS):
        return _openai_compatible(kind, name, settings)
    if kind == "anthropic" and name:
        from ragkit.chat.anthropic import AnthropicChat

        return AnthropicChat(name, settings)
    made: ChatModel | None = None
    if kind not in _OWN:
        made = make_extension(CHAT_MODELS, kind, name, settings, needs=("name", "stream"))
    if made is None:
        known = known_models()
        raise ConfigError(
            f"the chat model {settings.model!r} is not known", cure=f"set {', '.join(known[:-1])} or {known[-1]}"
        )
    return made


def _openai_compatible(kind: str, name: str, settings: ChatSettings) -> ChatModel:
    """Return the model NAME or NAME@URL of OpenAI or of a server that speaks its API."""
    from ragkit.chat.openai import OpenAIChat

    served = _SERVED.fullmatch(name)
    if served:
        name, address = served[1], served[2]
        # a key that is set belongs to the base URL that is set
        settings = replace(settings, base_url=address, api_key=settings.api_key if address == settings.base_url else "")
    elif kind in LOCAL_SERVERS and not settings.base_url:
        settings = replace(settings, base_url=LOCAL_SERVERS[kind])
    return OpenAIChat(name, settings, label=f"{kind}:{name}")
