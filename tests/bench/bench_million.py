"""Measure many small documents from end to end: an ingest that is killed half-way, then each command that reads all.

    python -m tests.bench million --documents N --model FOLDER [--place FOLDER] [--kill-at N]

The files are those of `made_files`. Each command runs as a process of its own: seconds by the clock and of the
processor, and the peak of its memory, of ingest with its reading processes. The run is killed (SIGKILL) when half of
the documents are committed, or N, and started again. --place keeps files and collection: a run that was ended goes on
there.
"""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ragkit
from tests.bench import made_files
from tests.bench.bench_ingest import tree_memory
from tests.bench.bench_query import RAGKIT, ROOT

_QUESTIONS = 200
_EVERY = 0.5
_MINUTE = 60.0
Figures = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Run:
    """A command that ended, or was killed. committed: documents of the collection then.

    minutes: documents committed at the end of each minute, where that was asked for.
    """

    seconds: float
    cpu: float
    peak_mib: float
    committed: int
    output: str
    minutes: list[int]

    def figures(self) -> Figures:
        """Return its figures, rounded."""
        return {"wall_s": round(self.seconds, 2), "cpu_s": round(self.cpu, 2), "peak_mib": round(self.peak_mib)}

    def ingest_figures(self, before: int) -> Figures:
        """Return the figures of an ingest, with the documents that each minute added. before: there were at first."""
        each = [later - earlier for earlier, later in itertools.pairwise([before, *self.minutes])]
        return {**self.figures(), "committed_before": before, "committed": self.committed, "each_minute": each}


def _run(command: Sequence[str], data: Path, *, kill_at: int = 0, minutes: bool = False) -> _Run:
    """Run a command; kill_at: kill it once so many documents are committed. minutes: look at these once a minute.

    Raises SystemExit where it fails.
    """
    began, before = time.perf_counter(), os.times()
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen([*RAGKIT, *command], cwd=ROOT, stdout=output, stderr=subprocess.DEVNULL)
        peak, killed, marks = 0.0, False, list[int]()
        while process.poll() is None:
            peak = max(peak, tree_memory(process.pid))
            if minutes and time.perf_counter() - began >= _MINUTE * (len(marks) + 1):
                marks.append(_committed(data))
            if kill_at and _committed(data) >= kill_at:
                process.send_signal(signal.SIGKILL)
                killed = True
                process.wait()
            time.sleep(_EVERY if time.perf_counter() - began > 10 * _EVERY else 0.02)
        seconds, after = time.perf_counter() - began, os.times()
        output.seek(0)
        text = output.read()
    if process.returncode and not killed:
        raise SystemExit(f"ragkit {' '.join(command[:2])} failed with {process.returncode}: {text[-400:]}")
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return _Run(seconds, cpu, peak, _committed(data), text, marks)


def _committed(data: Path) -> int:
    """Return how many documents the collection has; 0 before it is there."""
    from ragkit.store.sqlite.catalog import collection_folder
    from ragkit.store.sqlite.store import Store

    try:
        with Store(collection_folder(data, "default")) as store, store.read() as reader:
            return reader.counts().documents
    except ragkit.RagkitError:  # it is being made at this moment
        return 0


def measure(*, documents: int, model: str, place: Path, kill_at: int) -> Figures:
    """Measure everything; place: a folder for files and collection, where an earlier run may have ended."""
    files, data = place / "files", place / "data"
    began = time.perf_counter()
    made_files.write_files(files, documents)
    written = time.perf_counter() - began
    found: Figures = {"documents": documents, "files_written_s": round(written, 1)}
    ingest = ["ingest", str(files), "--data", str(data), "--model", model]
    before = _committed(data)
    if before < kill_at:
        found["ingest_killed"] = _run(ingest, data, kill_at=kill_at, minutes=True).ingest_figures(before)
        before = _committed(data)
    found["ingest_again"] = _run(ingest, data, minutes=True).ingest_figures(before)
    found["mib"] = round(sum(path.stat().st_size for path in data.rglob("*") if path.is_file()) / 2**20)
    found["commands"] = _commands(files, data, place)
    found["questions"] = _questions(data, documents)
    return found


def _commands(files: Path, data: Path, place: Path) -> dict[str, Figures]:
    """Return the figures of each command that looks at the whole collection, and of a search in a new process."""
    copy = place / "copy.ragkit"
    copy.unlink(missing_ok=True)
    commands = {
        "status": ["status"],
        "ingest, nothing changed": ["ingest", str(files)],
        "documents": ["documents"],
        "documents --json": ["documents", "--json"],
        "history": ["history"],
        "doctor": ["doctor"],
        "verify": ["verify"],
        "backup": ["backup", str(copy)],
        "search, new process": ["search", made_files.fact_of(7)[0]],
    }
    found = {name: _run([*command, "--data", str(data)], data).figures() for name, command in commands.items()}
    copy.unlink()
    return found


def _questions(data: Path, documents: int) -> Figures:
    """Ask for facts of documents all over the collection; return the times of warm questions and how many are first."""
    asked = [made_files.fact_of(number) for number in range(0, documents, max(1, documents // _QUESTIONS))]
    taken, right = [], 0
    with ragkit.open(data, create=False) as kb:
        kb.search(asked[0][0])
        for question, answer in asked:
            began = time.perf_counter()
            hits = kb.search(question, k=1)
            taken.append((time.perf_counter() - began) * 1e3)
            right += bool(hits) and answer in hits[0].text
    return {"asked": len(asked), "right_first": right, "median_ms": round(statistics.median(taken), 2)}


def main(*, documents: int, model: str, place: Path | None, kill_at: int = 0) -> Figures:
    """Measure in a folder that is kept, or in one that is deleted afterwards. kill_at: 0 for half of the documents."""
    kill_at = kill_at or documents // 2
    if place is not None:
        return measure(documents=documents, model=model, place=place, kill_at=kill_at)
    folder = Path(tempfile.mkdtemp(prefix="ragkit-million-"))
    try:
        return measure(documents=documents, model=model, place=folder, kill_at=kill_at)
    finally:
        shutil.rmtree(folder)
