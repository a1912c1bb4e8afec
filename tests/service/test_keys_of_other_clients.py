"""What a key may do in the formats of other clients: collections of its own, its access labels, its scopes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from ragkit import Document
from ragkit_service.document_ids import document_id
from ragkit_service.security.key_file import Grant, KeyFile
from tests.support.service_fakes import FakeLibrary, client

Send = Callable[[TestClient, str, dict[str, str]], Any]
ASKED = "secret text"


@pytest.fixture
def library() -> FakeLibrary:
    made = FakeLibrary("team-a", "team-b")
    for source, labels in {"open.md": (), "pay.md": ("hr",), "plan.md": ("board",)}.items():
        metadata = {"acl": labels} if labels else {}
        text = f"secret text of {source}"
        made.shelves["team-a"][source] = Document.from_text(source, text, title=source, metadata=metadata)
    return made


@pytest.fixture
def keys(tmp_path: Path) -> KeyFile:
    return KeyFile(tmp_path / "keys.json")


@pytest.fixture
def http(library: FakeLibrary, tmp_path: Path, keys: KeyFile) -> Iterator[TestClient]:
    keys.create("first", Grant(scopes=("admin",)))
    with client(library, tmp_path) as made:
        yield made


def mcp_call(http: TestClient, tool: str, headers: dict[str, str], **arguments: Any) -> Any:
    """Call a tool and return its text; a failed call is a 404 here, as for the other routes."""
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}
    accept = {"Accept": "application/json, text/event-stream"}
    return http.post("/mcp", json=body, headers={**headers, **accept})


READING: dict[str, Send] = {
    "chat": lambda http, name, headers: http.post(
        "/v1/chat/completions",
        json={"model": f"ragkit/{name}", "messages": [{"role": "user", "content": ASKED}]},
        headers=headers,
    ),
    "responses": lambda http, name, headers: http.post(
        "/v1/responses",
        json={"model": f"ragkit/{name}", "input": ASKED, "include": ["file_search_call.results"]},
        headers=headers,
    ),
    "search in a store": lambda http, name, headers: http.post(
        f"/v1/vector_stores/{name}/search", json={"query": ASKED}, headers=headers
    ),
    "a store": lambda http, name, headers: http.get(f"/v1/vector_stores/{name}", headers=headers),
    "files of a store": lambda http, name, headers: http.get(f"/v1/vector_stores/{name}/files", headers=headers),
    "a file of a store": lambda http, name, headers: http.get(
        f"/v1/vector_stores/{name}/files/{document_id('open.md')}", headers=headers
    ),
    "content of a file": lambda http, name, headers: http.get(
        f"/v1/vector_stores/{name}/files/{document_id('open.md')}/content", headers=headers
    ),
    "Dify": lambda http, name, headers: http.post(
        "/retrieval", json={"knowledge_id": name, "query": ASKED}, headers=headers
    ),
}


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def message(response: Any) -> str:
    """Return what an error says, without its request's id."""
    content = response.json()
    return str(content.get("error_msg") or content["error"]["message"])


@pytest.mark.parametrize("way", READING)
def test_another_teams_collection_is_the_same_404_as_an_unknown_one(http: TestClient, keys: KeyFile, way: str) -> None:
    theirs = bearer(keys.create("theirs", Grant(("admin",), ("team-b",))))
    foreign, unknown = (READING[way](http, name, theirs) for name in ("team-a", "team-x"))

    assert (foreign.status_code, unknown.status_code) == (404, 404)
    assert message(foreign) == message(unknown).replace("team-x", "team-a")


@pytest.mark.parametrize("way", READING)
def test_reading_needs_the_scope_read(http: TestClient, keys: KeyFile, way: str) -> None:
    read, write = (bearer(keys.create(scope, Grant((scope,), ("team-a",)))) for scope in ("read", "write"))  # type: ignore[arg-type]
    assert READING[way](http, "team-a", read).status_code == 200
    assert READING[way](http, "team-a", write).status_code == 403


@pytest.mark.parametrize("way", READING)
def test_documents_with_other_labels_are_never_seen(http: TestClient, keys: KeyFile, way: str) -> None:
    narrow = bearer(keys.create("hr", Grant(("read",), ("team-a",), labels=("hr",))))
    response = READING[way](http, "team-a", narrow)

    assert response.status_code == 200
    assert "plan.md" not in response.text
    assert document_id("plan.md") not in response.text
    hidden = http.get(f"/v1/vector_stores/team-a/files/{document_id('plan.md')}", headers=narrow)
    nowhere = http.get(f"/v1/vector_stores/team-a/files/{document_id('none.md')}", headers=narrow)
    assert (hidden.status_code, message(hidden)) == (404, message(nowhere))


def test_models_and_stores_are_those_of_the_key(http: TestClient, keys: KeyFile) -> None:
    theirs = bearer(keys.create("theirs", Grant(("read",), ("team-b",))))
    models = http.get("/v1/models", headers=theirs).json()["data"]
    stores = http.get("/v1/vector_stores", headers=theirs).json()["data"]

    assert [model["id"] for model in models] == ["ragkit/team-b"]
    assert [store["id"] for store in stores] == ["team-b"]
    assert http.get("/v1/models/ragkit/team-a", headers=theirs).status_code == 404


def test_storing_and_making_need_the_scope_write(http: TestClient, keys: KeyFile) -> None:
    read, write = (bearer(keys.create(scope, Grant((scope,), ("team-a*",)))) for scope in ("read", "write"))  # type: ignore[arg-type]
    upload = {"file": ("a.txt", b"new text")}
    assert http.post("/v1/files", files=upload, headers=read).status_code == 403
    stored = http.post("/v1/files", files=upload, headers=write).json()["id"]
    attached = "/v1/vector_stores/team-a/files"
    assert http.post(attached, json={"file_id": stored}, headers=read).status_code == 403
    assert http.post("/v1/vector_stores/team-b/files", json={"file_id": stored}, headers=write).status_code == 404
    assert http.post(attached, json={"file_id": stored}, headers=write).status_code == 200
    assert http.get(f"/v1/files/{stored}", headers=read).status_code == 404
    assert http.post("/v1/vector_stores", json={"name": "team-b2"}, headers=write).status_code == 403
    assert http.post("/v1/vector_stores", json={"name": "Team A2"}, headers=write).json()["id"] == "team-a2"
    assert http.delete("/v1/vector_stores/team-a", headers=write).status_code == 409
    assert http.put("/process", content=b"text", headers=write).status_code == 403
    assert http.post("/v1/rerank", json={"query": "a", "documents": ["b"]}, headers=write).status_code == 403


def test_tools_of_mcp_go_by_the_key(http: TestClient, keys: KeyFile) -> None:
    pytest.importorskip("mcp", reason="the package mcp is not installed: pip install 'ragkit[mcp]'")
    theirs = bearer(keys.create("theirs", Grant(("admin",), ("team-b",))))
    narrow = bearer(keys.create("hr", Grant(("read",), ("team-a",), labels=("hr",))))
    open_id, plan_id = (f"team-a/{document_id(source)}" for source in ("open.md", "plan.md"))

    for tool, arguments in (
        ("search", {"query": ASKED, "collection": "team-a"}),
        ("fetch", {"id": open_id}),
        ("ask", {"question": ASKED, "collection": "team-a"}),
        ("list_documents", {"collection": "team-a"}),
    ):
        refused = mcp_call(http, tool, theirs, **arguments).json()["result"]
        assert refused["isError"], tool
        assert "no collection" in refused["content"][0]["text"]
        told = json.dumps(mcp_call(http, tool, narrow, **arguments).json())
        assert "plan.md" not in told
        assert 'isError": true' not in told
    assert mcp_call(http, "search", theirs, query=ASKED).json()["result"]["structuredContent"] == {"results": []}
    assert mcp_call(http, "fetch", narrow, id=plan_id).json()["result"]["isError"]
    assert mcp_call(http, "search", {}, query=ASKED).status_code == 401


def test_a_batch_of_files_is_for_who_may_write_and_is_seen_by_its_team_only(http: TestClient, keys: KeyFile) -> None:
    read, write = (bearer(keys.create(scope, Grant((scope,), ("team-a",)))) for scope in ("read", "write"))  # type: ignore[arg-type]
    theirs = bearer(keys.create("theirs", Grant(("admin",), ("team-b",))))
    stored = http.post("/v1/files", files={"file": ("new.md", b"new text")}, headers=write).json()["id"]

    def begin(headers: dict[str, str], name: str = "team-a") -> Any:
        return http.post(f"/v1/vector_stores/{name}/file_batches", json={"file_ids": [stored]}, headers=headers)

    assert begin(read).status_code == 403
    assert message(begin(theirs)) == message(begin(theirs, "team-x")).replace("team-x", "team-a")
    batch = begin(write).json()["id"]
    for name in ("team-a", "team-b"):
        for path in ("", "/files"):
            found = http.get(f"/v1/vector_stores/{name}/file_batches/{batch}{path}", headers=theirs)
            assert found.status_code == 404, (name, path)
        assert http.post(f"/v1/vector_stores/{name}/file_batches/{batch}/cancel", headers=theirs).status_code == 404, (
            name
        )
    assert http.get(f"/v1/vector_stores/team-a/file_batches/{batch}", headers=write).status_code == 200
