"""The models of a collection: they follow its settings, and a missing chat model never stops a search."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ragkit.chat.followup import standalone
from ragkit.errors import ConfigError, ModelMismatchError
from ragkit.knowledge.models import LoadedModels
from ragkit.settings import ChatSettings, ModelSettings, PromptSettings, Settings
from ragkit.testing import CutChat, FakeChat, HashEmbedder
from ragkit.types.prompts import Message

HISTORY = (Message("user", "How long is the warranty of the meter?"), Message("assistant", "24 months [1]."))


def models(settings: Settings | None = None, chat: object = None) -> LoadedModels:
    return LoadedModels("c", settings or Settings(), embedder=HashEmbedder(), chat=chat)  # type: ignore[arg-type] # a fake


def test_a_follow_up_is_searched_by_the_rule_when_the_chat_model_is_missing_extractive_or_fails() -> None:
    question = "And for probes?"
    expected = standalone(question, HISTORY)
    assert expected != question
    missing = models(Settings(chat=ChatSettings(model="nosuch:model")))
    with pytest.raises(ConfigError):
        missing.chat()
    assert missing.standalone(question, HISTORY) == expected
    for chat in (None, CutChat("How"), FakeChat("Bananas ripen faster beside apples.")):
        assert models(chat=chat).standalone(question, HISTORY) == expected
    rewritten = "How long is the warranty for probes?"
    assert models(chat=FakeChat(rewritten)).standalone(question, HISTORY) == rewritten
    assert models(chat=FakeChat(rewritten)).standalone(question, ()) == question


def test_models_are_made_once_and_by_the_settings_of_the_time() -> None:
    found = models(Settings(prompt=PromptSettings(encoding="")))
    assert found.embedder() is found.embedder()
    assert found.batcher() is found.batcher()
    assert found.batcher().embedder is found.embedder()
    assert found.chat().name == "extractive"
    assert found.counter() is found.counter()
    fresh = models()
    fresh.settings = replace(fresh.settings, chat=ChatSettings(model="nosuch:model"))
    with pytest.raises(ConfigError, match="nosuch"):
        fresh.chat()


def test_an_embedder_of_another_model_is_refused() -> None:
    found = models(Settings(model=ModelSettings(name="hash")))
    own = found.embedder()
    assert found.embedder_for(own.fingerprint) is own
    with pytest.raises(ModelMismatchError, match="ragkit rebuild --collection c"):
        found.embedder_for(HashEmbedder(name="other").fingerprint)
    batcher = found.batcher()
    found.replace_embedder(HashEmbedder(name="other"), owned=True)
    assert found.embedder_for(HashEmbedder(name="other").fingerprint) is found.embedder()
    assert found.batcher() is not batcher
