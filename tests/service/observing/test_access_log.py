"""Request ids, trace ids and the fields of the JSON access log."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from ragkit_service.observing.access_log import JsonFormatter
from ragkit_service.observing.request_ids import trace_id_of
from tests.support.service_fakes import FakeLibrary, client

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"


@pytest.fixture
def http(tmp_path: Path) -> Iterator[TestClient]:
    with client(FakeLibrary("team-a"), tmp_path) as made:
        yield made


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    records = [record for record in caplog.records if record.name == "ragkit_service.access"]
    return [json.loads(JsonFormatter().format(record)) for record in records]


def test_the_json_log_has_fields(http: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "ragkit_service.access")
    headers = {"X-Request-ID": "deploy-7.a_B", "traceparent": f"00-{TRACE}-{PARENT}-01"}
    response = http.post("/v1/collections/team-a/search?q=canary", json={"query": "canary"}, headers=headers)
    assert response.headers["X-Request-ID"] == "deploy-7.a_B"
    (line,) = lines(caplog)
    assert line["ms"] > 0
    wanted = {
        "method": "POST",
        "path": "/v1/collections/team-a/search",
        "route": "/v1/collections/{name}/search",
        "status": 200,
        "request_id": "deploy-7.a_B",
        "trace_id": TRACE,
        "client": "testclient",
        "key_id": None,
    }
    assert {name: line[name] for name in wanted} == wanted
    assert "canary" not in json.dumps(line)


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "<script>", 'a"b', "é", "a/b", "a\tb"])
def test_an_unsafe_request_id_is_replaced(http: TestClient, given: str) -> None:
    answered = http.get("/healthz", headers={"X-Request-ID": given.encode("latin-1")}).headers["X-Request-ID"]
    assert len(answered) == 16
    assert answered != given


def test_two_request_ids_are_none(http: TestClient) -> None:
    answered = http.get("/healthz", headers=[("X-Request-ID", "a"), ("X-Request-ID", "b")]).headers["X-Request-ID"]
    assert len(answered) == 16


@pytest.mark.parametrize(
    ("given", "trace"),
    [
        (f"00-{TRACE}-{PARENT}-00", TRACE),
        (f"01-{TRACE}-{PARENT}-01-more", TRACE),
        (f"00-{TRACE}-{PARENT}-01-more", ""),
        (f"ff-{TRACE}-{PARENT}-01", ""),
        (f"00-{'0' * 32}-{PARENT}-01", ""),
        (f"00-{TRACE}-{'0' * 16}-01", ""),
        (f"00-{TRACE.upper()}-{PARENT}-01", ""),
        (f"00-{TRACE}", ""),
        ("", ""),
    ],
)
def test_a_trace_id_is_taken_from_a_valid_traceparent(given: str, trace: str) -> None:
    assert trace_id_of([(b"traceparent", given.encode())]) == trace


def test_other_log_lines_have_no_fields() -> None:
    record = logging.LogRecord("ragkit", logging.WARNING, "x.py", 1, "a %s", ("b",), None)
    assert set(json.loads(JsonFormatter().format(record))) == {"time", "level", "logger", "message"}
