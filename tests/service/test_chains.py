"""Chains over HTTP: list, run and stream, labels, stopping, and the traces that are kept."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from ragkit import Document
from ragkit_service import Limits
from ragkit_service.security.key_file import Grant, KeyFile
from tests.support.service_fakes import FakeLibrary, client

PLACE = "/v1/collections/team-a"
QUESTION = {"question": "What is the monthly pay in Ghent?"}
OWN = """name: lookup
version: 3
description: Finds passages and says them.
steps:
  - name: passages
    kind: retrieve
    k: 2
  - name: reply
    kind: generate
    sources: [passages]
"""


class Folders(FakeLibrary):
    """A library whose collection is in a folder that stays."""

    def __init__(self, folder: Path) -> None:
        super().__init__("team-a")
        self.prepare = lambda knowledge: setattr(knowledge, "folder", folder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "collection"
    (made / "chains").mkdir(parents=True)
    (made / "chains" / "lookup.yaml").write_text(OWN)
    return made


@pytest.fixture
def library(folder: Path) -> FakeLibrary:
    made = Folders(folder)
    made.put("team-a", "ghent.md", "In Ghent the monthly pay is 3,120 euros.")
    made.shelves["team-a"]["turin.md"] = Document.from_text(
        "turin.md", "In Turin the monthly pay is 2,870 euros.", title="Turin", metadata={"acl": ("hr",)}
    )
    return made


@pytest.fixture
def http(library: FakeLibrary, tmp_path: Path) -> Iterator[TestClient]:
    with client(library, tmp_path) as made:
        yield made


def events(text: str) -> list[tuple[str, Any]]:
    blocks = [block.split("\n") for block in text.strip().split("\n\n") if not block.startswith(":")]
    return [(lines[0].removeprefix("event: "), json.loads(lines[1].removeprefix("data: "))) for lines in blocks]


def test_the_chains_of_the_collection_and_of_ragkit_are_listed(http: TestClient, folder: Path) -> None:
    (folder / "chains" / "broken.yaml").write_text("name: broken\nsteps: 4\n")
    listed = http.get(f"{PLACE}/chains").json()["chains"]

    by_name = {item["name"]: item for item in listed}
    assert set(by_name) == {"lookup", "decompose", "support", ""}
    assert [step["kind"] for step in by_name["lookup"]["steps"]] == ["retrieve", "generate"]
    assert by_name["lookup"]["version"] == 3
    assert "broken.yaml" in by_name[""]["error"]
    assert str(folder) not in json.dumps(listed)


def test_a_run_has_every_step_and_its_trace_is_kept(http: TestClient) -> None:
    run = http.post(f"{PLACE}/chains/lookup", json=QUESTION)

    assert run.status_code == 200, run.text
    told = run.json()
    assert [(step["name"], step["status"]) for step in told["steps"]] == [("passages", "done"), ("reply", "done")]
    assert "pay" in told["text"]
    assert told["id"] in http.get(f"{PLACE}/traces").json()["traces"]
    assert http.get(f"{PLACE}/traces/{told['id']}").json() == told
    text = http.get(f"{PLACE}/traces/{told['id']}", params={"format": "text"})
    assert text.headers["Content-Type"].startswith("text/plain")
    assert "passages" in text.text
    assert told["text"].split(" [")[0] in text.text


def test_steps_are_streamed_before_the_run(http: TestClient) -> None:
    found = events(http.post(f"{PLACE}/chains/lookup", json={**QUESTION, "stream": True}).text)

    assert [name for name, _ in found] == ["step", "step", "run"]
    assert [data["name"] for name, data in found[:-1]] == ["passages", "reply"]
    assert found[-1][1]["steps"] == [data for _, data in found[:-1]]


@pytest.mark.parametrize("name", ["unknown", "lookup.yaml", "..%2Fchains%2Flookup", "%2Fetc%2Fpasswd", ""])
def test_only_the_name_of_an_installed_chain_runs(http: TestClient, name: str) -> None:
    for body in (QUESTION, {**QUESTION, "stream": True}):
        assert http.post(f"{PLACE}/chains/{name}", json=body).status_code in (404, 405)


def test_the_body_cannot_bring_a_chain_or_a_model(http: TestClient) -> None:
    for extra in ({"chain": "x"}, {"path": "/etc/passwd"}, {"model": "openai:x"}, {"store": False}):
        assert http.post(f"{PLACE}/chains/lookup", json={**QUESTION, **extra}).status_code == 422
    assert http.post(f"{PLACE}/chains/lookup", json={"question": " "}).status_code == 422


def test_a_failed_step_is_told_in_the_run_without_paths(http: TestClient, folder: Path) -> None:
    steps = "  - name: rows\n    kind: sql\n    database: gone\n    query: SELECT 1\n"
    text = f"name: lost\nversion: 1\ndescription: x\ndatabases:\n  gone: gone.sqlite\nsteps:\n{steps}"
    (folder / "chains" / "lost.yaml").write_text(text)
    found = http.post(f"{PLACE}/chains/lost", json=QUESTION)
    assert str(folder) not in found.text
    assert found.status_code in (200, 500, 503)


def test_a_key_with_labels_sees_its_documents_only_and_no_trace(
    library: FakeLibrary, tmp_path: Path, folder: Path
) -> None:
    keys = KeyFile(tmp_path / "keys.json")
    limited = {"Authorization": f"Bearer {keys.create('limited', Grant(labels=()))}"}
    full = {"Authorization": f"Bearer {keys.create('full', Grant())}"}
    with client(library, tmp_path) as http:
        own = http.post(f"{PLACE}/chains/lookup", json=QUESTION, headers=limited)
        assert own.status_code == 200
        assert "Turin the monthly" not in own.text
        assert "Turin the monthly" in http.post(f"{PLACE}/chains/lookup", json=QUESTION, headers=full).text
        for path in ("traces", f"traces/{own.json()['id']}"):
            assert http.get(f"{PLACE}/{path}", headers=limited).status_code == 403
            assert http.get(f"{PLACE}/{path}", headers=full).status_code == 200


@pytest.mark.parametrize("trace", ["none", "..%2F..%2Fkeys", "20200101T000000000-00000000-x"])
def test_an_unknown_trace_is_not_found(http: TestClient, trace: str) -> None:
    assert http.get(f"{PLACE}/traces/{trace}").status_code == 404


def test_a_chain_ends_when_the_service_ends(tmp_path: Path, library: FakeLibrary) -> None:
    prepare = library.prepare
    started: list[TestClient] = []

    def slow(what: str) -> None:
        if what == "search":
            time.sleep(0.5)  # the head of the stream is sent by then
            started[0].app.state.service.ending.begin()  # type: ignore[attr-defined]
            time.sleep(1.0)

    def prepared(knowledge: Any) -> None:
        prepare(knowledge)
        knowledge.before = slow

    library.prepare = prepared
    with client(library, tmp_path, limits=Limits(ending_seconds=0.1, first_event_seconds=0.1)) as http:
        started.append(http)
        found = events(http.post(f"{PLACE}/chains/lookup", json={**QUESTION, "stream": True}).text)
    assert [name for name, _ in found][-1] == "error"
