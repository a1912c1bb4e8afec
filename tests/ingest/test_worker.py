"""The killable child: whatever a reader does, the parent gets a document or a typed reason, and goes on."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from ragkit import ConfigError, Document, ExtractionError
from ragkit_ingest.limits import ReadLimits
from ragkit_ingest.workers.pool import Job, Worker, WorkerPool

ODD_READER = """
import os, re, socket, subprocess, sys, time
from ragkit import Page
from ragkit_ingest.readers.base import Extracted

def crash():
    os.abort()

def eat():
    held = []
    while True:
        held.append(bytearray(1 << 24))

def loop():
    while True:
        pass

def hold():
    re.match("(a*)*b", "a" * 60)

def wait():
    import signal
    signal.pause()

def connect():
    socket.create_connection(("127.0.0.1", 9), timeout=1)

def send():
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", 9))

def write():
    open("/tmp/ragkit-reader-was-here", "w")

def low_write():
    os.open("/tmp/ragkit-reader-was-here", os.O_WRONLY | os.O_CREAT)

def spawn():
    subprocess.run(["true"])

def fail():
    raise KeyError("what a reader forgot")

def leave():
    sys.exit(0)

def deep():
    return deep()

def secrets():
    return " ".join(sorted(os.environ))

def limits():
    import resource
    return str(resource.getrlimit(resource.RLIMIT_FSIZE)[0])

def space():
    import resource
    return str(resource.getrlimit(resource.RLIMIT_AS)[0])

class OddReader:
    name = "odd"
    media_types = ("x-test/odd",)

    def detect(self, data, *, name):
        return "x-test/odd" if data.startswith(b"odd:") else ""

    def read(self, data, *, name, hints):
        word = data[4:].decode().strip()
        if word == "offsets":
            return Extracted("short", pages=(Page(0), Page(99)))
        if word == "careful":
            if not hints.careful:
                os.abort()
            return Extracted("read with care")
        if word == "nothing":
            return Extracted(" ")
        return Extracted(globals()[word]() or "no text")
"""


@pytest.fixture(scope="module")
def readers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a reader that users could have installed: a module and its entry point."""
    folder = tmp_path_factory.mktemp("readers")
    (folder / "odd_reader.py").write_text(ODD_READER)
    info = folder / "odd-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: odd\nVersion: 1.0\n")
    points = "odd = odd_reader:OddReader\nbroken = no_such_module:Reader\n"
    (info / "entry_points.txt").write_text(f"[ragkit.readers]\n{points}")
    return folder


@pytest.fixture
def pool(readers: Path) -> Iterator[WorkerPool]:
    with WorkerPool(ReadLimits(timeout=60.0, memory=300 << 20), size=1, folders=[readers]) as made:
        yield made


def job(folder: Path, name: str, data: str) -> Job:
    path = folder / name
    path.write_text(data)
    return Job(name, name, partial(os.open, path, os.O_RDONLY))


def outcome(pool: WorkerPool, folder: Path, word: str) -> str:
    try:
        return pool.read(job(folder, f"{word}.odd", f"odd:{word}")).text
    except ExtractionError as error:
        return str(error)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("crash", "worker_crashed: its reader ended by SIGABRT"),
        ("eat", "expands_too_much: "),
        ("fail", "damaged: KeyError: 'what a reader forgot'"),
        ("leave", "damaged: SystemExit: 0"),
        ("deep", "too_deep: "),
        ("connect", "damaged: PermissionError: a reader may not do this: socket."),
        ("send", "damaged: PermissionError: a reader may not do this: socket.sendto"),
        ("write", "damaged: PermissionError: a reader may not write"),
        ("low_write", "damaged: PermissionError: a reader may not write"),
        ("spawn", "damaged: PermissionError: a reader may not do this: subprocess.Popen"),
        ("offsets", "damaged: its reader broke the rules of a document"),
        ("nothing", "no_text: "),
        ("careful", "read with care"),
        ("limits", "0"),
    ],
)
def test_a_reader_that_misbehaves_costs_its_own_file_only(
    pool: WorkerPool, tmp_path: Path, word: str, expected: str
) -> None:
    assert outcome(pool, tmp_path, word).startswith(expected)
    assert pool.read(job(tmp_path, "next.txt", "The next file is fine.")).text == "The next file is fine."
    assert not Path("/tmp/ragkit-reader-was-here").exists()


@pytest.mark.parametrize("word", ["loop", "hold", "wait"])
def test_a_reader_that_never_ends_is_killed(readers: Path, tmp_path: Path, word: str) -> None:
    with WorkerPool(ReadLimits(timeout=1.0), size=1, folders=[readers]) as pool:
        assert outcome(pool, tmp_path, word).startswith("too_slow: ")
        assert read_in_the_end(pool, job(tmp_path, "next.txt", "fine")) == "fine"


def read_in_the_end(pool: WorkerPool, wanted: Job) -> str:
    """Return the text of a file; on a busy machine the short time of these tests may be too short for any file."""
    end = time.monotonic() + 60
    while True:
        try:
            return pool.read(wanted).text
        except ExtractionError as error:
            if error.reason != "too_slow" or time.monotonic() > end:
                raise


def test_the_time_that_a_child_takes_to_start_is_not_the_files(readers: Path, tmp_path: Path) -> None:
    """A busy machine needs seconds to load a child's code; a file that is quickly read is not too slow by that."""
    slow = tmp_path / "slow"
    slow.mkdir()
    (slow / "sitecustomize.py").write_text("import time\ntime.sleep(1.5)\n")
    with WorkerPool(ReadLimits(timeout=1.0), size=1, folders=[slow, readers]) as pool:
        assert read_in_the_end(pool, job(tmp_path, "a.txt", "fine")) == "fine"
        assert outcome(pool, tmp_path, "loop").startswith("too_slow: reading took more than 1 s")


def test_a_child_has_the_address_space_of_its_limit(pool: WorkerPool, tmp_path: Path) -> None:
    """Without it the kernel would end a reader that eats all memory, which is reported in the same words."""
    assert outcome(pool, tmp_path, "space") == str(300 << 20)


def test_a_child_of_a_large_parent_serves_more_than_one_file(tmp_path: Path) -> None:
    """What the parent holds is not the child's: a child that held much makes room for a fresh one."""
    held = b"x" * (200 << 20)
    worker = Worker(ReadLimits(memory=300 << 20))
    seen = set()
    try:
        for number in range(3):
            descriptor = job(tmp_path, f"{number}.txt", "fine").open()
            try:
                assert worker.read(descriptor, source="a", name="a.txt").text == "fine"
            finally:
                os.close(descriptor)
            seen.add(worker.process_id)
    finally:
        worker.close()
    assert len(held) == 200 << 20
    assert len(seen) == 1
    assert 0 not in seen


def test_closing_does_not_wait_for_a_child_that_starts(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import time\ntime.sleep(600)\n")
    pool = WorkerPool(size=1, folders=[tmp_path])
    future = pool.submit(job(tmp_path, "a.txt", "fine"))
    pool.close()
    assert future.cancelled() or isinstance(future.result(), ExtractionError)


def test_the_child_has_no_secrets(pool: WorkerPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")
    assert "OPENAI_API_KEY" not in outcome(pool, tmp_path, "secrets").split()


def test_a_reader_that_does_not_load_is_told_with_every_document(pool: WorkerPool, tmp_path: Path) -> None:
    warnings = pool.read(job(tmp_path, "a.txt", "text")).warnings
    assert any("broken" in words and "does not load" in words for words in warnings)


def test_answers_come_in_order_and_jobs_are_pulled_as_they_are_needed(tmp_path: Path) -> None:
    pulled: list[int] = []

    def jobs() -> Iterator[Job]:
        for number in range(40):
            pulled.append(number)
            yield job(tmp_path, f"{number}.txt", f"file {number}")

    with WorkerPool(size=2) as pool:
        answers = pool.map(jobs(), ahead=6)
        first = next(answers)
        assert len(pulled) == 6
        rest = [(item.source, result) for item, result in answers]
    texts = [result.text for _, result in rest if isinstance(result, Document)]
    assert [first[0].source, *[source for source, _ in rest]] == [f"{number}.txt" for number in range(40)]
    assert texts == [f"file {number}" for number in range(1, 40)]


def test_a_file_that_cannot_be_opened_is_an_answer_like_any_other(tmp_path: Path) -> None:
    def refuse() -> int:
        raise ExtractionError("permission", "not for you")

    missing = partial(os.open, tmp_path / "none", os.O_RDONLY)
    with WorkerPool(size=1) as pool:
        answers = [result for _, result in pool.map([Job("a", "a", refuse), Job("b", "b", missing)])]
    assert [answer.reason for answer in answers if isinstance(answer, ExtractionError)] == ["permission", "unreadable"]


def test_closing_gives_up_what_is_being_read(readers: Path, tmp_path: Path) -> None:
    pool = WorkerPool(ReadLimits(timeout=600.0), size=1, folders=[readers])
    future = pool.submit(job(tmp_path, "a.odd", "odd:loop"))
    pool.close()
    assert future.cancelled() or isinstance(future.result(), ExtractionError)


PARENT = """
import sys
from functools import partial
import os
from pathlib import Path
from ragkit_ingest.workers.pool import Worker
from ragkit_ingest.limits import ReadLimits

worker = Worker(ReadLimits(timeout=600.0), folders=[Path(sys.argv[1])])
worker.read(os.open(sys.argv[2], os.O_RDONLY), source="a", name="a.txt")
print(worker.process_id, flush=True)
worker.read(os.open(sys.argv[3], os.O_RDONLY), source="b", name="b.odd")
"""


def test_a_child_ends_when_its_parent_is_killed(readers: Path, tmp_path: Path) -> None:
    fine, endless = tmp_path / "a.txt", tmp_path / "b.odd"
    fine.write_text("fine")
    endless.write_text("odd:hold")
    paths = [str(Path(__file__).parents[2]), str(Path(__file__).parents[2] / "ingest")]
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(readers), str(fine), str(endless)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
    )
    assert parent.stdout is not None
    child = os.pidfd_open(int(parent.stdout.readline()))
    try:
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        ended, _, _ = select.select([child], [], [], 60)
        assert ended == [child]
    finally:
        parent.stdout.close()
        os.close(child)


def test_limits_out_of_range_are_refused() -> None:
    with pytest.raises(ConfigError, match="timeout"):
        ReadLimits(timeout=0)
