"""Ingest in a Ray cluster of two workers against the local run, in turn; and a simulation of more workers.

Run it as `python -m tests.bench.bench_ray FOLDER [--rounds N]`. The simulation is that and no more: it schedules the
times of reading, embedding and writing that this run measured with two workers on 4, 8 and 16 that do not disturb each
other, with a network that costs nothing.
"""

from __future__ import annotations

import argparse
import heapq
import json
import statistics
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ragkit
from ragkit.knowledge.writer import SLICE
from ragkit_ingest import IngestOptions, IngestReport, ingest_folder
from ragkit_ingest.executors.loading import load_executor
from ragkit_ingest.executors.ray_cluster.cluster import cluster
from ragkit_ingest.executors.ray_cluster.team import Team

WORKERS = (2, 4, 8, 16)


@dataclass(slots=True)
class Calls:
    """The seconds of every call to a worker, by method, from a team whose `call` is replaced for the measurement."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: {"read": [], "embed": []})
    lock: threading.Lock = field(default_factory=threading.Lock)

    def measured_call(self, team: Team, method: str, *arguments: Any) -> Any:
        """Make a call, and note how long an idle worker took for it."""
        member = team._take()
        started = time.perf_counter()
        try:
            result = team._result(getattr(member, method).remote(*arguments))
        finally:
            team._idle.put(member)
        with self.lock:
            self.seconds[method].append(time.perf_counter() - started)
        return result


def run(folder: Path, executor: str) -> tuple[IngestReport, float]:
    """Ingest a folder into a new collection; return the report and the seconds of the whole call."""
    with tempfile.TemporaryDirectory(prefix="ragkit-bench-") as data, ragkit.open(data) as kb:
        started = time.perf_counter()
        options = IngestOptions(workers=2, executor=load_executor(executor))
        report = ingest_folder(kb, folder, options=options)
        return report, time.perf_counter() - started


def simulated(calls: Calls, report: IngestReport, *, workers: int) -> float:
    """Return the seconds that the measured work takes with so many workers: a simulation of the three stages.

    Files go to the next idle reader in order; the texts of what is read are embedded in calls by the next idle
    embedder; one thread writes. A stage begins with a part when the one before has ended with it.
    """
    reads, embeds = calls.seconds["read"], calls.seconds["embed"]
    read_at = sorted(_scheduled(reads, [0.0] * len(reads), workers=workers))
    share = len(reads) / max(len(embeds), 1)
    ready = [read_at[min(len(reads) - 1, int((number + 1) * share))] for number in range(len(embeds))]
    embedded_at = sorted(_scheduled(embeds, ready, workers=workers))
    each = report.add.seconds["write"] / max(len(embeds), 1)
    done = 0.0
    for at in embedded_at:
        done = max(done, at) + each
    return done


def _scheduled(costs: Sequence[float], ready: Sequence[float], *, workers: int) -> list[float]:
    """Return when each task ends, given when it can begin; the first idle worker takes the next."""
    free = [0.0] * workers
    ends: list[float] = []
    for cost, at in zip(costs, ready, strict=True):
        end = max(heapq.heappop(free), at) + cost
        heapq.heappush(free, end)
        ends.append(end)
    return ends


def main() -> None:
    """Measure, simulate, and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    calls = Calls()
    started = time.perf_counter()
    seconds: dict[str, list[float]] = {"local": [], "ray": [], "ray_start": []}
    with cluster("", processors=2, stopped=lambda: False):
        cluster_start = time.perf_counter() - started
        for _ in range(given.rounds):
            for executor in ("local", "ray"):
                report, took = run(given.folder, executor)
                seconds[executor].append(took)
        Team.call = lambda team, method, *arguments: calls.measured_call(team, method, *arguments)  # type: ignore[method-assign]
        report, took = run(given.folder, "ray")
    print(
        json.dumps(
            {
                "documents": report.count("added"),
                "chunks": report.add.chunks,
                "seconds_local": [round(value, 2) for value in seconds["local"]],
                "seconds_ray_with_the_start_of_its_actors": [round(value, 2) for value in seconds["ray"]],
                "speed_ray_of_local": round(statistics.median(seconds["local"]) / statistics.median(seconds["ray"]), 3),
                "seconds_to_start_a_cluster": round(cluster_start, 2),
                "worker_seconds": {name: round(sum(held), 2) for name, held in calls.seconds.items()},
                "calls": {name: len(held) for name, held in calls.seconds.items()},
                "seconds_writing": round(report.add.seconds["write"], 2),
                "simulated_seconds_by_workers": {
                    count: round(simulated(calls, report, workers=count), 2) for count in WORKERS
                },
                "texts_of_one_slice_at_most": SLICE,
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
