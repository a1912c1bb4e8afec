"""Compare what `ragkit serve` of several checkouts answers, asked in turn: the state of a host moves all of them alike.

python -m tests.bench.bench_http_turns before=FOLDER now=. [--data FOLDER] [--rounds 8] [--clients 16] [--remember 0]

Each checkout has a server with one worker, all over the same data (without --data, sample_docs/). In every round each
is asked for a while, in the order of the last round turned round. Prints JSON: the medians of the rounds, and each
round's requests a second. A checkout: `git worktree add FOLDER COMMIT`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
from pathlib import Path
from typing import Any

from tests.bench.bench_http import QUESTIONS, clients, cpu_seconds, ingest_samples, start, summary

WARM_SECONDS = 3.0
TOLD = ("per_second", "p50_ms", "p99_ms", "cpu_ms_a_request")


def ask(server: int, url: str, *, count: int, seconds: float) -> dict[str, float]:
    """Ask one server for a while."""
    spent = -cpu_seconds(server)
    took = asyncio.run(clients(url, "default", count=count, seconds=seconds, questions=list(QUESTIONS)))
    spent += cpu_seconds(server)
    return {**summary(took, seconds), "cpu_ms_a_request": round(spent / len(took) * 1000, 2)}


def measure(roots: dict[str, Path], options: argparse.Namespace, data: Path) -> dict[str, Any]:
    """Serve, warm up, ask in turn, stop."""
    servers = {}
    found: dict[str, list[dict[str, float]]] = {name: [] for name in roots}
    try:
        for name, root in roots.items():
            servers[name] = start(data, workers=1, remember=options.remember, root=root.absolute())
            ask(servers[name][0].pid, servers[name][1], count=options.clients, seconds=WARM_SECONDS)
        for turn in range(options.rounds):
            for name in list(roots)[:: 1 if turn % 2 == 0 else -1]:
                server, url = servers[name]
                found[name].append(ask(server.pid, url, count=options.clients, seconds=options.seconds))
    finally:
        for server, _ in servers.values():
            server.terminate()
            server.wait(30)
    return {
        name: {
            **{key: round(statistics.median(run[key] for run in runs), 2) for key in TOLD},
            "rounds": [run["per_second"] for run in runs],
        }
        for name, runs in found.items()
    }


def main() -> None:
    """Read the options, make data where none is given, print the result."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("roots", nargs="+", metavar="NAME=FOLDER", help="checkouts")
    parser.add_argument("--data", type=Path, help="with a collection `default` that all of them can read")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=2.5, help="of each in a round")
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--remember", type=int, default=0, help="questions whose vectors each server keeps")
    options = parser.parse_args()
    roots = {name: Path(folder) for name, _, folder in (item.partition("=") for item in options.roots)}
    with tempfile.TemporaryDirectory() as folder:
        data = options.data or ingest_samples(Path(folder) / "data")
        print(json.dumps(measure(roots, options, data), indent=1))


if __name__ == "__main__":
    main()
