"""Measure questions in process by the size of the collection, and how soon a new process answers.

    python -m tests.bench.bench_query DATA… [--rounds 10]

A process per collection answers every question `WARM` times first, then all of them several times, one at a time. Times
are wall times; `cpu_ms` is the processor time of all threads for one question. `embed` is the part that the model took.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.bench import bench_index

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared"
OWN_QUESTIONS = (
    "How long is the refund window, and who pays for the return shipping?",
    "What does the Team plan cost per month?",
    "Which error code means that the battery is empty?",
    "How many days of holiday are there in a year?",
    "Is the warranty longer for business customers?",
    "Who approves travel expenses over 500 euros?",
)
WARM = 12
"""Rounds before the first that counts: by then, after some 3 s, the model has made its forms for short questions."""
LONGEST, FEWEST = 30.0, 3
"""Seconds after which no other round is begun, once there were so many."""
RAGKIT = [sys.executable, "-m", "ragkit.cli"]


def questions() -> list[str]:
    """Return the questions about the filings, or those about sample_docs where there are no filings."""
    file = SHARED / "data" / "financebench" / "questions.jsonl"
    if not file.exists():
        return list(OWN_QUESTIONS)
    return [json.loads(line)["question"] for line in file.read_text(encoding="utf-8").splitlines()]


def summary(milliseconds: Sequence[float]) -> dict[str, float]:
    """Return percentiles."""
    cuts = statistics.quantiles(milliseconds, n=100, method="inclusive")
    return {"p50_ms": round(cuts[49], 2), "p90_ms": round(cuts[89], 2), "p99_ms": round(cuts[98], 2)}


class Timed:
    """An embedder that adds up what its queries take."""

    def __init__(self, embedder: Any) -> None:
        self.embedder = embedder
        self.milliseconds: list[float] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.embedder, name)

    def embed_queries(self, texts: Sequence[str]) -> Any:
        """Embed, and note the time."""
        started = time.perf_counter()
        rows = self.embedder.embed_queries(texts)
        self.milliseconds.append((time.perf_counter() - started) * 1e3)
        return rows


def ask(data: Path, *, rounds: int) -> dict[str, Any]:
    """Open a collection in this process and ask."""
    import resource

    import ragkit

    embedder = Timed(ragkit.load_embedder(ragkit.ModelSettings(offline=True)))
    embedder.embedder.embed_queries(["a first one"])
    started = time.perf_counter()
    kb = ragkit.open(data, embedder=embedder, create=False)
    kb.documents(limit=1)
    opened = time.perf_counter() - started
    asked = questions()
    started = time.perf_counter()
    with kb._store.read() as reader:
        snapshot = kb._indexes.snapshot(reader.chunks)
    opening = time.perf_counter() - started
    started = time.perf_counter()
    kb.search(asked[0])
    first = time.perf_counter() - started
    for question in asked * WARM:
        kb.search(question)
    embedder.milliseconds.clear()
    taken = []
    cpu = time.process_time()
    until = time.perf_counter() + LONGEST
    for turn in range(rounds):
        if turn >= FEWEST and time.perf_counter() > until:
            break
        for question in asked:
            started = time.perf_counter()
            kb.search(question)
            taken.append((time.perf_counter() - started) * 1e3)
    cpu = time.process_time() - cpu
    status = kb.status()
    memory = _own_memory()
    exact = bench_index.exact_of(snapshot.dense)
    found = bench_index.recall(snapshot.dense, exact, embedder.embedder.embed_queries(asked), 10)
    return {
        "chunks": status["chunks"],
        "questions": len(taken),
        **summary(taken),
        "cpu_ms": round(cpu / len(taken) * 1e3, 2),
        "embed": summary(embedder.milliseconds),
        "rest": summary([whole - part for whole, part in zip(taken, embedder.milliseconds, strict=True)]),
        "open_s": round(opened, 3),
        "snapshot_s": round(opening, 3),
        "first_search_s": round(first, 3),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "recall@10": found,
        "own_memory_mib": memory,
        "disk_mib": round(sum(status["bytes"].values()) / 2**20),
    }


def _own_memory() -> int:
    """Return resident MiB that are this process's own, without what it maps from files."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("RssAnon"))


def in_new_process(data: Path, *, rounds: int) -> dict[str, Any]:
    """Do `ask` in a process of its own."""
    command = [sys.executable, "-m", "tests.bench.bench_query", str(data), "--rounds", str(rounds), "--here"]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def starts(data: Path | None, *, repeats: int = 5) -> dict[str, dict[str, float]]:
    """Return the best and the median seconds from the start of a process to its end, and its least CPU seconds."""
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "import ragkit": [sys.executable, "-c", "import ragkit"],
        "ragkit --help": [*RAGKIT, "--help"],
    }
    if data is not None:
        commands["ragkit search"] = [*RAGKIT, "search", questions()[0], "--data", str(data)]
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    found = {}
    for name, command in commands.items():
        taken, spent = [], []
        for _ in range(repeats):
            started, before = time.perf_counter(), os.times()
            subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, env=environ)
            taken.append(time.perf_counter() - started)
            after = os.times()
            spent.append(after[2] + after[3] - before[2] - before[3])
        found[name] = {
            "best_s": round(min(taken), 3),
            "median_s": round(statistics.median(taken), 3),
            "cpu_s": round(min(spent), 3),
        }
    return found


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, nargs="+")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--here", action="store_true", help="in this process, one collection")
    options = parser.parse_args()
    if options.here:
        print(json.dumps(ask(options.data[0], rounds=options.rounds)))
        return
    report: dict[str, Any] = {"queries": [in_new_process(data, rounds=options.rounds) for data in options.data]}
    report["starts"] = starts(options.data[-1])
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
