"""What a key may do: scopes, collections, access labels, expiry, rate; every route with every kind of key."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient

from ragkit import ConfigError, ConflictError, Document, InputError, NotFoundError
from ragkit_service.cli import keys as keys_command
from ragkit_service.document_ids import document_id
from ragkit_service.security.key_file import Grant, KeyFile
from ragkit_service.security.rate_limit import RateLimits
from ragkit_service.security.signed_labels import HEADER, signed_labels
from tests.support.service_fakes import FakeLibrary, client

OURS = "/v1/collections/team-a"
BODIES: dict[str, Any] = {
    "search": {"query": "text"},
    "prompt": {"question": "text"},
    "ask": {"question": "text"},
    "check": {"text": "Some text."},
    "feedback": {"question": "text?", "answer": "text", "verdict": "good"},
    "{chain}": {"question": "text"},
    "remove": {"where": {"type": "eq", "key": "team", "value": "none"}},
}
WRITING = {
    ("post", ""),
    ("delete", ""),
    ("post", "documents"),
    ("delete", "documents"),
    ("delete", "documents/{id}"),
    ("post", "remove"),
    ("get", "feedback"),  # it quotes what others asked
    ("get", "feedback/questions"),
    ("get", "traces"),
    ("get", "traces/{trace}"),
}


def document(source: str, text: str, *labels: str) -> Document:
    return Document.from_text(source, text, title=source, metadata={"acl": labels} if labels else {})


@pytest.fixture
def library() -> FakeLibrary:
    made = FakeLibrary("team-a", "team-b")
    for name in made.shelves:
        made.shelves[name] = {
            "open.md": document("open.md", "open text"),
            "pay.md": document("pay.md", "secret text about pay", "hr"),
            "plan.md": document("plan.md", "secret text about plans", "board"),
        }
    return made


@pytest.fixture
def stored(tmp_path: Path) -> KeyFile:
    return KeyFile(tmp_path / "keys.json")


@pytest.fixture
def http(library: FakeLibrary, tmp_path: Path, stored: KeyFile) -> Iterator[TestClient]:
    stored.create("first", Grant(scopes=("admin",)))
    with client(library, tmp_path) as made:
        yield made


def bearer(key: str, **more: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}", **more}


# ------------------------------------------------------------------ every route, every kind of key


def send(http: TestClient, method: str, path: str, headers: dict[str, str], *, name: str = "team-a") -> Any:
    """Send a valid request to a route of the OpenAPI document."""
    filled = path.replace("{name}", name).replace("{id}", document_id("open.md")).replace("{number}", "1")
    filled = filled.replace("{job_id}", "job_none").replace("{chain}", "decompose").replace("{trace}", "none")
    last = path.rpartition("/")[2]
    if method == "post" and last == "documents":
        return http.post(f"{filled}?wait=true", files={"files": ("new.txt", b"new")}, headers=headers)
    if method == "delete":
        filled += "?source=nothing" if last == "documents" else f"?confirm={name}"
    if path == "/v1/collections" and method == "post":
        return http.post(filled, json={"name": f"{name}-new"}, headers=headers)
    return http.request(method, filled, json=BODIES.get(last), headers=headers)


def routes(http: TestClient) -> list[tuple[str, str]]:
    paths: dict[str, Any] = http.app.openapi()["paths"]  # type: ignore[attr-defined]
    found = [(method, path) for path, methods in paths.items() for method in methods if path != "/healthz"]
    return sorted(found, key=lambda route: (route == ("delete", "/v1/collections/{name}"), route))


def test_every_route_with_every_kind_of_key(http: TestClient, stored: KeyFile) -> None:
    ours = {
        "read": stored.create("read", Grant(("read",), ("team-a*",))),
        "write": stored.create("write", Grant(("write",), ("team-a*",))),
        "admin": stored.create("admin", Grant(("admin",), ("team-a*",))),
    }
    theirs = stored.create("theirs", Grant(("admin",), ("team-b",)))
    expired = stored.create("expired", Grant(("admin",), expires_at="2020-01-01"))
    assert len(routes(http)) > 20
    for method, path in routes(http):
        place = (method, path)
        for headers in ({}, bearer("rk_00000000_wrong"), bearer(expired)):
            assert send(http, method, path, headers).status_code == 401, place
        if "{name}" in path:
            foreign = send(http, method, path, bearer(theirs))
            unknown = send(http, method, path, bearer(theirs), name="team-x")
            assert (foreign.status_code, unknown.status_code) == (404, 404), place
            assert foreign.json()["detail"] == unknown.json()["detail"].replace("team-x", "team-a"), place
        below = path.partition("{name}")[2].lstrip("/")
        wanted = "write" if (method, below) in WRITING else "read"
        if "{name}" not in path:
            continue
        other = "read" if wanted == "write" else "write"
        assert send(http, method, path, bearer(ours[other])).status_code == 403, place
        assert send(http, method, path, bearer(ours[wanted])).status_code in (200, 201, 204, 404), place


def test_a_key_lists_and_makes_collections_of_its_own(http: TestClient, stored: KeyFile) -> None:
    key = stored.create("a", Grant(collections=("team-a*",)))
    assert http.get("/v1/collections", headers=bearer(key)).json() == {"collections": ["team-a"]}
    assert http.post("/v1/collections", json={"name": "team-c"}, headers=bearer(key)).status_code == 403
    assert http.post("/v1/collections", json={"name": "team-b"}, headers=bearer(key)).status_code == 403
    assert http.post("/v1/collections", json={"name": "team-a2"}, headers=bearer(key)).status_code == 201
    made = http.post("/v1/collections/team-c/documents", files={"files": ("a", b"x")}, headers=bearer(key))
    assert made.status_code == 404
    assert http.get("/readyz", headers=bearer(key)).json()["collections"] == 2


def test_only_an_admin_deletes_a_collection_without_its_name(http: TestClient, stored: KeyFile) -> None:
    write, admin = stored.create("w", Grant(("write",))), stored.create("a", Grant(("admin",)))
    assert http.delete(OURS, headers=bearer(write)).status_code == 409
    assert http.delete(OURS, headers=bearer(admin)).status_code == 204
    assert http.delete("/v1/collections/team-b?confirm=team-b", headers=bearer(write)).status_code == 204


def test_jobs_of_other_teams_are_not_there(http: TestClient, stored: KeyFile) -> None:
    ours, theirs = (stored.create(name, Grant(collections=(name,))) for name in ("team-a", "team-b"))
    job = http.post(f"{OURS}/documents", files={"files": ("a.txt", b"x")}, headers=bearer(ours)).json()
    place = f"/v1/jobs/{job['id']}"
    assert http.get(place, headers=bearer(ours)).status_code == 200
    unknown = http.get("/v1/jobs/job_0", headers=bearer(theirs)).json()
    for response in (
        http.get(place, headers=bearer(theirs)),
        http.get(f"{place}/events", headers=bearer(theirs)),
        http.post(f"{place}/cancel", headers=bearer(theirs)),
        http.delete(place, headers=bearer(theirs)),
    ):
        assert (response.status_code, response.json()["detail"]) == (404, unknown["detail"])
    assert http.get("/v1/jobs", headers=bearer(theirs)).json() == {"jobs": []}


# ------------------------------------------------------------------ access labels


def seen(http: TestClient, headers: dict[str, str]) -> set[str]:
    """Return every source that any route shows."""
    found: set[str] = set()
    for where in (None, {"type": "ne", "key": "source", "value": "x"}):
        hits = http.post(f"{OURS}/search", json={"query": "text", "where": where}, headers=headers).json()["hits"]
        found |= {hit["source"] for hit in hits}
    prompt = http.post(f"{OURS}/prompt", json={"question": "text"}, headers=headers).json()
    found |= {passage["source"] for passage in prompt["passages"]}
    answer = http.post(f"{OURS}/ask", json={"question": "text"}, headers=headers).json()
    found |= {citation["source"] for citation in answer["citations"]}
    found |= {item["source"] for item in http.get(f"{OURS}/documents", headers=headers).json()["documents"]}
    for source in ("open.md", "pay.md", "plan.md"):
        by_id = http.get(f"{OURS}/documents/{document_id(source)}", headers=headers)
        by_source = http.get(f"{OURS}/documents", params={"source": source}, headers=headers)
        page = http.get(f"{OURS}/documents/{document_id(source)}", headers={**headers, "Accept": "text/html"})
        assert by_id.status_code == by_source.status_code == page.status_code
        if by_id.status_code == 200:
            found.add(source)
    return found


@pytest.mark.parametrize(
    ("labels", "sources"),
    [
        (None, {"open.md", "pay.md", "plan.md"}),
        ((), {"open.md"}),
        (("hr",), {"open.md", "pay.md"}),
        (("hr", "board"), {"open.md", "pay.md", "plan.md"}),
        (("sales",), {"open.md"}),
    ],
)
def test_a_key_shows_only_what_its_labels_admit(
    http: TestClient, stored: KeyFile, labels: tuple[str, ...] | None, sources: set[str]
) -> None:
    headers = bearer(stored.create("k", Grant(("read",), labels=labels)))
    assert seen(http, headers) == sources
    history = http.get(f"{OURS}/history", headers=headers).status_code
    assert history == (200 if labels is None else 403)
    assert http.get(OURS, headers=headers).json()["documents"] == len(sources)


def test_a_signed_header_narrows_a_key_and_never_widens_it(http: TestClient, stored: KeyFile) -> None:
    wide = stored.create("wide", Grant(("read",)))
    narrow = stored.create("narrow", Grant(("read",), labels=("hr",)))
    soon = int(time.time()) + 60

    def signed(key: str, *labels: str) -> dict[str, str]:
        return bearer(key, **{HEADER: signed_labels(key, labels, expires=soon)})

    assert seen(http, signed(wide, "board")) == {"open.md", "plan.md"}
    assert seen(http, signed(wide)) == {"open.md"}
    assert seen(http, signed(narrow, "hr", "board")) == {"open.md", "pay.md"}
    assert seen(http, signed(narrow, "board")) == {"open.md"}


def test_a_header_that_is_not_signed_by_the_key_is_refused(http: TestClient, stored: KeyFile) -> None:
    key, other = stored.create("k", Grant(("read",))), stored.create("o", Grant(("read",)))
    now = int(time.time())
    good = signed_labels(key, ["hr"], expires=now + 60)
    for value in (
        "",
        "hr",
        good.replace("hr", "board"),
        good.replace(f"exp={now + 60}", f"exp={now + 61}"),
        good[:-1] + ("0" if good[-1] != "0" else "1"),
        signed_labels(other, ["hr"], expires=now + 60),
        signed_labels(key, ["hr"], expires=now - 1),
        signed_labels(key, ["hr"], expires=now + 90_000),
    ):
        response = http.post(f"{OURS}/search", json={"query": "text"}, headers=bearer(key, **{HEADER: value}))
        assert response.status_code == 401, value


def test_a_header_without_any_key_is_refused(library: FakeLibrary, tmp_path: Path) -> None:
    with client(library, tmp_path) as http:
        value = signed_labels("", ["hr"], expires=int(time.time()) + 60)
        assert http.post(f"{OURS}/search", json={"query": "text"}, headers={HEADER: value}).status_code == 401


def test_an_upload_of_a_key_with_labels_has_them(http: TestClient, stored: KeyFile, library: FakeLibrary) -> None:
    headers = bearer(stored.create("k", Grant(labels=("hr", "sales"))))

    def upload(name: str, **data: str) -> Any:
        files = {"files": (name, b"text")}
        return http.post(f"{OURS}/documents?wait=true", files=files, data=data, headers=headers)

    assert upload("own.txt").status_code == 200
    assert upload("one.txt", acl="hr").status_code == 200
    assert upload("all.txt", acl="[]").status_code == 200
    assert upload("foreign.txt", acl="board").status_code == 422
    assert upload("bad.txt", acl="[5]").status_code == 422
    for acl in (["board"], ["hr", "board"]):
        body = {"documents": [{"id": "sly", "text": "x", "acl": acl}]}
        assert http.post(f"{OURS}/documents?wait=true", json=body, headers=headers).status_code == 422
    assert upload("sly.txt", metadata='{"acl": "board"}').status_code == 422
    held = {source: doc.metadata.get("acl") for source, doc in library.shelves["team-a"].items() if ":" in source}
    assert held == {"upload:own.txt": ("hr", "sales"), "upload:one.txt": ("hr",), "upload:all.txt": None}


def test_what_a_key_does_not_see_it_neither_replaces_nor_removes(
    http: TestClient, stored: KeyFile, library: FakeLibrary
) -> None:
    library.shelves["team-a"]["upload:plan.md"] = document("upload:plan.md", "the board's plan", "board")
    headers = bearer(stored.create("k", Grant(labels=("hr",))))
    replaced = http.post(f"{OURS}/documents?wait=true", files={"files": ("plan.md", b"x")}, headers=headers)
    assert (replaced.status_code, replaced.json()["files"][0]["reason"]) == (422, "name_taken")
    assert http.delete(f"{OURS}/documents?source=plan.md", headers=headers).status_code == 404
    assert http.delete(f"{OURS}/documents/{document_id('upload:plan.md')}", headers=headers).status_code == 404
    assert http.post(f"{OURS}/remove", json={"prefix": "p"}, headers=headers).json() == {"removed": 1}
    assert sorted(library.shelves["team-a"]) == ["open.md", "plan.md", "upload:plan.md"]
    assert library.shelves["team-a"]["upload:plan.md"].text == "the board's plan"


# ------------------------------------------------------------------ the rate, and the file


def test_a_key_that_asks_too_often_is_told_when_to_come_again(http: TestClient, stored: KeyFile) -> None:
    headers = bearer(stored.create("slow", Grant(rate=3)))
    codes = [http.get("/version", headers=headers).status_code for _ in range(5)]
    assert codes == [200, 200, 200, 429, 429]
    refused = http.get("/version", headers=headers)
    assert 1 <= int(refused.headers["retry-after"]) <= 20
    assert http.get("/version", headers=bearer(stored.create("other"))).status_code == 200


def test_a_bucket_fills_again_and_holds_a_minute() -> None:
    now = 100.0
    limits = RateLimits(lambda: now)
    assert [limits.wait("k", 2) for _ in range(3)] == [0.0, 0.0, 30.0]
    now += 29
    assert limits.wait("k", 2) == pytest.approx(1.0)
    now += 2
    assert limits.wait("k", 2) == 0.0
    now += 3600
    assert [limits.wait("k", 2) > 0 for _ in range(3)] == [False, False, True]


def test_a_rotated_key_keeps_its_rights_and_its_id(stored: KeyFile) -> None:
    old = stored.create("laptop", Grant(("read",), ("a",), ("hr",), "2030-01-01", 7))
    before = stored.read()[0]
    new = stored.rotate("laptop")
    after = stored.read()[0]
    assert old != new
    assert old.split("_")[:2] == new.split("_")[:2] == ["rk", before.id]
    assert (after.id, after.grant, after.sha256 != before.sha256) == (before.id, before.grant, True)
    stored.revoke(before.id)
    assert stored.read() == []
    with pytest.raises(NotFoundError):
        stored.rotate("laptop")


def test_keys_of_an_earlier_version_may_do_everything(stored: KeyFile) -> None:
    digest = "ab" * 32
    old = {"version": 1, "keys": [{"name": "laptop", "sha256": digest, "created_at": "2025-01-01T00:00:00+00:00"}]}
    stored.path.write_text(json.dumps(old))
    (key,) = stored.read()
    assert (key.name, key.sha256, key.access.has("admin"), key.access.labels) == ("laptop", digest, True, None)
    stored.create("new")
    assert [item.name for item in stored.read()] == ["laptop", "new"]
    with pytest.raises(ConflictError):
        stored.create("laptop")


@pytest.mark.parametrize(
    "wrong",
    [
        {"scopes": ()},
        {"scopes": ("root",)},
        {"collections": ()},
        {"collections": ("A",)},
        {"collections": ("a/b",)},
        {"labels": ("a,b",)},
        {"expires_at": "soon"},
        {"rate": -1},
    ],
)
def test_rights_that_mean_nothing_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        Grant(**wrong)


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno
    import tempfile

    stored = KeyFile(tmp_path / "keys.json")
    for code, kind in ((errno.EACCES, ConfigError), (errno.ENOSPC, Exception)):

        def refuse(*_: Any, code: int = code, **__: Any) -> Any:
            raise OSError(code, "refused")

        monkeypatch.setattr(tempfile, "mkstemp", refuse)
        with pytest.raises(kind) as error:
            stored.create("k")
        assert type(error.value).__name__ == ("ConfigError" if code == errno.EACCES else "StorageFullError")


def test_the_command_makes_lists_rotates_and_revokes(tmp_path: Path) -> None:
    def run(*arguments: str) -> str:
        done = CliRunner().invoke(keys_command, [*arguments, "--data", str(tmp_path)], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.stdout

    made = json.loads(run("create", "bot", "--scope", "read", "--collection", "team-a", "--label", "hr", "--json"))
    assert made["key"].startswith(f"rk_{made['id']}_")
    run("create", "brief", "--expires", "30d", "--rate", "60", "--no-labels")
    bot, brief = json.loads(run("list", "--json"))["keys"]
    assert (bot["scopes"], bot["collections"], bot["labels"]) == (["read"], ["team-a"], ["hr"])
    assert (brief["labels"], brief["rate"], brief["expires_at"][:2]) == ([], 60, "20")
    listed = run("list")
    assert "team-a" in listed
    assert made["key"] not in listed
    assert json.loads(run("rotate", "bot", "--json"))["key"] != made["key"]
    run("revoke", "bot")
    assert [key["name"] for key in json.loads(run("list", "--json"))["keys"]] == ["brief"]
