"""Jobs in the shared database: claimed once, taken over after a lease, their files read on any machine."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from starlette.testclient import TestClient

import ragkit
from ragkit import CorruptError, Document, SharedDatabase, StorageFullError
from ragkit_service import ServiceSettings, create_app
from ragkit_service.jobs.extractor import Extractor
from ragkit_service.jobs.spool import spool_folder
from ragkit_service.jobs.table import JobTable
from ragkit_service.jobs.types import Job, JobFile, new_job_id
from tests.support.service_fakes import LOCAL, FakeLibrary, plain_extractor

DOCUMENTS = "/v1/collections/team/documents"
ROOMY = 1 << 20
WAIT = 30.0

Machine = Callable[..., JobTable]


@pytest.fixture
def database(postgres: str) -> Iterator[SharedDatabase]:
    """The database that the services share."""
    shared = ragkit.shared_database(postgres)
    assert shared is not None
    with closing(shared):
        yield shared


@pytest.fixture
def machine(database: SharedDatabase, tmp_path: Path) -> Machine:
    """Make the queue of a machine with a folder of its own."""

    def make(name: str, *, spool_bytes: int = ROOMY, lease_seconds: float = 15.0) -> JobTable:
        folder = tmp_path / name
        return JobTable(database, folder, worker=name, spool_bytes=spool_bytes, lease_seconds=lease_seconds)

    return make


def upload(folder: Path, collection: str, *bodies: bytes) -> Job:
    """Make an upload job whose files lie in a machine's folder, as a request leaves them."""
    job_id = new_job_id()
    files = []
    for number, body in enumerate(bodies):
        path = spool_folder(folder, job_id) / str(number) / "a.txt"
        path.parent.mkdir(parents=True)
        path.write_bytes(body)
        digest = hashlib.sha256(body).hexdigest()
        files.append(JobFile(number, "a.txt", f"upload:{number}", f"{number}/a.txt", size=len(body), sha256=digest))
    return Job(job_id, collection, "upload", "queued", "", files=tuple(files))


def waiting_pieces(database: SharedDatabase) -> int:
    """Return how many pieces of files the table holds."""
    with database.transaction() as statements:
        return int(statements.rows("SELECT count(*) FROM service_spool")[0][0])


def test_files_of_a_job_are_read_on_another_machine(
    machine: Machine, database: SharedDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ragkit_service.jobs.spool_table.PIECE_BYTES", 7)
    bodies = (b"seven b" * 3, b"", b"\x00\xff odd bytes and a rest")
    one, two = machine("one"), machine("two")
    one.add(upload(tmp_path / "one", "team", *bodies))
    assert not list((tmp_path / "one" / "tmp").iterdir())
    job = two.claim()
    assert job is not None
    with two.files(job) as folder:
        assert tuple((folder / item.path).read_bytes() for item in job.files) == bodies
    assert not list((tmp_path / "two" / "tmp").iterdir())
    two.finish(job.id, "completed", generation=3)
    done = one.get(job.id)
    assert done is not None
    assert (done.state, done.generation, [item.status for item in done.files]) == ("completed", 3, ["failed"] * 3)
    assert waiting_pieces(database) == 0


def test_bytes_that_changed_in_the_database_are_not_read(
    machine: Machine, database: SharedDatabase, tmp_path: Path
) -> None:
    queue = machine("one")
    queue.add(upload(tmp_path / "one", "team", b"what was sent"))
    with database.transaction() as statements:
        statements.changed("UPDATE service_spool SET body = 'something else'")
    job = queue.claim()
    assert job is not None
    with pytest.raises(CorruptError, match=r"a\.txt"), queue.files(job):
        pass


def test_a_queue_takes_no_more_files_than_its_bound(machine: Machine, tmp_path: Path) -> None:
    queue = machine("one", spool_bytes=100)
    queue.add(upload(tmp_path / "one", "team", b"x" * 60))
    with pytest.raises(StorageFullError, match="spool_bytes"):
        queue.add(upload(tmp_path / "one", "team", b"x" * 60))
    assert queue.length() == 1
    job = queue.claim()
    assert job is not None
    queue.finish(job.id, "completed")
    queue.add(upload(tmp_path / "one", "team", b"x" * 60))


def test_no_job_is_claimed_twice(machine: Machine, tmp_path: Path) -> None:
    queues = [machine(f"machine-{number}") for number in range(4)]
    added = [queues[0].add(upload(tmp_path / "machine-0", f"c{number}", b"x")).id for number in range(24)]

    def work(queue: JobTable) -> list[str]:
        claimed = []
        while (job := queue.claim()) is not None:
            claimed.append(job.id)
        return claimed

    with ThreadPoolExecutor(4) as pool:
        claimed = [job_id for found in pool.map(work, queues) for job_id in found]
    assert sorted(claimed) == sorted(added)


def test_jobs_of_a_collection_are_done_in_their_order(machine: Machine, tmp_path: Path) -> None:
    one, two = machine("one"), machine("two")
    first, second, other = (one.add(upload(tmp_path / "one", name, b"x")) for name in ("team", "team", "else"))
    claimed = [one.claim(), two.claim(), two.claim()]
    assert [job.id if job else None for job in claimed] == [first.id, other.id, None]
    one.finish(first.id, "completed")
    job = two.claim()
    assert job is not None
    assert job.id == second.id
    two.put_back(job.id, waiting_for="ragkit ingest", seconds=60)
    assert one.claim() is None
    found = one.get(second.id)
    assert found is not None
    assert (found.state, found.waiting_for) == ("queued", "ragkit ingest")


def test_a_job_of_a_lost_worker_is_taken_over(machine: Machine, tmp_path: Path) -> None:
    lost, other = machine("lost", lease_seconds=0.4), machine("other")
    added = lost.add(upload(tmp_path / "lost", "team", b"x"))
    job = lost.claim()
    assert job is not None
    for _ in range(3):
        time.sleep(0.2)
        lost.keep_claims()
    assert other.claim() is None
    time.sleep(0.5)
    taken = other.claim()
    assert taken is not None
    assert taken.id == added.id
    assert lost.must_end(added.id)
    assert not other.must_end(added.id)
    late = JobFile(0, "a.txt", "upload:0", status="failed", reason="damaged")
    lost.settle(added.id, late)
    lost.put_back(added.id)
    lost.finish(added.id, "failed")
    found = other.get(added.id)
    assert found is not None
    assert (found.state, found.files[0].status) == ("running", "queued")
    other.finish(added.id, "completed")


def test_a_job_that_loses_each_worker_fails(machine: Machine, database: SharedDatabase, tmp_path: Path) -> None:
    queue = machine("one", lease_seconds=0.01)
    added = queue.add(upload(tmp_path / "one", "team", b"x"))
    for _ in range(3):
        assert queue.claim() is not None
        time.sleep(0.05)
    assert queue.claim() is None
    found = queue.get(added.id)
    assert found is not None
    assert found.state == "failed"
    assert found.error is not None
    assert found.error["kind"] == "worker-crashed"
    assert (found.files[0].status, found.files[0].reason) == ("failed", "worker_crashed")
    assert waiting_pieces(database) == 0


def test_a_restarted_worker_takes_its_own_jobs_at_once(machine: Machine, tmp_path: Path) -> None:
    queue = machine("one")
    added = queue.add(upload(tmp_path / "one", "team", b"x"))
    assert queue.claim() is not None
    left = tmp_path / "one" / "tmp" / "fetched-old"
    left.mkdir()
    machine("other").recover()
    assert machine("other").claim() is None
    queue.recover()
    job = queue.claim()
    assert job is not None
    assert job.id == added.id
    assert not left.exists()


def test_a_job_is_cancelled_from_another_machine(machine: Machine, database: SharedDatabase, tmp_path: Path) -> None:
    one, two = machine("one"), machine("two")
    running, waiting = (one.add(upload(tmp_path / "one", "team", b"x")) for _ in range(2))
    assert one.claim() is not None
    assert not one.must_end(running.id)
    states = []
    for job in (running, waiting):
        cancelled = two.cancel(job.id)
        assert cancelled is not None
        states.append(cancelled.state)
    assert states == ["running", "cancelled"]
    assert one.must_end(running.id)
    assert waiting_pieces(database) == 1
    assert two.cancel("job_none") is None


class Held:
    """A reader that waits at each file until it is let go."""

    def __init__(self) -> None:
        self.reached, self.go = threading.Event(), threading.Event()

    def read(self, path: Path) -> Document:
        """Return the text of a file, later."""
        self.reached.set()
        assert self.go.wait(WAIT)
        return Document.from_text(path.name, path.read_text())


def test_any_service_reports_and_cancels_a_job(postgres: str, tmp_path: Path) -> None:
    held = Held()
    library = FakeLibrary("team")
    with ExitStack() as stack:
        services = []
        for number, extractor in ((1, Extractor("1", held.read)), (2, plain_extractor())):
            settings = ServiceSettings(data=tmp_path / str(number), shared=postgres)
            app = create_app(settings, library=library, extractor=extractor)
            services.append(stack.enter_context(TestClient(app, base_url=LOCAL)))
            if number == 1:
                job = services[0].post(DOCUMENTS, files={"files": ("a.txt", b"text")}).json()
                assert held.reached.wait(WAIT)
        one, two = services
        assert two.get(f"/v1/jobs/{job['id']}").json()["state"] == "running"
        assert [item["id"] for item in two.get("/v1/jobs").json()["jobs"]] == [job["id"]]
        assert two.delete(f"/v1/jobs/{job['id']}").status_code == 200
        held.go.set()
        end = time.monotonic() + WAIT
        while one.get(f"/v1/jobs/{job['id']}").json()["state"] == "running":
            assert time.monotonic() < end
        assert one.get(f"/v1/jobs/{job['id']}").json()["state"] == "cancelled"
