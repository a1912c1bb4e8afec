"""Compare searches of one collection in SQLite and in PostgreSQL: the same questions in turn, in one process.

    ragkit backup copy.ragkit --data DATA
    ragkit restore copy.ragkit --data postgresql://… --collection NAME
    python -m tests.bench.bench_postgres DATA postgresql://… NAME [--questions 300] [--filtered] [--model]

Every question is a few words of a chunk, and is asked once. Without --model the embedder is a hash of the words: only
the search is measured. --filtered adds a filter that every document passes. `trips` are waits for the server.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import sys
import time
from collections.abc import Sequence
from typing import Any

import ragkit
from ragkit import KnowledgeBase
from ragkit.store.postgres.connection import WatchedConnection
from ragkit.testing import HashEmbedder

_UNCOUNTED = 10
"""Questions before the first that counts."""
EVERYTHING = {"type": "ne", "key": "source", "value": ""}


class Trips:
    """Counts the waits for the server, and adds up their time."""

    def __init__(self) -> None:
        self.count, self.seconds = 0, 0.0
        wait: Any = WatchedConnection.wait

        def counted(connection: WatchedConnection, *args: Any, **options: Any) -> Any:
            began = time.perf_counter()
            try:
                return wait(connection, *args, **options)
            finally:
                self.count, self.seconds = self.count + 1, self.seconds + time.perf_counter() - began

        WatchedConnection.wait = counted  # type: ignore[method-assign] # every connection of this process


def questions(knowledge: KnowledgeBase, count: int, seed: int) -> list[str]:
    """Return different questions: four to eight words of some chunks."""
    chance = random.Random(seed)
    with knowledge._store.read() as reader:
        ids = reader.chunks.all_chunk_ids().tolist()
        rows = reader.chunks.rows(chance.sample(ids, min(count, len(ids)))).values()
    found = []
    for row in rows:
        words = row.text.split()
        first = chance.randrange(max(1, len(words) - 8))
        found.append(" ".join(words[first : first + chance.randrange(4, 9)]))
    return list(dict.fromkeys(text for text in found if text.strip()))


def compare(both: Sequence[KnowledgeBase], asked: Sequence[str], where: dict[str, Any] | None) -> dict[str, Any]:
    """Ask both stores each question, in changing order."""
    took: dict[KnowledgeBase, list[float]] = {knowledge: [] for knowledge in both}
    differ = 0
    for number, question in enumerate(asked):
        found = {}
        for knowledge in both if number % 2 else both[::-1]:
            began = time.perf_counter()
            found[knowledge] = knowledge.search(question, where=where)
            took[knowledge].append((time.perf_counter() - began) * 1e3)
        first, second = ([(hit.source, hit.start) for hit in found[knowledge]] for knowledge in both)
        differ += first != second
    report: dict[str, Any] = {"questions": len(asked), "answered_otherwise": differ}
    for percent in (10, 50, 95):
        values = [statistics.quantiles(took[knowledge], n=100)[percent - 1] for knowledge in both]
        report[f"p{percent}_ms"] = [*(round(value, 2) for value in values), round(values[1] / values[0], 3)]
    return report


def main() -> None:
    """Print what was measured as JSON: for each percentile SQLite, PostgreSQL and their ratio."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data")
    parser.add_argument("address")
    parser.add_argument("collection")
    parser.add_argument("--questions", type=int, default=300)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--filtered", action="store_true")
    parser.add_argument("--model", action="store_true", help="the collection's own embedder, not a hash")
    options = parser.parse_args()
    embedder = ragkit.load_embedder(ragkit.ModelSettings(offline=True)) if options.model else HashEmbedder(384)
    trips = Trips()
    with (
        ragkit.open(options.data, embedder=embedder, create=False) as here,
        ragkit.open(options.address, collection=options.collection, embedder=embedder, create=False) as there,
    ):
        asked = questions(here, options.questions + _UNCOUNTED, options.seed)
        compare((here, there), asked[:_UNCOUNTED], None)
        for where in (None, EVERYTHING) if options.filtered else (None,):
            trips.count, trips.seconds = 0, 0.0
            report = compare((here, there), asked[_UNCOUNTED:], where)
            report["trips"] = round(trips.count / report["questions"], 1)
            report["trips_ms"] = round(1e3 * trips.seconds / report["questions"], 2)
            report |= {"filtered": where is not None, "load": round(os.getloadavg()[0], 1)}
            sys.stdout.write(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
