"""Endpoints: real SDKs over loopback. Ends, cuts, deadlines and errors are distinguished, and keys stay secret."""

from __future__ import annotations

import logging
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from ragkit.chat.base import ChatModel
from ragkit.chat.loading import load_chat
from ragkit.errors import ChatError, ChatInterruptedError, ChatTimeoutError, ConfigError, MissingPackageError
from ragkit.settings import ChatSettings
from ragkit.testing import CutChat, EchoChat, FakeChat, ObedientChat, SlowChat
from ragkit.types.prompts import Message
from tests.support.chat_servers import OPENAI_END, Events, Server, anthropic_message, openai_chunk, serving
from tests.support.prompt_fakes import POLICY, make_prompt

KEY = "sk-canary-7f3a9c51e2"
PROMPT = make_prompt("How long?", POLICY, history=(Message("user", "Hi"), Message("assistant", "Hello.")))

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:openai|anthropic")


def model(server: Server, kind: str, **changes: Any) -> ChatModel:
    base = f"{server.url}/v1" if kind == "openai" else server.url
    values = {"model": f"{kind}:m", "base_url": base, "api_key": KEY, "deadline": 60.0, **changes}
    return load_chat(ChatSettings(**values))


def always(status: int, events: Events) -> Callable[[dict[str, Any]], tuple[int, Events]]:
    return lambda _: (status, events)


def whole(kind: str, *texts: str) -> Events:
    if kind == "anthropic":
        return anthropic_message(*texts)
    return [*(openai_chunk(text) for text in texts), openai_chunk(finish="stop"), OPENAI_END]


def cut(kind: str, *texts: str) -> Events:
    if kind == "anthropic":
        return anthropic_message(*texts, stop=None, end=False)
    return [openai_chunk(text) for text in texts]


BOTH = pytest.mark.parametrize("kind", ["openai", "anthropic"])


@BOTH
def test_an_answer_streams_to_its_end(kind: str) -> None:
    with serving(always(200, whole(kind, "Thirty ", "days [1]."))) as server:
        chat = model(server, kind)
        assert list(chat.stream(PROMPT)) == ["Thirty ", "days [1]."]
        assert chat.name == f"{kind}:m"
    path, headers, body = server.requests[0]
    assert body["model"] == "m"
    assert body["stream"] is True
    assert body["max_tokens"] == 1_024
    assert KEY in headers.get("authorization", "") + headers.get("x-api-key", "")
    roles = [message["role"] for message in body["messages"]]
    if kind == "openai":
        assert (path, roles) == ("/v1/chat/completions", ["system", "user", "assistant", "user"])
    else:
        assert (path, roles, body["system"]) == ("/v1/messages", ["user", "assistant", "user"], "Rules.")


@BOTH
def test_a_cut_stream_is_an_error_and_never_an_end(kind: str) -> None:
    with serving(always(200, cut(kind, "Thirty "))) as server:
        pieces: list[str] = []
        with pytest.raises(ChatInterruptedError, match="ended before the answer was complete"):
            pieces.extend(model(server, kind).stream(PROMPT))


@BOTH
def test_a_stream_that_breaks_in_the_middle_of_an_event_is_an_error(kind: str) -> None:
    events: Events = [*cut(kind, "Thirty "), b'data: {"id": "c1", "choi']
    with serving(always(200, events)) as server, pytest.raises(ChatError):
        list(model(server, kind).stream(PROMPT))


@BOTH
def test_a_trickle_does_not_hold_the_deadline(kind: str) -> None:
    never = threading.Event()
    events: Events = [*cut(kind, "Thirty "), b": keep", never]
    with serving(always(200, events)) as server:
        stream = model(server, kind, deadline=0.3).stream(PROMPT)
        with pytest.raises(ChatTimeoutError, match=r"did not finish its answer within 0\.3 s; raise the deadline"):
            list(stream)
        never.set()


@BOTH
def test_an_answer_that_is_too_long_ends_with_a_mark(kind: str) -> None:
    long: dict[str, Events] = {
        "openai": [openai_chunk("Thirty"), openai_chunk(finish="length"), OPENAI_END],
        "anthropic": anthropic_message("Thirty", stop="max_tokens"),
    }
    with serving(always(200, long[kind])) as server:
        assert "".join(model(server, kind).stream(PROMPT)) == "Thirty …"


@BOTH
def test_a_withheld_answer_is_an_error(kind: str) -> None:
    withheld: dict[str, Events] = {
        "openai": [openai_chunk("Thi"), openai_chunk(finish="content_filter"), OPENAI_END],
        "anthropic": anthropic_message("Thi", stop="refusal"),
    }
    with serving(always(200, withheld[kind])) as server, pytest.raises(ChatError, match=r"withheld|refused"):
        list(model(server, kind).stream(PROMPT))


def test_a_server_that_never_stops_is_stopped() -> None:
    events: Events = [openai_chunk("x" * 10_000) for _ in range(50)]
    with serving(always(200, events)) as server, pytest.raises(ChatError, match="sends far more"):
        list(model(server, "openai", max_tokens=10).stream(PROMPT))


def test_options_that_a_model_does_not_take_are_left_out() -> None:
    def answer(body: dict[str, Any]) -> tuple[int, Events]:
        for refused, words in (("max_tokens", "use 'max_completion_tokens'"), ("temperature", "temperature is fixed")):
            if refused in body:
                return 400, [f'{{"error": {{"message": "{words}"}}}}'.encode()]
        return 200, whole("openai", "Yes.")

    with serving(answer) as server:
        assert "".join(model(server, "openai").stream(PROMPT)) == "Yes."
    assert server.requests[-1][2]["max_completion_tokens"] == 1_024


@BOTH
@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, r"refused the key.*check the API key"),
        (404, "check model and base URL"),
        (400, "HTTP 400"),
        (500, "HTTP 500"),
    ],
)
def test_errors_say_what_and_never_the_key(
    kind: str, status: int, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    said = f'{{"type": "error", "error": {{"type": "e", "message": "Incorrect key {KEY} given \\u001b[31m"}}}}'
    caplog.set_level(logging.DEBUG)
    with serving(always(status, [said.encode()])) as server:
        chat = model(server, kind)
        with pytest.raises(ChatError, match=words) as caught:
            list(chat.stream(PROMPT))
    told = "".join(traceback.format_exception(caught.value)) + caplog.text + repr(chat) + repr(caught.value.__dict__)
    assert KEY not in told
    assert "\x1b" not in str(caught.value)


def test_a_key_never_stands_in_settings_that_are_shown() -> None:
    settings = ChatSettings(model="openai:m", api_key=KEY)
    assert KEY not in repr(settings)
    assert KEY not in repr(load_chat(settings))


@BOTH
def test_a_server_that_is_not_there(kind: str) -> None:
    with serving(always(200, [])) as server:
        chat = model(server, kind)
    with pytest.raises(ChatError, match="cannot be reached; check the base URL"):
        list(chat.stream(PROMPT))


def test_a_local_server_gets_no_key_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with serving(always(200, whole("openai", "Yes."))) as server:
        list(model(server, "openai", api_key="").stream(PROMPT))
    assert KEY not in str(server.requests)


def test_a_stream_that_nobody_reads_on_is_given_up() -> None:
    gate = threading.Event()
    with serving(always(200, [*cut("openai", "One. "), gate, *whole("openai", "Two.")])) as server:
        stream = model(server, "openai").stream(PROMPT)
        assert next(stream) == "One. "
        stream.close()  # type: ignore[attr-defined]
        gate.set()
    names = [thread.name for thread in threading.enumerate() if thread.name.startswith("ragkit openai")]
    for thread in threading.enumerate():
        if thread.name in names:
            thread.join(60)
            assert not thread.is_alive()


@pytest.mark.parametrize("name", ["gpt-4o", "openai", "openai:", "olama:x", "ollama:", "extractive:x", ""])
def test_unknown_models_are_refused_with_the_names_that_work(name: str) -> None:
    with pytest.raises(ConfigError, match="set extractive, openai:NAME, anthropic:NAME, ollama:NAME"):
        load_chat(ChatSettings(model=name))


@BOTH
def test_a_missing_package_names_the_pip_line(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, kind, None)
    with pytest.raises(MissingPackageError, match=rf"pip install 'ragkit\[{kind}\]'"):
        load_chat(ChatSettings(model=f"{kind}:m"))


def test_the_default_needs_nothing() -> None:
    assert load_chat().name == "extractive"


def test_the_fakes_behave_like_models() -> None:
    assert "".join(FakeChat("Thirty days [1].").stream(PROMPT)) == "Thirty days [1]."
    assert "".join(EchoChat().stream(PROMPT)) == PROMPT.messages[-1].content
    assert POLICY in "".join(ObedientChat().stream(PROMPT))
    for chat, error in ((CutChat(), ChatInterruptedError), (SlowChat(), ChatTimeoutError)):
        with pytest.raises(error):
            list(chat.stream(PROMPT))


@pytest.mark.parametrize("kind", ["openai", "anthropic"])
@pytest.mark.parametrize("text_first", [True, False])
def test_a_server_that_dies_at_work_is_told_as_such(kind: str, text_first: bool) -> None:
    with dying(after=b"x" * 10 if text_first else b"") as url:
        base = f"{url}/v1" if kind == "openai" else url
        chat = load_chat(ChatSettings(model=f"{kind}:m", base_url=base, api_key="k", deadline=20.0))
        with pytest.raises(ChatInterruptedError, match="ended before the answer was complete") as caught:
            list(chat.stream(PROMPT))
    assert "base URL" not in str(caught.value)


@contextmanager
def dying(*, after: bytes) -> Iterator[str]:
    """Serve connections that are reset: after the request, or after the head and a piece of the reply."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(65_536)
                if after:
                    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 9000\r\n\r\n"
                    connection.sendall(head + b": " + after + b"\n\n")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)
