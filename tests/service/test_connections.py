"""Too many connections, proxies, HEAD and Allow, and the end of the service in the middle of a stream."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from ragkit import ConfigError
from ragkit_service import Limits, ServiceSettings
from ragkit_service.document_ids import document_id
from ragkit_service.protocol.connections import Connections
from tests.service.test_server import PATIENT, WAIT, connect, head, read_all, serving
from tests.support.service_fakes import FakeKnowledge, FakeLibrary, client


class Line:
    """A connection in memory."""

    def __init__(self, peer: str, *, idle: bool = True) -> None:
        self.peer, self.is_idle, self.dropped = peer, idle, False

    def drop(self) -> None:
        self.dropped = True


def test_the_idle_connection_that_is_open_for_longest_makes_room() -> None:
    crowd = Connections(Limits(connections=3, peer_connections=3, reserve=0))
    busy, old, new = Line("a", idle=False), Line("a"), Line("b")
    assert all(crowd.admit(line) for line in (busy, old, new))
    assert crowd.admit(Line("c"))
    assert (busy.dropped, old.dropped, new.dropped, len(crowd)) == (False, True, False, 3)


def test_a_peer_beyond_its_bound_loses_its_own_connections_only() -> None:
    crowd = Connections(Limits(connections=100, peer_connections=2), trusted=["proxy"])
    honest, lines = Line("honest"), [Line("rude") for _ in range(50)]
    assert crowd.admit(honest)
    assert all(crowd.admit(line) for line in lines)
    assert [line.dropped for line in lines] == [True] * 48 + [False] * 2
    assert not honest.dropped
    assert not any(crowd.admit(Line("busy", idle=False)) for _ in range(5) if len(crowd) > 4)
    assert all(crowd.admit(Line("proxy", idle=False)) for _ in range(20))


def test_a_reserve_is_left_for_health_checks() -> None:
    crowd = Connections(Limits(connections=2, peer_connections=9, reserve=1))
    assert [crowd.admit(Line("a", idle=False)) for _ in range(4)] == [True, True, True, False]


@pytest.fixture
def library() -> FakeLibrary:
    made = FakeLibrary("default")
    made.put("default", "refunds.md", "refund window of thirty days")
    return made


def test_a_thousand_idle_sockets_lock_nobody_out(library: FakeLibrary, tmp_path: Path) -> None:
    limits = replace(PATIENT, connections=64, peer_connections=48, idle_seconds=WAIT)
    with serving(library, tmp_path, limits=limits) as address, contextlib.ExitStack() as stack:
        for _ in range(1000):
            stack.enter_context(socket.create_connection(address, timeout=WAIT))
        started = time.monotonic()
        for path in ("/healthz", "/v1/collections"):
            assert httpx2.get(f"http://{address[0]}:{address[1]}{path}", timeout=WAIT).status_code == 200
        assert time.monotonic() - started < 5


def test_a_stream_that_the_end_cuts_off_says_so(
    library: FakeLibrary, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begun = threading.Event()

    def pieces(_: str) -> Iterator[str]:
        for number in range(600):
            yield f"{number} "
            begun.set()
            time.sleep(0.1)

    def slow(knowledge: FakeKnowledge) -> None:
        knowledge.pieces = pieces

    library.prepare = slow
    limits = replace(PATIENT, ending_seconds=0.3)
    body = json.dumps({"question": "refund", "stream": True}).encode()
    received: list[bytes] = []
    with serving(library, tmp_path, limits=limits) as address:
        connection = connect(address)
        connection.sendall(head("/v1/collections/default/ask", f"Content-Length: {len(body)}") + body)
        assert begun.wait(WAIT)
        reader = threading.Thread(target=lambda: received.append(read_all(connection)))
        reader.start()
        started = time.monotonic()
    ended = time.monotonic() - started  # the server is asked to end at the end of the block
    reader.join(WAIT)
    connection.close()
    text = received[0].decode()
    assert "event: error" in text.rpartition("event: delta")[2]
    assert "urn:ragkit:problem:ending" in text
    assert "event: answer" not in text
    assert ended < 8
    logged = capsys.readouterr().err
    assert "/v1/collections/default/ask 200 cut:ending" in logged
    assert "Traceback" not in logged


# ------------------------------------------------------------------ proxies, HEAD, Allow


@pytest.mark.parametrize("prefix", ["", "/rag", "/a/b"])
def test_a_service_behind_a_prefix_answers_with_it_and_without(
    library: FakeLibrary, tmp_path: Path, prefix: str
) -> None:
    place = f"/v1/collections/default/documents/{document_id('refunds.md')}"
    with client(library, tmp_path, root_path=prefix) as http:
        for path in (place, f"{prefix}{place}"):
            assert http.get(path).json()["source"] == "refunds.md"
        assert http.get(f"{prefix}/healthz").status_code == 200
        assert http.get(f"{prefix}/").headers["content-type"].startswith("text/html")
        page = http.get(f"{prefix}{place}", headers={"Accept": "text/html"}).text
        if prefix:
            bare = http.get(prefix, follow_redirects=False)
            assert (bare.status_code, bare.headers["location"]) == (308, f"{prefix}/")
            assert http.get("/openapi.json").json()["servers"] == [{"url": prefix}]
    assert f'src="{prefix}/static/document.js"' in page


@pytest.mark.parametrize("prefix", ["rag", "/rag/", "/", "//evil.example.org", "/a b", "/a?b"])
def test_a_prefix_that_is_none_is_a_config_error(prefix: str) -> None:
    with pytest.raises(ConfigError):
        ServiceSettings(root_path=prefix)


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        ("kb.example.org", "https://kb.example.org", 200),
        ("kb.example.org", "https://kb.example.org:8443", 200),
        ("kb.example.org:8443", "https://kb.example.org:8443", 200),
        ("kb.example.org:8443", "https://kb.example.org:9999", 403),
        ("kb.example.org", "https://evil.example.org:8443", 403),
        ("kb.example.org", "https://kb.example.org.evil.org", 403),
        ("kb.example.org:8443", "https://kb.example.org", 403),
    ],
)
def test_a_proxy_may_leave_the_port_out_of_the_host(
    library: FakeLibrary, tmp_path: Path, host: str, origin: str, status: int
) -> None:
    with client(library, tmp_path, allowed_hosts=("kb.example.org",)) as http:
        headers = {"Host": host, "Origin": origin}
        found = http.post("/v1/collections/default/search", json={"query": "refund"}, headers=headers)
    assert found.status_code == status


def test_head_answers_as_get_without_a_body(library: FakeLibrary, tmp_path: Path) -> None:
    with client(library, tmp_path) as http:
        for path in ("/healthz", "/", "/v1/collections", "/openapi.json"):
            got, asked = http.get(path), http.head(path)
            assert (asked.status_code, asked.content) == (200, b"")
            assert asked.headers["content-length"] == str(len(got.content))
        assert http.head("/nothing").status_code == 404


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/healthz", "GET, HEAD"),
        ("/v1/collections", "GET, HEAD, POST"),
        ("/v1/collections/default", "DELETE, GET, HEAD"),
        ("/v1/collections/default/documents", "DELETE, GET, HEAD, POST"),
        ("/v1/collections/default/search", "POST"),
        ("/", "GET, HEAD"),
    ],
)
def test_a_wrong_method_is_told_all_right_ones(library: FakeLibrary, tmp_path: Path, path: str, allowed: str) -> None:
    with client(library, tmp_path) as http:
        for method in ("PATCH", "PUT", "OPTIONS"):
            found = http.request(method, path)
            assert (found.status_code, found.headers["allow"]) == (405, allowed)


def test_a_compressed_body_is_told_to_be_sent_plain(library: FakeLibrary, tmp_path: Path) -> None:
    import gzip

    body = gzip.compress(b'{"query": "refund"}')
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    with client(library, tmp_path) as http:
        found = http.post("/v1/collections/default/search", content=body, headers=headers)
    assert found.status_code == 415
    assert "uncompressed" in found.json()["cure"]


def test_a_history_that_would_take_long_to_count_is_422(library: FakeLibrary, tmp_path: Path) -> None:
    history = [{"role": "user", "content": "x" * 30_000}] * 3
    with client(library, tmp_path) as http:
        for verb, name in (("search", "query"), ("prompt", "question"), ("ask", "question")):
            found = http.post(f"/v1/collections/default/{verb}", json={name: "refund", "history": history})
            assert found.status_code == 422
