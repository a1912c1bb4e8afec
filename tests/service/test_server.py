"""The service under uvicorn on loopback: deadlines, slow and rude clients, streams whose reader leaves, the end."""

from __future__ import annotations

import contextlib
import gc
import json
import socket
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn

from ragkit_service import Limits, ServiceSettings, create_app
from ragkit_service.server import bind, prepare_interpreter, server_config
from tests.support.service_fakes import FakeLibrary, plain_extractor

SEARCH = "/v1/collections/default/search"
ASK = "/v1/collections/default/ask"
WAIT = 60  # seconds until something that must happen is given up, on a machine however busy
PATIENT = Limits(
    header_seconds=WAIT,
    body_seconds=WAIT,
    write_seconds=WAIT,
    leftover_seconds=0.2,
    idle_seconds=1,
    upload_rate=1_000_000,
    json_bytes=20_000,
)
"""Only what a test is about is short: any other deadline would strike a client of a busy machine."""


@contextlib.contextmanager
def serving(library: FakeLibrary, data: Path, *, limits: Limits = PATIENT) -> Iterator[tuple[str, int]]:
    """Run a real server in a thread and give its address."""
    settings = ServiceSettings(data=data, port=0, limits=limits)
    app = create_app(settings, library=library, extractor=plain_extractor())
    config = server_config(settings, app)
    config.log_config = None
    server = uvicorn.Server(config)
    with bind(settings) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield listener.getsockname()[:2]
        finally:
            server.should_exit = True
            thread.join(WAIT)
    assert not thread.is_alive()


@pytest.fixture
def library() -> FakeLibrary:
    made = FakeLibrary("default")
    made.put("default", "refunds.md", "refund window of thirty days")
    return made


@pytest.fixture
def limits() -> Limits:
    return PATIENT


@pytest.fixture
def address(library: FakeLibrary, tmp_path: Path, limits: Limits) -> Iterator[tuple[str, int]]:
    with serving(library, tmp_path, limits=limits) as where:
        yield where


short_headers = pytest.mark.parametrize("limits", [replace(PATIENT, header_seconds=0.3)], ids=["short-headers"])
short_bodies = pytest.mark.parametrize("limits", [replace(PATIENT, body_seconds=0.3)], ids=["short-bodies"])


def connect(address: tuple[str, int]) -> socket.socket:
    return socket.create_connection(address, timeout=WAIT)


def head(path: str, *lines: str, method: str = "POST") -> bytes:
    fixed = (f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json")
    return "\r\n".join((*fixed, *lines, "", "")).encode()


def read_all(connection: socket.socket) -> bytes:
    """Read until the server closes; a reset counts as closed. Bounded by the socket's timeout."""
    out = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := connection.recv(65536):
            out += piece
    return out


def post(address: tuple[str, int], path: str, body: Any) -> httpx2.Response:
    return httpx2.post(f"http://{address[0]}:{address[1]}{path}", json=body, timeout=WAIT)


def answers(address: tuple[str, int]) -> bool:
    """Tell whether the server answers a request; where headers have little time, one may come too late."""
    end = time.monotonic() + WAIT
    while time.monotonic() < end:
        with contextlib.suppress(httpx2.TransportError):
            return post(address, SEARCH, {"query": "refund"}).status_code == 200
    return False


@short_headers
@pytest.mark.parametrize("sent", [b"", b"GET", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: "])
def test_headers_that_never_end_close_the_connection(address: tuple[str, int], sent: bytes) -> None:
    with connect(address) as connection:
        connection.sendall(sent)
        assert read_all(connection) == b""
    assert answers(address)


@short_headers
def test_headers_that_trickle_do_not_extend_the_deadline(address: tuple[str, int]) -> None:
    closed = threading.Event()
    with connect(address) as connection:

        def read() -> None:
            read_all(connection)
            closed.set()

        reader = threading.Thread(target=read)
        reader.start()
        with contextlib.suppress(OSError):
            for byte in head("/healthz", *[f"X-{number}: y" for number in range(1000)], method="GET"):
                if closed.wait(0.01):
                    break
                connection.sendall(bytes([byte]))
        assert closed.wait(WAIT)
        reader.join()


@short_headers
def test_a_second_request_on_a_kept_connection_has_a_deadline_too(address: tuple[str, int]) -> None:
    end = time.monotonic() + WAIT
    while not leaves_a_second_request_unfinished(address):
        assert time.monotonic() < end


def leaves_a_second_request_unfinished(address: tuple[str, int]) -> bool:
    """Begin a second request, and wait until the server closes; False when the first one came too late."""
    with connect(address) as connection, contextlib.suppress(OSError):
        connection.sendall(head("/healthz", method="GET"))
        answer = b""
        while b'{"status":"ok"}' not in answer:
            piece = connection.recv(65536)
            if not piece:
                return False
            answer += piece
        connection.sendall(b"GET / HT")
        assert read_all(connection) == b""
        return True
    return False


@short_bodies
def test_a_body_that_never_ends_is_408(address: tuple[str, int]) -> None:
    with connect(address) as connection:
        connection.sendall(head(SEARCH, "Content-Length: 100") + b"{")
        answer = read_all(connection)
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"application/problem+json" in answer


@short_bodies
def test_an_upload_that_trickles_is_408_and_leaves_nothing(address: tuple[str, int], tmp_path: Path) -> None:
    lines = ("Content-Length: 100000", "Content-Type: multipart/form-data; boundary=b")
    start = f"POST /v1/collections/default/documents HTTP/1.1\r\nHost: 127.0.0.1\r\n{lines[0]}\r\n{lines[1]}\r\n\r\n"
    body = b'--b\r\nContent-Disposition: form-data; name="f"; filename="a.txt"\r\n\r\n'
    with connect(address) as connection:
        connection.sendall(start.encode() + body)
        assert read_all(connection).startswith(b"HTTP/1.1 408")
    assert list((tmp_path / "tmp").rglob("*")) == []


def test_a_body_over_the_limit_is_413_before_it_has_all_arrived(address: tuple[str, int]) -> None:
    with connect(address) as connection:
        connection.sendall(head(SEARCH, "Content-Length: 30000") + b" " * 25_000)
        assert connection.recv(65536).startswith(b"HTTP/1.1 413")
        read_all(connection)


def test_chunks_without_an_end_are_413(address: tuple[str, int]) -> None:
    with connect(address) as connection:
        connection.sendall(head(SEARCH, "Transfer-Encoding: chunked"))
        chunk = b"1000\r\n" + b" " * 0x1000 + b"\r\n"
        with contextlib.suppress(OSError):  # it need not wait for the last of them
            for _ in range(6):
                connection.sendall(chunk)
        assert connection.recv(65536).startswith(b"HTTP/1.1 413")
        assert b"HTTP/1.1" not in read_all(connection)


def test_headers_over_the_limit_are_refused(address: tuple[str, int]) -> None:
    with connect(address) as connection:
        for _ in range(20):
            with contextlib.suppress(OSError):
                connection.sendall(head(SEARCH)[:-2] + b"X-Long: " + b"x" * 20_000)
        assert read_all(connection).startswith(b"HTTP/1.1 400")


@short_headers
@pytest.mark.parametrize(
    "junk", [b"\x16\x03\x01\x02\x00\x01\x00", b"GET /\r\n\r\n", b"\x00" * 100, b"PRI * HTTP/2.0\r\n\r\n"]
)
def test_what_is_no_http_is_refused(address: tuple[str, int], junk: bytes) -> None:
    with connect(address) as connection:
        connection.sendall(junk)
        answer = read_all(connection)
    assert not answer or b" 400 " in answer.splitlines()[0] or b" 421 " in answer.splitlines()[0]
    assert answers(address)


def test_pipelined_requests_are_answered_in_order(address: tuple[str, int]) -> None:
    with connect(address) as connection:
        last = head("/version", "Connection: close", method="GET")
        connection.sendall(head("/healthz", method="GET") * 3 + last)
        assert read_all(connection).count(b"200 OK") == 4


def test_a_client_that_leaves_stops_the_work(library: FakeLibrary, tmp_path: Path) -> None:
    stopped = threading.Event()
    waiting = threading.Semaphore(0)

    def pieces(_: str) -> Iterator[str]:
        try:
            for number in range(1_000_000):
                waiting.release()
                yield f"piece {number} " + "x" * 1000
        finally:
            stopped.set()

    library.prepare = lambda knowledge: setattr(knowledge, "pieces", pieces)
    with serving(library, tmp_path) as address:
        body = json.dumps({"question": "refund", "stream": True}).encode()
        with connect(address) as connection:
            connection.sendall(head(ASK, f"Content-Length: {len(body)}") + body)
            assert connection.recv(1000).startswith(b"HTTP/1.1 200")
            assert waiting.acquire(timeout=WAIT)
        assert stopped.wait(WAIT)


def test_a_client_that_does_not_read_is_cut_off(library: FakeLibrary, tmp_path: Path) -> None:
    stopped = threading.Event()

    def pieces(_: str) -> Iterator[str]:
        try:
            while True:
                yield "x" * 100_000
        finally:
            stopped.set()

    library.prepare = lambda knowledge: setattr(knowledge, "pieces", pieces)
    with serving(library, tmp_path, limits=replace(PATIENT, write_seconds=0.5)) as address:
        body = json.dumps({"question": "refund", "stream": True}).encode()
        with connect(address) as connection:
            connection.sendall(head(ASK, f"Content-Length: {len(body)}") + body)
            assert stopped.wait(WAIT)


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_leaves_before_the_first_word_stops_the_work(
    library: FakeLibrary, tmp_path: Path, stream: bool
) -> None:
    asked, left, stopped = threading.Event(), threading.Event(), threading.Event()

    def pieces(_: str) -> Iterator[str]:
        asked.set()
        left.wait(WAIT)
        try:
            while True:
                yield "x"
        finally:
            stopped.set()

    library.prepare = lambda knowledge: setattr(knowledge, "pieces", pieces)
    with serving(library, tmp_path) as address:
        body = json.dumps({"question": "refund", "stream": stream}).encode()
        with connect(address) as connection:
            connection.sendall(head(ASK, f"Content-Length: {len(body)}") + body)
            assert asked.wait(WAIT)
        left.set()
        assert stopped.wait(WAIT)


def test_more_requests_than_the_limit_are_told_to_come_back(library: FakeLibrary, tmp_path: Path) -> None:
    entered, go_on = threading.Event(), threading.Event()

    def before(_: str) -> None:
        entered.set()
        assert go_on.wait(WAIT)

    library.prepare = lambda knowledge: setattr(knowledge, "before", before)
    with serving(library, tmp_path, limits=Limits(requests=1)) as address:
        first = threading.Thread(target=post, args=(address, SEARCH, {"query": "refund"}))
        first.start()
        assert entered.wait(WAIT)
        refused = post(address, SEARCH, {"query": "refund"})
        healthy = httpx2.get(f"http://{address[0]}:{address[1]}/healthz", timeout=WAIT)
        go_on.set()
        first.join(WAIT)

    assert (refused.status_code, healthy.status_code) == (503, 200)
    assert refused.headers["retry-after"] == "1"
    assert refused.headers["content-type"] == "application/problem+json"


def test_the_library_is_closed_when_the_server_ends(library: FakeLibrary, tmp_path: Path) -> None:
    with serving(library, tmp_path) as address:
        assert post(address, SEARCH, {"query": "refund"}).status_code == 200
        assert not library.opened["default"][0].closed
    assert library.opened["default"][0].closed


def test_a_thread_that_computes_hands_the_gil_over_ten_times_as_soon_as_usual() -> None:
    before = sys.getswitchinterval()
    try:
        prepare_interpreter()
        assert sys.getswitchinterval() == pytest.approx(0.0005)
    finally:
        sys.setswitchinterval(before)
        gc.unfreeze()


def test_it_is_ready_when_the_model_is(tmp_path: Path) -> None:
    library = FakeLibrary("default")
    go_on = threading.Event()
    library.before_warm = lambda: go_on.wait(WAIT)
    with serving(library, tmp_path) as (host, port):
        url = f"http://{host}:{port}/readyz"
        first = httpx2.get(url, timeout=WAIT)
        assert (first.status_code, first.json()["model"]) == (503, "loading")
        go_on.set()
        end = time.monotonic() + WAIT
        while httpx2.get(url, timeout=WAIT).status_code != 200:
            assert time.monotonic() < end
