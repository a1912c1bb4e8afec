"""Loads the judge that a setting names: a cross-encoder for natural-language inference, or the chat model."""

from __future__ import annotations

from collections.abc import Callable

from ragkit.chat.base import ChatModel
from ragkit.chat.judge import ChatJudge
from ragkit.chat.loading import load_chat
from ragkit.citations.judges import CrossEncoderJudge, Judge
from ragkit.errors import ConfigError
from ragkit.settings import ChatSettings, ModelSettings


def load_judge(
    name: str, *, models: ModelSettings | None = None, chat: Callable[[], ChatModel] = load_chat
) -> Judge | None:
    """Return the judge of that name, None for "": "nli:NAME" or "chat".

    NAME: a cross-encoder for natural-language inference, by name or folder. Raises ConfigError for an unknown name and
    for "chat" without a language model, ModelError, MissingPackageError.
    """
    kind, _, folder = name.partition(":")
    if not name:
        return None
    if kind == "nli" and folder:
        return CrossEncoderJudge(folder, models=models or ModelSettings())
    if name != "chat":
        raise ConfigError(
            f"the judge {name!r} is not known", cure="set nli:NAME (a name or a folder), chat, or nothing"
        )
    model = chat()
    if model.name == ChatSettings().model:
        raise ConfigError(
            "the judge 'chat' needs a language model, and the chat model is 'extractive'",
            cure="set RAGKIT_CHAT=openai:NAME or anthropic:NAME, or the judge nli:FOLDER",
        )
    return ChatJudge(model)
