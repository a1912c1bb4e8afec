"""Models by one string: where each is asked, under which name, and that keys go to their own server only."""

from __future__ import annotations

import pytest

from ragkit.chat.loading import is_known, load_chat, settings_for
from ragkit.chat.structured import ask_for, json_reader
from ragkit.definitions.json_schema import make_schema
from ragkit.errors import AnswerFormatError
from ragkit.settings import ChatSettings
from ragkit.testing import FakeChat
from ragkit.text.token_counter import encoding_for, load_counter
from tests.support.chat_servers import OPENAI_END, openai_chunk, serving
from tests.support.prompt_fakes import POLICY, make_prompt

PROMPT = make_prompt("How long?", POLICY)
KEY = "sk-canary-5f1e88ab"
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:openai|anthropic")


@pytest.mark.parametrize("prefix", ["ollama", "vllm", "llamacpp", "openai"])
def test_a_server_can_be_named_with_the_model(prefix: str) -> None:
    events = [openai_chunk("Thirty days [1]."), openai_chunk(finish="stop"), OPENAI_END]
    with serving(lambda _: (200, events)) as server:
        settings = ChatSettings(
            model=f"{prefix}:org/small:3b@{server.url}/v1", api_key=KEY, base_url="http://other:1/v1"
        )
        chat = load_chat(settings)
        assert "".join(chat.stream(PROMPT)) == "Thirty days [1]."
    path, headers, body = server.requests[0]
    assert (path, body["model"], chat.name) == ("/v1/chat/completions", "org/small:3b", f"{prefix}:org/small:3b")
    assert KEY not in str(headers), "the key belongs to the server that is set"


def test_the_key_goes_to_the_server_that_is_set() -> None:
    events = [openai_chunk("Yes."), openai_chunk(finish="stop"), OPENAI_END]
    with serving(lambda _: (200, events)) as server:
        address = f"{server.url}/v1"
        load = [
            ChatSettings(model="ollama:m", api_key=KEY, base_url=address),
            ChatSettings(model=f"vllm:m@{address}", api_key=KEY, base_url=address),
        ]
        for settings in load:
            assert "".join(load_chat(settings).stream(PROMPT)) == "Yes."
    assert all(KEY in headers["authorization"] for _, headers, _ in server.requests)


def test_a_second_model_gets_no_key_and_address_of_the_first() -> None:
    first = ChatSettings(model="openai:a", api_key=KEY, base_url="http://127.0.0.1:9/v1")
    other = settings_for("anthropic:b", first)
    assert (other.model, other.api_key, other.base_url) == ("anthropic:b", "", "")
    assert settings_for("openai:b", first).api_key == KEY
    assert settings_for("openai:b@http://127.0.0.1:8/v1", first).api_key == ""
    unset = ChatSettings(api_key=KEY, base_url="http://127.0.0.1:9/v1")
    assert settings_for("openai:b", unset).base_url == unset.base_url


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("extractive", True),
        ("extractive:x", False),
        ("openai:gpt-4o", True),
        ("openai", False),
        ("openai:", False),
        ("ollama:llama3.1", True),
        ("vllm:m@http://h/v1", True),
        ("gpt-4o", False),
        ("lama:x", False),
        ("", False),
    ],
)
def test_names_are_known_without_loading(name: str, known: bool) -> None:
    assert is_known(name) is known


def test_a_model_behind_an_address_is_counted_by_its_name() -> None:
    assert encoding_for("openai:gpt-4o@http://127.0.0.1:8/v1") == "gpt-4o"
    assert load_counter(encoding_for("ollama:llama3.1:8b"), offline=True).estimated


def test_reasoning_and_fences_around_the_json_are_read_over() -> None:
    reader = json_reader(make_schema({"type": "object", "required": ["days"]}))
    reply = ask_for(FakeChat('<think>{"days": 1}</think>\n```json\n{"days": 30}\n```'), PROMPT, reader)
    assert (reply.value, reply.attempts) == ({"days": 30}, 1)


def test_the_second_fault_names_the_model() -> None:
    chat = FakeChat("thirty", name="fake:words")
    with pytest.raises(AnswerFormatError, match="fake:words gave no JSON of the schema"):
        ask_for(chat, PROMPT, json_reader(make_schema({"type": "object"})))
    assert len(chat.prompts) == 2
    assert "it is no JSON" in chat.prompts[1].messages[-1].content
