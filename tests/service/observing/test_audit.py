"""The audit log: what it says of requests and keys, what it never says, and how it is rotated."""

from __future__ import annotations

import json
import logging
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient

from ragkit_service import ServiceSettings, create_app
from ragkit_service.cli import keys
from ragkit_service.observing.audit import AuditLog, audit_event
from ragkit_service.security.key_file import Grant, KeyFile
from tests.support.service_fakes import LOCAL, FakeLibrary, plain_extractor

OURS = "/v1/collections/team-a"


def serving(data: Path, **more: Any) -> TestClient:
    library = FakeLibrary("team-a", "team-b")
    library.put("team-a", "pay.md", "sealed words about pay")
    settings = ServiceSettings(data=data, **more)
    return TestClient(create_app(settings, library=library, extractor=plain_extractor()), base_url=LOCAL)


def events(data: Path) -> list[dict[str, Any]]:
    path = data / "audit.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def key(tmp_path: Path) -> str:
    return KeyFile(tmp_path / "keys.json").create("bot", Grant(collections=("team-*",)))


@pytest.fixture
def http(tmp_path: Path, key: str) -> Iterator[TestClient]:
    with serving(tmp_path) as made:
        made.headers["Authorization"] = f"Bearer {key}"
        yield made


def test_every_kind_of_request_says_who_did_what_to_which_collection(
    http: TestClient, tmp_path: Path, key: str
) -> None:
    http.post(f"{OURS}/ask", json={"question": "pay"}, headers={"X-Request-ID": "r-1"})
    http.post(f"{OURS}/search", json={"query": "pay"})
    http.post(f"{OURS}/documents?wait=true", files={"files": ("new.txt", b"new")})
    http.delete(f"{OURS}/documents?source=pay.md")
    http.post("/v1/collections", json={"name": "team-c"})
    http.post("/v1/chat/completions", json={"model": "team-b", "messages": [{"role": "user", "content": "pay"}]})
    http.delete("/v1/collections/team-b?confirm=team-b")
    http.post("/v1/collections/other/search", json={"query": "pay"})
    seen = events(tmp_path)
    assert [(event["route"], event["collections"], event["status"]) for event in seen] == [
        ("/v1/collections/{name}/ask", ["team-a"], 200),
        ("/v1/collections/{name}/search", ["team-a"], 200),
        ("/v1/collections/{name}/documents", ["team-a"], 200),
        ("/v1/collections/{name}/documents", ["team-a"], 200),
        ("/v1/collections", ["team-c"], 201),
        ("/v1/chat/completions", ["team-b"], 200),
        ("/v1/collections/{name}", ["team-b"], 204),
        ("/v1/collections/{name}/search", ["other"], 404),
    ]
    assert len({event["action"] for event in seen}) == 7
    assert seen[0]["action"] == "ask"
    assert {event["key_id"] for event in seen} == {key.split("_")[1]}
    assert {event["client"] for event in seen} == {"testclient"}
    assert seen[0]["request_id"] == "r-1"
    assert all(event["time"].endswith("+00:00") for event in seen)


def test_refused_requests_are_there_and_probes_are_not(http: TestClient, tmp_path: Path) -> None:
    for path in ("/healthz", "/readyz", "/version", "/"):
        http.get(path)
    assert events(tmp_path) == []
    http.get("/v1/collections", headers={"Authorization": "Bearer rk_00000000_wrong"})
    (event,) = events(tmp_path)
    assert (event["status"], event["key_id"], event["method"]) == (401, None, "GET")


def test_no_text_question_or_key_is_written_and_only_the_owner_may_read(
    http: TestClient, tmp_path: Path, key: str
) -> None:
    http.post(f"{OURS}/ask", json={"question": "canary pay"}, headers={"X-Request-ID": "canary question"})
    http.get(f"{OURS}/documents?source=canary.md&prefix=canary")
    http.post(f"{OURS}/documents", files={"files": ("canary.txt", b"canary")})
    http.get("/canary", headers={"traceparent": "canary"})
    text = (tmp_path / "audit.jsonl").read_text()
    assert text.count("\n") == 4
    for secret in ("canary", "sealed", key, key.split("_", 2)[2]):
        assert secret not in text
    assert stat.S_IMODE((tmp_path / "audit.jsonl").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("audit", "with_key", "count"), [("auto", False, 0), ("auto", True, 1), ("on", False, 1), ("off", True, 0)]
)
def test_it_is_on_when_there_are_keys_or_by_setting(tmp_path: Path, audit: Any, with_key: bool, count: int) -> None:
    with serving(tmp_path, audit=audit, api_key="k-1" if with_key else "") as made:
        made.post(f"{OURS}/search", json={"query": "x"}, headers={"X-API-Key": "k-1"})
    assert len(events(tmp_path)) == count


def test_changes_of_keys_are_events(tmp_path: Path) -> None:
    made: list[str] = []
    for arguments in (["create", "bot"], ["rotate", "bot"], ["revoke", "bot"]):
        made.append(CliRunner().invoke(keys, [*arguments, "--data", str(tmp_path)]).stdout.strip())
    seen = events(tmp_path)
    assert [(event["action"], event["key"]) for event in seen] == [
        ("keys.create", "bot"),
        ("keys.rotate", "bot"),
        ("keys.revoke", "bot"),
    ]
    assert seen[0]["changed_key_id"] == made[0].split("_")[1]
    assert made[0].split("_", 2)[2] not in (tmp_path / "audit.jsonl").read_text()
    CliRunner().invoke(keys, ["create", "quiet", "--data", str(tmp_path)], env={"RAGKIT_AUDIT": "off"})
    assert len(events(tmp_path)) == 3


def test_full_files_are_renamed_and_the_oldest_is_deleted(tmp_path: Path) -> None:
    log = AuditLog(tmp_path, largest=200, kept=2)
    for number in range(30):
        log.write(audit_event("ask", {"number": number, "pad": "x" * 60}))
    names = sorted(path.name for path in tmp_path.glob("audit.jsonl*"))
    assert names == ["audit.jsonl", "audit.jsonl.1", "audit.jsonl.2"]
    numbers = [
        json.loads(line)["number"] for name in reversed(names) for line in (tmp_path / name).read_text().splitlines()
    ]
    assert numbers == list(range(numbers[0], 30))


def test_lines_of_several_writers_stay_whole(tmp_path: Path) -> None:
    logs = [AuditLog(tmp_path, largest=20_000, kept=50) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        for index, log in enumerate(logs):
            for number in range(100):
                event = audit_event("ask", {"writer": index, "number": number, "pad": "é" * 50})
                pool.submit(log.write, event)
    seen = [
        (event["writer"], event["number"])
        for path in tmp_path.glob("audit.jsonl*")
        for event in map(json.loads, path.read_text().splitlines())
    ]
    assert sorted(seen) == [(index, number) for index in range(4) for number in range(100)]


def test_a_line_that_another_is_writing_is_not_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = AuditLog(tmp_path)
    log.write(audit_event("ask", {}))
    seen = iter([b"x", b"\n"])  # the middle of a line, then its end
    monkeypatch.setattr("ragkit_service.observing.audit.os.pread", lambda *_: next(seen))
    log.write(audit_event("search", {}))
    lines = (tmp_path / "audit.jsonl").read_text().splitlines()
    assert [json.loads(line)["action"] for line in lines] == ["ask", "search"]


def test_a_line_that_was_cut_does_not_spoil_the_next(tmp_path: Path) -> None:
    log = AuditLog(tmp_path)
    log.write(audit_event("ask", {}))
    with (tmp_path / "audit.jsonl").open("a") as file:
        file.write('{"time": "2026')
    log.write(audit_event("search", {}))
    lines = (tmp_path / "audit.jsonl").read_text().splitlines()
    assert [json.loads(lines[0])["action"], json.loads(lines[2])["action"]] == ["ask", "search"]


def test_a_log_that_cannot_be_written_stops_no_request(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "audit.jsonl").mkdir()
    caplog.set_level(logging.ERROR)
    with serving(tmp_path, audit="on") as made:
        assert made.post(f"{OURS}/search", json={"query": "pay"}).status_code == 200
    assert "the audit log lacks an event (search)" in caplog.text
