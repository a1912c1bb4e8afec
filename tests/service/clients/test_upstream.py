"""The chat model's endpoint fails in every way while a client streams: deadlines, retries, cuts, circuit breaker."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from ragkit import ChatError, ChatSettings, ChatUnavailableError, Settings
from ragkit.chat import breaker
from ragkit.chat.breaker import CircuitBreaker
from tests.support.chat_servers import openai_chunk
from tests.support.faulty_upstream import ANSWER, Connection, FaultyUpstream, faulty_upstream, scripts
from tests.support.live_service import KEY, WAIT, fill, live_service

pytest.importorskip("openai", reason="the official client is not installed: pip install 'ragkit[openai]'")

FAULTS = scripts()
HEADERS = {"Authorization": f"Bearer {KEY}"}
QUESTION = "How long is the refund window?"
BODY = {"model": "ragkit/default", "messages": [{"role": "user", "content": QUESTION}], "stream": True}


@pytest.fixture(scope="module")
def upstream() -> Iterator[FaultyUpstream]:
    with faulty_upstream() as made:
        yield made


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory, upstream: FaultyUpstream) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("data")
    fill(folder)
    chat = ChatSettings(
        model="openai:m", base_url=upstream.url, deadline=2.0, first_deadline=1.0, gap_deadline=1.0, max_tokens=200
    )
    with live_service(folder, settings=Settings(chat=chat)) as address:
        yield address


@pytest.fixture(autouse=True)
def fresh(upstream: FaultyUpstream, monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin each test with a closed breaker and a server without a past."""
    monkeypatch.setattr(breaker, "_breakers", {})
    upstream.requests = 0


def post(url: str, path: str, body: Any) -> httpx2.Response:
    return httpx2.post(f"{url}{path}", json=body, headers=HEADERS, timeout=WAIT)


def code_of(response: httpx2.Response) -> str:
    """Return the code of the error that ends a response, "answer" for one that ends well."""
    if response.status_code != 200:
        assert response.status_code in {502, 503, 504}
        return str(response.json()["error"]["code"])
    frames = [frame.removeprefix("data: ") for frame in response.text.split("\n\n") if frame.startswith("data: ")]
    if frames[-1] == "[DONE]":
        return "answer"
    assert "[DONE]" not in response.text
    return str(json.loads(frames[-1])["error"]["code"])


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_ends_as_documented_and_search_goes_on(url: str, upstream: FaultyUpstream, fault: str) -> None:
    upstream.script, wanted = FAULTS[fault]
    response = post(url, "/v1/chat/completions", BODY)

    assert code_of(response) == wanted
    assert (ANSWER.removesuffix(" [1].") in response.text) == (wanted == "answer")
    assert post(url, "/v1/collections/default/search", {"query": QUESTION}).status_code == 200
    assert post(url, "/v1/collections/default/prompt", {"question": QUESTION}).status_code == 200


def test_nothing_is_asked_twice_after_the_first_word(url: str, upstream: FaultyUpstream) -> None:
    upstream.script = FAULTS["reset in the middle"][0]
    post(url, "/v1/chat/completions", BODY)
    assert upstream.requests == 1


def test_text_is_passed_on_before_the_answer_is_whole(url: str, upstream: FaultyUpstream) -> None:
    gate = threading.Event()

    def waits(connection: Connection, _: int) -> None:
        connection.head()
        connection.events(openai_chunk("The refund window is thirty days after delivery. "))
        gate.wait(WAIT)
        connection.events(openai_chunk("Really [1]."), openai_chunk(finish="stop"), end=True)

    upstream.script = waits
    with httpx2.stream("POST", f"{url}/v1/chat/completions", json=BODY, headers=HEADERS, timeout=WAIT) as response:
        lines = response.iter_lines()
        first = next(line for line in lines if "refund" in line)
        gate.set()
        rest = list(lines)
    assert "thirty days" in first
    assert rest[-2] == "data: [DONE]"


@pytest.mark.parametrize("stream", [True, False], ids=["streaming", "whole"])
def test_the_client_leaves_and_the_upstream_stops_within_a_second(
    url: str, upstream: FaultyUpstream, stream: bool
) -> None:
    begun, stopped = threading.Event(), threading.Event()

    def waits(connection: Connection, _: int) -> None:
        begun.set()
        connection.wait()
        stopped.set()

    upstream.script = waits
    times = []
    for _ in range(3):  # the machine may be busy: one of three must be quick
        begun.clear()
        stopped.clear()
        with httpx2.Client(timeout=httpx2.Timeout(WAIT, read=0.3)) as client, pytest.raises(httpx2.ReadTimeout):
            client.post(f"{url}/v1/chat/completions", json={**BODY, "stream": stream}, headers=HEADERS)
        left = time.monotonic()
        assert begun.wait(WAIT)
        assert stopped.wait(WAIT)
        times.append(time.monotonic() - left)
        if times[-1] < 1:
            break
    assert min(times) < 1


def test_after_failures_in_a_row_the_endpoint_rests_and_search_goes_on(url: str, upstream: FaultyUpstream) -> None:
    upstream.script = FAULTS["HTTP 500 for ever"][0]
    codes = [code_of(post(url, "/v1/chat/completions", BODY)) for _ in range(breaker.FAILURES)]
    asked = upstream.requests
    resting = post(url, "/v1/chat/completions", BODY)

    assert codes == ["chat"] * breaker.FAILURES
    assert (resting.status_code, code_of(resting)) == (503, "chat_unavailable")
    assert int(resting.headers["retry-after"]) > 0
    assert upstream.requests == asked
    history = [{"role": "user", "content": "Tell me about refunds."}]
    searched = post(url, "/v1/collections/default/search", {"query": "And how long is it?", "history": history})
    assert searched.status_code == 200


def test_a_wrong_key_does_not_open_the_breaker(url: str, upstream: FaultyUpstream) -> None:
    upstream.script = FAULTS["HTTP 401"][0]
    codes = {code_of(post(url, "/v1/chat/completions", BODY)) for _ in range(breaker.FAILURES + 2)}
    assert codes == {"chat"}


def test_a_breaker_lets_one_try_through_and_closes_again() -> None:
    now = [0.0]
    made = CircuitBreaker("m", failures=2, seconds=10, clock=lambda: now[0])
    for _ in range(2):
        made.admit()
        made.failed()
    with pytest.raises(ChatUnavailableError, match=r"asked again in 10\.0 s"):
        made.admit()
    now[0] = 10.5
    made.admit()
    with pytest.raises(ChatUnavailableError):
        made.admit()
    made.failed()
    now[0] = 15
    with pytest.raises(ChatError):
        made.admit()
    now[0] = 21
    made.admit()
    made.succeeded()
    made.admit()


def test_endpoints_have_a_breaker_each() -> None:
    assert breaker.breaker_of("a", label="a") is breaker.breaker_of("a", label="b")
    assert breaker.breaker_of("a", label="a") is not breaker.breaker_of("c", label="a")
