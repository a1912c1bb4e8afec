"""Settings from environment variables: each is read, and what cannot be read is named."""

from __future__ import annotations

import pytest

from ragkit import ConfigError
from ragkit.environment import ENVIRONMENT_VARIABLES, settings_from_env
from ragkit.settings import Settings


def test_nothing_set_gives_the_defaults() -> None:
    assert settings_from_env({}) == Settings()
    assert settings_from_env(dict.fromkeys(ENVIRONMENT_VARIABLES, "")) == Settings()


def test_each_variable_is_read() -> None:
    settings = settings_from_env(
        {
            "RAGKIT_ADAPTER": "0",
            "RAGKIT_CHAT_MIN_CONFIDENCE": "0.4",
            "RAGKIT_CHAT_LINK_HOSTS": "Docs.Example.com, example.org,",
            "RAGKIT_CHAT_DEADLINE": "5",
            "RAGKIT_PROMPT_BUDGET": "2000",
            "RAGKIT_OFFLINE": "yes",
            "RAGKIT_INDEX": "pgvector",
            "RAGKIT_MILVUS_TOKEN": "root:Milvus",
        }
    )
    assert not settings.retrieval.adapter
    assert settings.index == "pgvector"
    assert settings.milvus_token == "root:Milvus"
    assert settings.chat.min_confidence == 0.4
    assert settings.chat.link_hosts == ("docs.example.com", "example.org")
    assert (settings.chat.deadline, settings.prompt.budget, settings.model.offline) == (5.0, 2_000, True)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RAGKIT_ADAPTER", "perhaps"),
        ("RAGKIT_CHAT_MIN_CONFIDENCE", "high"),
        ("RAGKIT_RUNTIME", "gpu"),
        ("RAGKIT_INDEX", "elastic"),
        ("RAGKIT_PROMPT_BUDGET", "1.5"),
    ],
)
def test_what_cannot_be_read_is_named(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=name):
        settings_from_env({name: value})


def test_a_confidence_is_a_share() -> None:
    with pytest.raises(ConfigError, match=r"chat\.min_confidence is 2\.0"):
        settings_from_env({"RAGKIT_CHAT_MIN_CONFIDENCE": "2"})
