"""What every chat model promises (ragkit/chat/base.py), asked of each: another client is one more entry of MODELS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from ragkit.chat.base import ChatModel
from ragkit.chat.loading import load_chat
from ragkit.errors import ChatError, ConfigError
from ragkit.extensions import CHAT_MODELS
from ragkit.settings import ChatSettings
from ragkit.testing import CutChat, EchoChat, FakeChat, ObedientChat, SlowChat
from ragkit.types.prompts import Prompt
from tests.support.chat_servers import OPENAI_END, Events, anthropic_message, openai_chunk, serving
from tests.support.installed import install
from tests.support.prompt_fakes import POLICY, make_prompt

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:openai|anthropic")

Opened = Callable[[], AbstractContextManager[ChatModel]]
WORDS = ("Items may be ", "returned within 30 days [1].")


def at_hand(make: Callable[[], ChatModel]) -> Opened:
    @contextmanager
    def opened() -> Iterator[ChatModel]:
        yield make()

    return opened


def served(kind: str, events: Events) -> Opened:
    @contextmanager
    def opened() -> Iterator[ChatModel]:
        with serving(lambda _: (200, events)) as server:
            base = f"{server.url}/v1" if kind == "openai" else server.url
            yield load_chat(ChatSettings(model=f"{kind}:m", base_url=base, api_key="k", deadline=60.0))

    return opened


OPENAI: Events = [*(openai_chunk(word) for word in WORDS), openai_chunk(finish="stop"), OPENAI_END]
MODELS: dict[str, Opened] = {
    "fake": at_hand(lambda: FakeChat("".join(WORDS))),
    "echo": at_hand(EchoChat),
    "obedient": at_hand(ObedientChat),
    "extractive": at_hand(lambda: load_chat(ChatSettings())),
    "openai": served("openai", OPENAI),
    "anthropic": served("anthropic", anthropic_message(*WORDS)),
}
BROKEN: dict[str, Opened] = {
    "cut": at_hand(CutChat),
    "slow": at_hand(SlowChat),
    "openai": served("openai", [openai_chunk(WORDS[0])]),
    "anthropic": served("anthropic", anthropic_message(WORDS[0], stop=None, end=False)),
}


def asked(number: int = 0) -> Prompt:
    return make_prompt(f"Within how many days may customers return items? ({number})", POLICY)


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> Iterator[ChatModel]:
    with MODELS[request.param]() as opened:
        yield opened


@pytest.fixture(params=BROKEN)
def broken(request: pytest.FixtureRequest) -> Iterator[ChatModel]:
    with BROKEN[request.param]() as opened:
        yield opened


def test_it_has_a_name_of_one_line(model: ChatModel) -> None:
    assert model.name
    assert model.name == model.name.strip()
    assert len(model.name.splitlines()) == 1


def test_it_streams_text_and_ends(model: ChatModel) -> None:
    pieces = list(model.stream(asked()))
    assert pieces
    assert all(isinstance(piece, str) for piece in pieces)
    assert "days" in "".join(pieces)


def test_the_same_question_is_answered_again(model: ChatModel) -> None:
    assert "".join(model.stream(asked())) == "".join(model.stream(asked()))


def test_several_threads_ask_at_once(model: ChatModel) -> None:
    expected = ["".join(model.stream(asked(number))) for number in range(6)]
    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(lambda number: "".join(model.stream(asked(number))), range(6))) == expected


def test_a_stream_may_be_left(model: ChatModel) -> None:
    stream = model.stream(asked())
    assert next(stream)
    close = getattr(stream, "close", None)
    if close is not None:
        close()
    assert "days" in "".join(model.stream(asked()))


def test_what_is_cut_off_ends_in_a_chat_error_after_its_text(broken: ChatModel) -> None:
    pieces: list[str] = []
    with pytest.raises(ChatError):
        pieces.extend(broken.stream(asked()))
    assert broken.name


# Entry points

CODE = """
class Parrot:
    def __init__(self, name, settings):
        self.name = f"parrot:{name}"
        self.settings = settings

    def stream(self, prompt):
        yield prompt.question


def fails(name, settings):
    raise RuntimeError("no such bird")


def mute(name, settings):
    return object()
"""
POINTS = {
    "parrot": "more_models:Parrot",
    "fails": "more_models:fails",
    "mute": "more_models:mute",
    "gone": "no_such_module_at_all:Chat",
    "openai": "more_models:fails",
}


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    install(monkeypatch, tmp_path / "site", CHAT_MODELS, points=POINTS, code=CODE)


@pytest.mark.usefixtures("installed")
def test_a_model_of_an_installed_package_is_found_by_its_prefix() -> None:
    chat = load_chat(ChatSettings(model="parrot:grey:small", temperature=0.5))
    assert chat.name == "parrot:grey:small"
    assert list(chat.stream(asked())) == [asked().question]


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("fails:x", r"fails of ragkit.chat_models, from the package more-models, failed: RuntimeError: no such bird"),
        ("mute:x", r"made a object without name, stream"),
        ("gone:x", r"gone .* failed: ModuleNotFoundError: No module named 'no_such_module_at_all'"),
        ("crow:x", r"the chat model 'crow:x' is not known"),
        ("openai:", r"the chat model 'openai:' is not known"),
    ],
)
def test_a_broken_or_unknown_one_is_told_with_its_package(name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        load_chat(ChatSettings(model=name))
    assert caught.value.cure
    if name == "crow:x":
        assert "parrot:NAME" in caught.value.cure


@pytest.mark.usefixtures("installed")
def test_no_package_takes_the_place_of_a_model_that_comes_with_ragkit() -> None:
    assert load_chat(ChatSettings(model="openai:m", base_url="http://127.0.0.1:9/v1")).name == "openai:m"
