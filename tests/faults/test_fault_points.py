"""A fault at one write-class system call after another: nothing acknowledged is lost or half, no answer is wrong."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ragkit.errors import ConflictError
from ragkit.types.collection import FileState
from tests.faults.checker import Truth
from tests.faults.supervisor import MODES, unsupported
from tests.support.store_fakes import cut, new_store, writing

ROOT = Path(__file__).parents[2]
supervised = pytest.mark.skipif(bool(unsupported()), reason=unsupported() or "supervised")
CLASSES = {"pwrite64", "write", "fdatasync", "fsync", "ftruncate", "openat"}


def run_faults(module: str, report: Path, *options: object, under: Sequence[str] = ()) -> dict[str, Any]:
    """Run a module of tests.faults in a process of its own, which may fork; return its report.

    under: a program, with its arguments, that runs it.
    """
    paths = os.pathsep.join(str(ROOT / part) for part in (".", "service", "ingest"))
    done = subprocess.run(
        [*under, sys.executable, "-m", f"tests.faults.{module}", "--report", str(report), *map(str, options)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    assert report.exists(), done.stderr[-3000:]
    found: dict[str, Any] = json.loads(report.read_text())
    print(json.dumps({name: value for name, value in found.items() if name != "wrong"}))
    return found


def assert_right(report: dict[str, Any], points: int) -> None:
    assert report["wrong"] == [], "\n".join(report["wrong"][:20])
    assert report["points"] == points
    assert report["acknowledged"] > points


@supervised
def test_a_fault_at_every_kind_of_call_loses_nothing(tmp_path: Path) -> None:
    report = run_faults("loop", tmp_path / "report.json", "--points", 120)
    assert_right(report, 120)
    assert set(report["by_mode"]) == set(MODES)
    assert set(report["by_call"]) >= CLASSES
    assert Counter(report["by_call"]).keys() & {"rename", "renameat", "renameat2"}
    assert Counter(report["by_call"]).keys() & {"unlink", "unlinkat"}
    assert report["failed_steps"] > 20  # faults do strike, and are told


@supervised
@pytest.mark.parametrize(
    ("kind", "call", "points"),
    [("early", "pwrite64", 24), ("in-place", "write", 12), ("no-transaction", "pwrite64", 12)],
)
def test_a_writer_that_is_broken_on_purpose_is_caught(tmp_path: Path, kind: str, call: str, points: int) -> None:
    options = ("--points", points, "--modes", "kill", "--only", call, "--broken", kind)
    assert run_faults("loop", tmp_path / "report.json", *options)["wrong"]


@supervised
@pytest.mark.slow
def test_faults_at_five_thousand_points(tmp_path: Path) -> None:
    assert_right(run_faults("loop", tmp_path / "report.json", "--points", 5_000, "--seed", 100), 5_000)


@supervised
@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed: apt-get install strace")
def test_strace_sees_the_calls_that_the_supervisor_counts(tmp_path: Path) -> None:
    """The supervisor is a program of ours, so it is compared, in the very same run, with one that is not."""
    names = "pwrite64,write,fdatasync,fsync,ftruncate,rename,renameat,renameat2,unlink"
    log = tmp_path / "strace"
    tracer = ("strace", "-f", "-y", "-e", f"trace={names}", "-o", str(log))
    if subprocess.run([*tracer, "true"], capture_output=True, check=False).returncode:
        pytest.skip("strace can't trace here")
    report = run_faults("loop", tmp_path / "report.json", "--count-only", 1, under=tracer)
    below = re.compile(r"\d+ +(\w+)\(.*?/ragkit-faults-\w+/data[/>\"]")
    seen = Counter(found[1] for found in map(below.match, log.read_text(errors="replace").splitlines()) if found)
    assert set(seen) >= {"pwrite64", "write", "fdatasync", "fsync", "ftruncate", "rename", "unlink"}
    assert seen == {name: report["by_call"][name] for name in seen}


def test_a_call_that_failed_may_have_been_done_and_nothing_else_is_allowed() -> None:
    said: list[dict[str, Any]] = [
        {"begin": {"a": "one", "b": "one"}},
        {"done": {"a": "one", "b": "one"}},
        {"begin": {"a": "two"}},
        {"failed": "StorageFullError: the disk refuses writes"},
        {"begin": {"a": "three"}},
    ]
    truth = Truth(said)
    for found in ("one", "two", "three"):
        assert truth.judge({"a": found, "b": "one"}) == []
    assert truth.judge({"a": "four", "b": "one"}) == ["document a is not what was acknowledged"]
    assert truth.judge({"b": "one"}) == ["document a is lost"]
    assert truth.judge({"a": "one", "b": "two"}) == ["document b is not what was acknowledged"]
    later = Truth([*said, {"done": {"a": "three"}}])
    assert later.judge({"a": "three", "b": "one"}) == []
    assert later.judge({"a": "two", "b": "one"}) == ["document a is not what was acknowledged"]


@supervised
def test_a_disk_that_is_full_from_a_flush_on_is_told_as_full(tmp_path: Path) -> None:
    """The commit of the flush that failed stands in the log, and is found when the collection is opened again."""
    options = ("--points", 40, "--modes", "full", "--only", "fdatasync", "--seed", 3)
    assert_right(run_faults("loop", tmp_path / "report.json", *options), 40)


def test_what_a_failed_transaction_should_have_written_of_files_is_not_written_without_it(tmp_path: Path) -> None:
    state = FileState("/root", b"new.txt", "b", 1, 1, 1, "0" * 64, "1")
    with new_store(tmp_path) as store:
        with writing(store) as writer:
            cut("a").put(writer)
            cut("b").put(writer)
        with pytest.raises(ConflictError), writing(store) as writer:  # noqa: PT012 (the run ends by the error)
            writer.record_file(state)
            writer.rename("a", "b")
        with store.read() as reader:
            assert reader.files.below("/root") == {}
