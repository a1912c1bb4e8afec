"""The short way of a valid request: the same answers as FastAPI's own way, to every body."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute
from starlette.testclient import TestClient

from ragkit_service.routes.fast_route import DirectRoute
from ragkit_service.schemas.requests import SearchRequest
from tests.support.service_fakes import FakeLibrary, client

SEARCH, PROMPT, ASK = (f"/v1/collections/default/{verb}" for verb in ("search", "prompt", "ask"))
BODIES = (
    b'{"query": "refund"}',
    b'{"question": "refund", "k": 3, "history": [{"role": "user", "content": "hello"}]}',
    b'{"query": "refund", "where": {"type": "eq", "key": "team", "value": "sales"}}',
    b'{"query": "refund", "where": {"type": "eq", "key": "n", "value": 9223372036854775807}}',
    b'{"query": "refund", "where": {"type": "eq", "key": "n", "value": 9223372036854775808}}',
    b'{"query": "refund", "where": {"type": "lt", "key": "n", "value": 1e400}}',
    b'{"query": "refund", "where": {"type": "lt", "key": "n", "value": NaN}}',
    b'{"query": "refund", "where": {"type": "lt", "key": "n", "value": 1.50}}',
    b'{"query": "warranty", "query": "refund"}',
    b'{"query": "refund", "question": "warranty"}',
    b'{"query": "refund", "k": 2.0}',
    b'{"query": "refund", "k": null}',
    b'{"query": "refund \\ud83d\\ude42"}',
    b'{"query": "refund \\ud800"}',
    b'{"query": "\xc3\x9cber refund"}',
    b'{"query": "refund \xff"}',
    b'\xef\xbb\xbf{"query": "refund"}',
    '{"query": "refund"}'.encode("utf-16"),
    b'{"query": "refund\n"}',
    b'{"query": "refund",}',
    b' {"query": "refund"} \n',
    b'{"query": "refund"} {}',
    b'{"query": "refund", "stream": false}',
    b'{"query": ""}',
    b"null",
    b"",
)


@pytest.fixture
def library() -> FakeLibrary:
    made = FakeLibrary("default")
    made.put("default", "refunds.md", "refund window of thirty days")
    return made


def answer(http: TestClient, path: str, body: bytes) -> tuple[int, str, Any]:
    """Return what is the same every time a request is sent."""
    response = http.post(path, content=body, headers={"Content-Type": "application/json"})
    said = response.json()
    return response.status_code, response.headers["content-type"], {**said, "took_ms": 0, "request_id": ""}


@pytest.mark.parametrize("path", [SEARCH, PROMPT, ASK])
@pytest.mark.parametrize("body", BODIES)
def test_either_way_answers_the_same(
    library: FakeLibrary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, body: bytes
) -> None:
    with client(library, tmp_path) as http:
        direct = answer(http, path, body)
    monkeypatch.setattr(DirectRoute, "get_route_handler", APIRoute.get_route_handler)
    with client(library, tmp_path) as http:
        assert answer(http, path, body) == direct


def test_a_valid_search_does_not_go_the_long_way(
    library: FakeLibrary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    took: list[str] = []

    def handler(self: APIRoute) -> Any:
        async def handle(request: Any) -> Any:
            took.append(self.path)
            return await usual(request)

        usual = original(self)
        return handle

    original = APIRoute.get_route_handler
    monkeypatch.setattr(APIRoute, "get_route_handler", handler)
    with client(library, tmp_path) as http:
        assert http.post(SEARCH, json={"query": "refund"}).status_code == 200
        assert not took
        assert http.post(SEARCH, json={"query": 5}).status_code == 422
        assert len(took) == 1


def test_openapi_knows_no_difference(library: FakeLibrary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with client(library, tmp_path) as http:
        direct = http.get("/openapi.json").json()
    monkeypatch.setattr(DirectRoute, "get_route_handler", APIRoute.get_route_handler)
    with client(library, tmp_path) as http:
        assert http.get("/openapi.json").json() == direct
    assert SearchRequest.__name__ in json.dumps(direct["paths"]["/v1/collections/{name}/search"]["post"]["requestBody"])
