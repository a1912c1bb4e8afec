"""Jobs: uploads that are queued, followed, cancelled, resumed after a crash; JSON documents; deletes meanwhile."""

from __future__ import annotations

import json
import os
import random
import re
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from ragkit import Document, LockedError, ModelSettings, Settings, StorageFullError
from ragkit_service import Limits, ServiceSettings, create_app
from ragkit_service.document_ids import document_id, source_of_id
from ragkit_service.jobs.queue import LocalQueue
from ragkit_service.jobs.types import Job, JobFile
from ragkit_service.schemas.job_replies import JobReply, JobsReply
from tests.support.service_fakes import LOCAL, FakeKnowledge, FakeLibrary, client, plain_extractor
from tests.support.stall_probe import stall_probe
from tests.support.tiny_static import write_static

DOCUMENTS = "/v1/collections/default/documents"
WAIT = 60


@pytest.fixture
def library() -> FakeLibrary:
    return FakeLibrary("default", "other")


@pytest.fixture
def http(library: FakeLibrary, tmp_path: Path) -> Iterator[TestClient]:
    with client(library, tmp_path) as made:
        yield made


def finished(http: TestClient, job: dict[str, Any]) -> dict[str, Any]:
    """Return a job when it has finished."""
    end = time.monotonic() + WAIT
    while time.monotonic() < end:
        found: dict[str, Any] = http.get(f"/v1/jobs/{job['id']}").json()
        if found["finished_at"]:
            return found
        time.sleep(0.01)
    raise AssertionError(f"{job['id']} has not finished")


def post(http: TestClient, name: str, text: bytes = b"text", collection: str = "default") -> dict[str, Any]:
    response = http.post(f"/v1/collections/{collection}/documents", files={"files": (name, text)})
    assert response.status_code == 202, response.text
    job: dict[str, Any] = response.json()
    return job


class Gate:
    """Holds a call until it is opened; `reached` tells that a call has arrived."""

    def __init__(self) -> None:
        self.reached, self.opened = threading.Event(), threading.Event()

    def __call__(self, *_: object) -> None:
        self.reached.set()
        assert self.opened.wait(WAIT)


def held_reader(gate: Gate, name: str) -> Callable[[Path], Document]:
    """Return an extractor's function that stops at a file of this name until the gate opens."""

    def read(path: Path) -> Document:
        if path.name == name:
            gate()
        return Document.from_text(path.name, path.read_text())

    return read


# ------------------------------------------------------------------ an upload is a job


def test_an_upload_is_accepted_at_once_and_told_file_by_file(http: TestClient, library: FakeLibrary) -> None:
    files = [("files", ("a/README.md", b"alpha")), ("files", ("b/README.md", b"beta"))]
    response = http.post(DOCUMENTS, files=files)
    assert response.status_code == 202
    job = JobReply.model_validate(response.json())
    assert response.headers["location"] == f"/v1/jobs/{job.id}"
    done = JobReply.model_validate(finished(http, response.json()))
    assert (done.state, done.generation, done.error) == ("completed", 1, None)
    assert [(item.name, item.status, item.size) for item in done.files] == [
        ("a/README.md", "added", 5),
        ("b/README.md", "added", 4),
    ]
    assert done.files[0].sha256 == "8ed3f6ad685b959ead7022518e1af76cd816f8e8ec7ccdda1ed4018e8f2223f8"
    assert sorted(library.shelves["default"]) == ["upload:a/README.md", "upload:b/README.md"]
    assert JobsReply.model_validate(http.get("/v1/jobs").json()).jobs == [done]


def test_a_job_is_followed_by_events_until_it_is_done(library: FakeLibrary, tmp_path: Path) -> None:
    gate = Gate()
    with client(library, tmp_path, extractor=plain_extractor(held_reader(gate, "b.txt"))) as http:
        files = [("files", ("a.txt", b"x")), ("files", ("b.txt", b"y"))]
        job = http.post(DOCUMENTS, files=files).json()
        assert gate.reached.wait(WAIT)
        threading.Timer(0.2, gate.opened.set).start()
        stream = http.get(f"/v1/jobs/{job['id']}/events")
    assert stream.headers["content-type"].startswith("text/event-stream")
    events = re.findall(r"event: (\w+)\ndata: (.*)\n\n", stream.text)
    assert [name for name, _ in events][-1:] == ["done"]
    assert {name for name, _ in events[:-1]} == {"job"}
    last = JobReply.model_validate(json.loads(events[-1][1]))
    assert [item.status for item in last.files] == ["added", "added"]
    assert json.loads(events[0][1])["state"] in ("queued", "running")


def test_the_next_page_of_jobs_begins_where_one_ended(http: TestClient) -> None:
    made = [post(http, f"{number}.txt")["id"] for number in range(5)]
    first = [job["id"] for job in http.get("/v1/jobs?limit=2").json()["jobs"]]
    rest = [job["id"] for job in http.get(f"/v1/jobs?limit=9&before={first[-1]}").json()["jobs"]]
    assert first + rest == made[::-1]
    assert http.get("/v1/jobs/job_none").status_code == 404
    assert http.get("/v1/jobs?limit=0").status_code == 422


def test_a_slow_upload_delays_neither_readers_nor_other_collections(library: FakeLibrary, tmp_path: Path) -> None:
    gate = Gate()
    library.put("default", "old.txt", "old text")
    with client(library, tmp_path, extractor=plain_extractor(held_reader(gate, "slow.txt"))) as http:
        slow = post(http, "slow.txt")
        assert gate.reached.wait(WAIT)
        waiting = [post(http, f"{number}.txt") for number in range(6)]
        other = finished(http, post(http, "quick.txt", collection="other"))
        assert other["state"] == "completed"
        assert http.post("/v1/collections/default/search", json={"query": "old"}).json()["hits"]
        assert {http.get(f"/v1/jobs/{job['id']}").json()["state"] for job in waiting} == {"queued"}
        gate.opened.set()
        assert [finished(http, job)["state"] for job in [slow, *waiting]] == ["completed"] * 7


def test_many_removals_that_wait_hold_no_thread(library: FakeLibrary, tmp_path: Path) -> None:
    gate = Gate()
    library.put("default", "old.txt", "old text")
    limits = Limits(threads=4)
    with client(library, tmp_path, limits=limits, extractor=plain_extractor(held_reader(gate, "slow.txt"))) as http:
        post(http, "slow.txt")
        assert gate.reached.wait(WAIT)
        codes: list[int] = []
        removals = [
            threading.Thread(
                target=lambda: codes.append(http.delete(DOCUMENTS, params={"source": "old.txt"}).status_code)
            )
            for _ in range(16)
        ]
        for thread in removals:
            thread.start()
        end = time.monotonic() + WAIT
        while len(http.get("/v1/jobs").json()["jobs"]) < 17 and time.monotonic() < end:
            time.sleep(0.01)
        assert http.post("/v1/collections/default/search", json={"query": "old"}).json()["hits"]
        assert codes == []
        gate.opened.set()
        for thread in removals:
            thread.join(WAIT)
    assert sorted(codes) == [200] + [404] * 15


def test_a_document_that_is_deleted_while_it_is_uploaded_is_gone_after_it(library: FakeLibrary, tmp_path: Path) -> None:
    gate = Gate()
    with client(library, tmp_path, extractor=plain_extractor(held_reader(gate, "a.txt"))) as http:
        job = post(http, "a.txt")
        assert gate.reached.wait(WAIT)
        threading.Timer(0.1, gate.opened.set).start()
        removed = http.delete(DOCUMENTS, params={"source": "upload:a.txt"})
        assert (removed.json(), finished(http, job)["state"]) == ({"removed": 1}, "completed")
    assert library.shelves["default"] == {}


# ------------------------------------------------------------------ cancelled, failed, locked


def test_a_job_that_waits_is_cancelled_at_once_and_one_at_work_soon(library: FakeLibrary, tmp_path: Path) -> None:
    gate = Gate()
    with client(library, tmp_path, extractor=plain_extractor(held_reader(gate, "b.txt"))) as http:
        files = [("files", (f"{name}.txt", b"x")) for name in "abc"]
        running = http.post(DOCUMENTS, files=files).json()
        assert gate.reached.wait(WAIT)
        waiting = post(http, "later.txt")
        assert http.post(f"/v1/jobs/{waiting['id']}/cancel").json()["state"] == "cancelled"
        assert not (tmp_path / "tmp" / f"upload-{waiting['id']}").exists()
        assert http.delete(f"/v1/jobs/{running['id']}").json()["state"] == "running"
        time.sleep(0.6)  # a job looks for its cancellation now and then
        gate.opened.set()
        done = finished(http, running)
    assert done["state"] == "cancelled"
    assert [item["status"] for item in done["files"]][::2] == ["added", "cancelled"]
    assert "upload:later.txt" not in library.shelves["default"]
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_job_whose_disk_is_full_fails_with_its_problem(library: FakeLibrary, tmp_path: Path) -> None:
    def full(what: str) -> None:
        if what == "writer":
            raise StorageFullError(f"no space left on {tmp_path}")

    library.prepare = lambda knowledge: setattr(knowledge, "before", full)
    with client(library, tmp_path) as http:
        done = finished(http, post(http, "a.txt"))
        assert finished(http, post(http, "b.txt", collection="other"))["state"] == "failed"
    assert (done["state"], done["error"]["kind"], done["files"][0]["status"]) == ("failed", "storage-full", "failed")
    assert str(tmp_path) not in json.dumps(done)


def test_a_job_waits_for_another_program_and_names_it(library: FakeLibrary, tmp_path: Path) -> None:
    locked = threading.Event()
    locked.set()

    def before(what: str) -> None:
        if what == "writer" and locked.is_set():
            raise LockedError("locked", holder="process 4711 (ragkit ingest) on db1 since 2026-01-05T09:00:00Z")

    library.prepare = lambda knowledge: setattr(knowledge, "before", before)
    with client(library, tmp_path) as http:
        job = post(http, "a.txt")
        end = time.monotonic() + WAIT
        while not (found := http.get(f"/v1/jobs/{job['id']}").json())["waiting_for"] and time.monotonic() < end:
            time.sleep(0.01)
        assert found["waiting_for"] == "ragkit ingest, since 2026-01-05T09:00:00Z"
        locked.clear()
        done = finished(http, job)
    assert (done["state"], done["waiting_for"]) == ("completed", None)


def test_more_jobs_than_the_limit_are_503(library: FakeLibrary, tmp_path: Path) -> None:
    gate = Gate()
    extractor = plain_extractor(held_reader(gate, "a.txt"))
    with client(library, tmp_path, limits=Limits(jobs=2), extractor=extractor) as http:
        jobs = [post(http, "a.txt"), post(http, "b.txt")]
        assert gate.reached.wait(WAIT)
        assert http.post(DOCUMENTS, files={"files": ("c.txt", b"x")}).status_code == 503
        gate.opened.set()
        assert [finished(http, job)["state"] for job in jobs] == ["completed"] * 2
        assert [path.name for path in (tmp_path / "tmp").iterdir()] == []


# ------------------------------------------------------------------ a crash


def test_a_restart_takes_up_what_was_queued_and_what_was_at_work(library: FakeLibrary, tmp_path: Path) -> None:
    settings = ServiceSettings(data=tmp_path)
    app = create_app(settings, library=library, extractor=plain_extractor())
    http = TestClient(app, base_url=LOCAL)  # without its lifespan: nothing does the jobs, as after a crash
    jobs = [post(http, f"{number}.txt", b"text %d" % number) for number in range(3)]
    queue = LocalQueue(tmp_path)
    claimed = queue.claim()
    assert claimed is not None
    queue.settle(claimed.id, JobFile(0, "0.txt", "upload:0.txt", path="0/0.txt", status="queued"))
    queue.close()
    with client(library, tmp_path) as again:
        assert [finished(again, job)["state"] for job in jobs] == ["completed"] * 3
    assert sorted(library.shelves["default"]) == [f"upload:{number}.txt" for number in range(3)]
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_job_that_ends_its_process_each_time_is_given_up(tmp_path: Path) -> None:
    queue = LocalQueue(tmp_path)
    queue.add(Job("job_1", "default", "upload", "queued", "", files=(JobFile(0, "a", "upload:a"),)))
    for _ in range(3):
        assert queue.claim() is not None
        queue.recover()
    assert queue.claim() is None
    job = queue.get("job_1")
    assert job is not None
    assert (job.state, job.files[0].reason) == ("failed", "worker_crashed")
    assert job.error is not None
    assert job.error["kind"] == "worker-crashed"


def test_a_job_that_waits_for_a_lock_is_never_given_up(tmp_path: Path) -> None:
    queue = LocalQueue(tmp_path)
    queue.add(Job("job_1", "default", "upload", "queued", ""))
    for _ in range(9):
        assert queue.claim() is not None
        queue.put_back("job_1", waiting_for="another program")
    queue.recover()
    assert queue.claim() is not None


def test_the_jobs_of_a_collection_keep_their_order(tmp_path: Path) -> None:
    queue = LocalQueue(tmp_path)
    for number, name in enumerate(("a", "a", "b", "a")):
        queue.add(Job(f"job_{number}", name, "upload", "queued", ""))
    first, second = queue.claim(), queue.claim()
    assert (first and first.id, second and second.id) == ("job_0", "job_2")
    assert queue.claim() is None
    queue.put_back("job_0", seconds=60)
    assert queue.claim() is None  # job_1 stays behind job_0
    queue.cancel("job_0")
    third = queue.claim()
    assert third is not None
    assert third.id == "job_1"


def test_the_queue_is_readable_by_its_owner_only_and_has_no_text_of_documents(http: TestClient, tmp_path: Path) -> None:
    finished(http, post(http, "a.txt", b"canary-text"))
    assert (tmp_path / "jobs.sqlite").stat().st_mode & 0o077 == 0
    with sqlite3.connect(tmp_path / "jobs.sqlite") as connection:
        assert "canary" not in "".join(connection.iterdump())


# ------------------------------------------------------------------ JSON documents, text and pages


def test_json_documents_have_ids_titles_metadata_and_labels_of_their_own(
    http: TestClient, library: FakeLibrary
) -> None:
    body = {
        "documents": [
            {"id": "faq-17", "text": "Goods may be returned.", "title": "Returns", "metadata": {"team": ["a", "b"]}},
            {"id": "faq/18", "text": "Pay.", "acl": ["hr"], "media_type": "text/markdown"},
        ]
    }
    done = http.post(f"{DOCUMENTS}?wait=true", json=body)
    assert (done.status_code, [item["status"] for item in done.json()["files"]]) == (200, ["added", "added"])
    held = library.shelves["default"]
    assert (held["upload:faq-17"].title, held["upload:faq-17"].metadata) == ("Returns", {"team": ("a", "b")})
    assert held["upload:faq/18"].metadata == {"acl": ("hr",)}
    single = http.post(f"{DOCUMENTS}?wait=true", json={"id": "faq-17", "text": "Another text."})
    assert single.json()["files"][0]["status"] == "changed"


def test_of_several_documents_with_one_id_the_last_is_taken_and_the_others_are_reported(
    http: TestClient, library: FakeLibrary
) -> None:
    told = [("a", "first"), ("b", "other"), ("a", "second"), ("a", "third")]
    body = {"documents": [{"id": name, "text": text} for name, text in told]}
    done = http.post(f"{DOCUMENTS}?wait=true", json=body)
    files = done.json()["files"]
    assert (done.status_code, [item["status"] for item in files]) == (207, ["skipped", "added", "skipped", "added"])
    assert {files[0]["reason"], files[2]["reason"]} == {"repeated_id"}
    assert files[0]["detail"] == "number 4 of the request has the same name and was taken instead"
    assert library.shelves["default"]["upload:a"].text == "third"


@pytest.mark.parametrize(
    ("value", "held"),
    [
        ("a\0b", "a\0b"),
        (2**70, float(2**70)),
        (-(2**63), -(2**63)),
        ([1, None, 2.5, True, "x"], (1, None, 2.5, True, "x")),
    ],
)
def test_metadata_of_every_documented_kind_is_kept(
    http: TestClient, library: FakeLibrary, value: object, held: object
) -> None:
    body = {"id": "a", "text": "x", "metadata": {"": value}}
    assert http.post(f"{DOCUMENTS}?wait=true", json=body).status_code == 200
    kept = library.shelves["default"]["upload:a"].metadata[""]
    assert (kept, type(kept)) == (held, type(held))


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"{}",
        b'{"documents": []}',
        b'{"documents": [{"id": "", "text": "x"}]}',
        b'{"documents": [{"id": "a\\nb", "text": "x"}]}',
        b'{"documents": [{"id": "a"}]}',
        b'{"documents": [{"id": "a", "text": " \\n\\u0007"}]}',
        b'{"documents": [{"id": "a", "text": "x", "path": "/etc/passwd"}]}',
        b'{"id": "a", "text": "x", "metadata": {"a": {}}}',
        b'{"id": "a", "text": "x", "metadata": {"acl": "hr"}}',
        b'{"id": "a", "text": "x", "acl": ["a,b"]}',
        b'{"id": "a", "text": "x", "acl": "hr"}',
    ],
)
def test_json_documents_that_are_not_as_documented_are_422(
    http: TestClient, library: FakeLibrary, tmp_path: Path, body: bytes
) -> None:
    response = http.post(f"{DOCUMENTS}?wait=true", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 422, response.text
    assert library.shelves["default"] == {}
    assert not (tmp_path / "tmp").exists() or list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.parametrize("source", ["a.md", "upload:a/b.md", "..", "日本語/ü?.md", "x" * 4000, "a b%2F#1"])
def test_an_id_is_one_segment_and_leads_back_to_its_source(source: str) -> None:
    identifier = document_id(source)
    assert re.fullmatch(r"d_[A-Za-z0-9_-]+", identifier)
    assert source_of_id(identifier) == source


def paged(knowledge: FakeKnowledge) -> None:
    from ragkit import Page

    knowledge.docs["p.pdf"] = Document(
        "p.pdf", "first <b>page</b>\nsecond page", pages=(Page(0, "i"), Page(18, "ii")), title="<script>"
    )


def test_a_document_and_its_pages_are_json_for_programs_and_html_for_people(
    library: FakeLibrary, tmp_path: Path
) -> None:
    library.prepare = paged
    with client(library, tmp_path) as http:
        place = f"{DOCUMENTS}/{document_id('p.pdf')}"
        page = http.get(f"{place}/pages/2").json()
        assert (page["text"], page["start"], page["end"], page["page_label"]) == ("second page", 18, 29, "ii")
        whole = http.get(place).json()
        assert whole["text"][page["start"] : page["end"]] == page["text"]
        for unknown in (f"{place}/pages/3", f"{place}/pages/0", f"{DOCUMENTS}/{document_id('q')}/pages/1"):
            assert http.get(unknown).status_code in (404, 422)
        browser = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
        shown = http.get(place, headers=browser)
        part = http.get(f"{place}/pages/2", headers=browser)
        script = http.get("/static/document.js")
    assert shown.headers["content-type"].startswith("text/html")
    assert "<b>" not in shown.text
    assert "<script>" not in shown.text
    assert "first &lt;b&gt;page" in shown.text
    assert 'data-start="18"' in part.text
    assert "default-src 'none'" in shown.headers["content-security-policy"]
    assert script.status_code == 200


# ------------------------------------------------------------------ the process of the jobs


def some_text(size: int) -> bytes:
    """Return words without sense, the same each time, of so many bytes."""
    words = random.Random(7)
    lines = (" ".join(f"{words.randrange(36**6):x}" for _ in range(12)) for _ in range(size // 80))
    return "\n".join(lines).encode()[:size]


def test_a_large_upload_does_not_stall_the_service(tmp_path: Path) -> None:
    """In a thread of the service the same upload would stall the others for 0.06 s: its cutting holds the GIL."""
    model = write_static(tmp_path / "model")
    settings = ServiceSettings(
        data=tmp_path / "data", settings=Settings(model=ModelSettings(name=str(model), offline=True))
    )
    app = create_app(settings)
    with TestClient(app, base_url=LOCAL) as http:
        while http.get("/readyz").json()["model"] == "loading":
            time.sleep(0.1)
        finished(http, post(http, "first.txt", b"The refund window is thirty days."))  # the process has begun
        text = some_text(1 << 18)
        process = app.state.jobs.process_id
        group, session = os.getpgid(process), os.getsid(process)
        with stall_probe() as probe:
            job = post(http, "large.txt", text)
            done = finished(http, job)
        hits = http.post("/v1/collections/default/search", json={"query": "refund window"}).json()["hits"]
    assert (group, session) == (process, os.getsid(0))  # no Ctrl-C reaches it, and it shares the processor by niceness
    assert (done["state"], done["files"][0]["characters"] > 250_000) == ("completed", True)
    assert hits[0]["source"] == "upload:first.txt"
    assert probe.worst < 0.04
    assert app.state.jobs.process_id == 0
