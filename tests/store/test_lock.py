"""The writer lock: one holder over threads and processes, named to the others, free when its holder has ended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ragkit.errors import LockedError, NotFoundError, StoreError
from ragkit.store.sqlite.catalog import delete_collection
from ragkit.store.sqlite.lock import HOLDER_NAME, LOCK_NAME, describe_holder, present_holder, writer_lock
from tests.support.store_fakes import cut, new_store, writing

ROOT = Path(__file__).parents[2]
HOLD = """
import sys
from pathlib import Path
from ragkit.store.sqlite.lock import writer_lock
with writer_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def holder(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Let another process hold the lock."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def test_another_process_is_named(tmp_path: Path) -> None:
    with holder(tmp_path) as process:
        with (
            pytest.raises(LockedError, match=rf"process {process.pid} \(-c\) on .* since 20") as caught,
            writer_lock(tmp_path),
        ):
            pass
        assert f"process {process.pid}" in caught.value.holder
        assert "\n" not in str(caught.value)


def test_a_dead_holder_holds_nothing(tmp_path: Path) -> None:
    with holder(tmp_path) as process:
        process.kill()
        process.wait()
        assert (tmp_path / HOLDER_NAME).exists()
        assert describe_holder(tmp_path) == "another process"
        with writer_lock(tmp_path):
            assert str(os.getpid()) in describe_holder(tmp_path)
        assert not (tmp_path / HOLDER_NAME).exists()


def test_threads_exclude_each_other(tmp_path: Path) -> None:
    inside: list[int] = []
    most: list[int] = []

    def hold() -> None:
        for _ in range(3):
            with writer_lock(tmp_path, wait=60):
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=hold) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 12


def test_the_same_thread_is_refused_too(tmp_path: Path) -> None:
    with writer_lock(tmp_path):
        with pytest.raises(LockedError, match=str(os.getpid())), writer_lock(tmp_path):
            pass
        with pytest.raises(LockedError):
            take(tmp_path)
    take(tmp_path)


def take(folder: Path) -> None:
    with writer_lock(folder):
        pass


def test_an_error_frees_the_lock(tmp_path: Path) -> None:
    def fail() -> None:
        with writer_lock(tmp_path):
            raise ZeroDivisionError

    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            fail()


def test_a_child_process_does_not_inherit_it(tmp_path: Path) -> None:
    with writer_lock(tmp_path):
        child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, close_fds=False)
    take(tmp_path)
    child.communicate(b"\n")


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": "x"}', json.dumps({"pid": 10**400, "host": "h"}), "\0"])
def test_a_damaged_note_is_no_obstacle(tmp_path: Path, content: str) -> None:
    with writer_lock(tmp_path):
        (tmp_path / HOLDER_NAME).write_text(content)
        with pytest.raises(LockedError, match="another process"):
            take(tmp_path)


def test_a_holder_on_another_machine_is_believed(tmp_path: Path) -> None:
    note = {"pid": 999_999_999, "host": "elsewhere", "command": "ragkit ingest", "since": "2026-01-01T00:00:00Z"}
    (tmp_path / HOLDER_NAME).write_text(json.dumps(note))
    assert describe_holder(tmp_path) == "process 999999999 (ragkit ingest) on elsewhere since 2026-01-01T00:00:00Z"


def test_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        take(tmp_path / "none")


def test_a_lock_that_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / LOCK_NAME).mkdir()
    with pytest.raises(StoreError, match="lock file"):
        take(tmp_path)


@pytest.mark.parametrize("gap", [0.0, 0.2], ids=["at-once", "later"])
def test_a_lock_of_a_folder_that_was_moved_away_counts_for_nothing(tmp_path: Path, gap: float) -> None:
    """Who waited for a collection that is deleted meanwhile must not write to one that was made anew."""
    store = new_store(tmp_path)
    outcome: list[BaseException] = []

    def wait() -> None:
        try:
            with writing(store, wait=60) as writer:
                cut("a").put(writer)
        except NotFoundError as error:
            outcome.append(error)

    with writer_lock(store.folder):
        thread = threading.Thread(target=wait)
        thread.start()
        time.sleep(gap)  # so long that the waiting thread has looked at the lock
        store.folder.rename(tmp_path / "gone")
        time.sleep(gap)  # and now at a folder that is not there
        new_store(tmp_path).close()
    thread.join()
    assert len(outcome) == 1
    with new_store(tmp_path) as fresh, fresh.read() as reader:
        assert reader.documents.sources() == []
    store.close()


def test_writers_are_refused_and_readers_are_not(tmp_path: Path) -> None:
    with new_store(tmp_path) as store, holder(store.folder) as process:
        with pytest.raises(LockedError, match=str(process.pid)), writing(store):
            pass
        with pytest.raises(LockedError, match=str(process.pid)):
            delete_collection(tmp_path, "default")
        with store.read() as reader:
            assert reader.documents.sources() == []
        with new_store(tmp_path) as other, other.read() as reader:
            assert reader.documents.sources() == []


def test_a_killed_holder_is_not_present(tmp_path: Path) -> None:
    assert present_holder(tmp_path) == ""
    with holder(tmp_path) as process:
        assert f"process {process.pid} " in present_holder(tmp_path)
        process.kill()
        process.wait()
        assert (tmp_path / HOLDER_NAME).exists()
        assert present_holder(tmp_path) == ""
    with writer_lock(tmp_path):
        assert f"process {os.getpid()} " in present_holder(tmp_path)
