"""Measure the search indexes by size: build, open, query, filter, follow; prints JSON.

    PYTHONPATH=. python tests/bench/bench_index.py --sizes 1000,10000,100000,1000000 [--vectors real.npy]

There is no store and no model here: texts are Zipfian word soup of 100 words, and vectors are mixtures of two of a set
of base vectors, and noise. The base is random, or the rows of a .npy file of real embeddings (more
telling for recall). Queries are mixtures of another kind, or with --queries the rows of a file. Nothing is timed in
parallel.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragkit.index.cache import Caches
from ragkit.index.dense.index import DenseIndex
from ragkit.index.manifest import list_folders
from ragkit.settings import DenseSettings
from ragkit.types.collection import Fingerprint

Ids = NDArray[np.int64]
Vectors = NDArray[np.float32]
BLOCK = 10_000
DIMENSION = 384
VOCABULARY = np.array([f"w{number:x}" for number in range(200_000)])


@dataclass(frozen=True)
class Change:
    removed: Ids
    added: Ids


def unit(rows: Vectors) -> Vectors:
    made: Vectors = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    return made


def random_base(count: int = 30_000) -> Vectors:
    """Return vectors around 300 themes, so that near ones and far ones exist as in text."""
    rng = np.random.default_rng(0)
    spectrum = (np.arange(1, DIMENSION + 1) ** -0.25).astype(np.float32)
    themes = rng.standard_normal((300, DIMENSION)).astype(np.float32) * spectrum
    own = rng.standard_normal((count, DIMENSION)).astype(np.float32) * spectrum
    return unit(own + 0.9 * themes[rng.integers(0, 300, count)])


class Synthetic:
    """A collection that is made up block by block, the same every time."""

    def __init__(self, size: int, base: Vectors) -> None:
        self.size, self.base = size, base
        self.identity, self.revision, self.generation = f"bench-{size}", 1, 1
        self.fingerprint: Fingerprint | None = Fingerprint("bench", "bench", DIMENSION, 256)
        self.change: Change | None = None
        self.made: dict[tuple[str, bytes], Any] = {}

    def all_chunk_ids(self) -> Ids:
        return np.arange(1, self.size + 1, dtype=np.int64)

    def iter_vectors(self, batch: int = 4096) -> Iterator[tuple[Ids, Vectors]]:
        for start in range(0, self.size, BLOCK):
            yield self._ids(start), self._block(start)

    def iter_texts(self, batch: int = 4096) -> Iterator[tuple[Ids, list[tuple[str, str, str]]]]:
        for start in range(0, self.size, BLOCK):
            yield self._ids(start), self._texts(start)

    def vectors(self, ids: Ids) -> Vectors:
        rows: Vectors = self._picked(ids, self._block)
        return rows

    def texts(self, ids: Ids) -> Sequence[tuple[str, str, str]]:
        found: Sequence[tuple[str, str, str]] = self._picked(ids, self._texts)
        return found

    def unit_bodies(self, ids: Ids) -> list[bytes]:
        return [b""] * len(ids)

    def changes_since(self, revision: int) -> Change | None:
        nothing = Change(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))
        return nothing if revision == self.revision else self.change

    def _picked(self, ids: Ids, block: Callable[[int], Any]) -> Any:
        key = (block.__name__, ids.tobytes())
        if key in self.made:  # asked for before: making it up is not what is measured
            return self.made[key]
        starts = (ids - 1) // BLOCK * BLOCK
        blocks = {start: block(start) for start in set(starts.tolist())}
        rows = [blocks[start][number - 1 - start] for start, number in zip(starts.tolist(), ids.tolist(), strict=True)]
        made = rows if block == self._texts else np.array(rows, dtype=np.float32).reshape(-1, DIMENSION)
        self.made[key] = made
        return made

    def _ids(self, start: int) -> Ids:
        return np.arange(start + 1, min(start + BLOCK, self.size) + 1, dtype=np.int64)

    def _block(self, start: int) -> Vectors:
        rng = np.random.default_rng([1, start])
        first, second = rng.integers(0, len(self.base), (2, BLOCK))
        share = rng.uniform(0.15, 0.75, (BLOCK, 1)).astype(np.float32)
        noise = rng.standard_normal((BLOCK, DIMENSION)).astype(np.float32) * np.float32(0.0077)
        rows: Vectors = unit(self.base[first] + share * self.base[second] + noise)[: len(self._ids(start))]
        return rows

    def _texts(self, start: int) -> list[tuple[str, str, str]]:
        rng = np.random.default_rng([2, start])
        ranks = np.minimum(rng.pareto(0.6, (len(self._ids(start)), 100)) * 20, len(VOCABULARY) - 1).astype(np.int64)
        return [("", " ".join(row[:4]), " ".join(row)) for row in VOCABULARY[ranks]]


def timed(calls: Sequence[Callable[[], Any]]) -> dict[str, float]:
    """Return milliseconds: best, median and 99th percentile; the first call is not counted."""
    calls[0]()
    taken = []
    for call in calls:
        start = time.perf_counter()
        call()
        taken.append((time.perf_counter() - start) * 1e3)
    taken.sort()
    return {
        "min": round(taken[0], 3),
        "p50": round(statistics.median(taken), 3),
        "p99": round(taken[int(len(taken) * 0.99)], 3),
    }


def once(call: Callable[[], Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    value = call()
    return value, round(time.perf_counter() - start, 4)


def recall(index: DenseIndex, exact: DenseIndex, queries: Vectors, k: int, allowed: Ids | None = None) -> float:
    hits = 0
    for query in queries:
        truth, _ = exact.search(query, k, allowed=allowed)
        found, _ = index.search(query, k, allowed=allowed)
        hits += len(np.intersect1d(truth, found))
    return round(hits / (k * len(queries)), 4)


def exact_of(index: DenseIndex) -> DenseIndex:
    """Return an index that compares with every row of the same files."""
    return DenseIndex(replace(index.base, kind="exact", coarse=None, refined=None))


def bytes_of(place: Path, part: str) -> int:
    return sum(path.stat().st_size for path in list_folders(place / "cache", part)[0][1].iterdir())


def memory(kind: str) -> float:
    """Return resident MiB of this process that are its own ("RssAnon") or mapped from files ("RssFile")."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(kind):
            return round(int(line.split()[1]) / 1024, 1)
    return 0.0


def measure(size: int, base: Vectors, queries: Vectors, folder: Path, kind: str) -> dict[str, Any]:
    place = folder / str(size)
    place.mkdir(parents=True, exist_ok=True)
    source = Synthetic(size, base)
    settings = DenseSettings(kind=kind)  # type: ignore[arg-type]
    report: dict[str, Any] = {"chunks": size}
    if not list_folders(place / "cache", "lexical"):
        _, report["build_s"] = once(lambda: Caches(place, dense=settings).persist(source))
    report["peak_rss_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    report["bytes"] = {part: bytes_of(place, part) for part in ("dense", "lexical")}
    Caches(place, dense=settings).snapshot(source)
    for path in (place / "cache").rglob("stamp.json"):
        path.unlink()
    _, report["open_hashing_s"] = once(lambda: Caches(place, dense=settings).snapshot(source))
    before = memory("RssAnon")
    caches = Caches(place, dense=settings)
    snapshot, report["open_s"] = once(lambda: caches.snapshot(source))
    dense, lexical = snapshot.dense, snapshot.lexical
    report["kind"], report["probes"] = dense.base.kind, dense.base.probes
    report["snapshot_us"] = round(1e3 * timed([lambda: caches.snapshot(source)] * 100)["p50"], 1)
    report["dense_ms"] = {k: timed([partial(dense.search, q, k) for q in queries]) for k in (10, 100)}
    exact = exact_of(dense)
    report["recall"] = {k: recall(dense, exact, queries[:100], k) for k in (10, 100)}
    rng = np.random.default_rng(3)
    report["filters"] = {}
    for share in (0.001, 0.01, 0.1, 0.5):
        allowed = np.sort(rng.choice(source.all_chunk_ids(), max(int(size * share), 1), replace=False))
        words = [questions(rng) for _ in range(40)]
        report["filters"][share] = {
            "dense_ms": timed([partial(dense.search, q, 100, allowed=allowed) for q in queries[:40]]),
            "recall@10": recall(dense, exact, queries[:40], min(10, len(allowed)), allowed),
            "lexical_ms": timed([partial(lexical.search, w, 100, allowed=allowed) for w in words]),
        }
    words = [questions(rng) for _ in range(200)]
    report["lexical_ms"] = timed([partial(lexical.search, w, 100) for w in words])
    report["terms_200_ms"] = timed([lambda: lexical.terms(rng.integers(1, size, 200))] * 50)
    report["vectors_200_ms"] = timed([lambda: dense.vectors(rng.integers(1, size, 200))] * 50)
    report["anonymous_mib"] = round(memory("RssAnon") - before, 1)
    report["mapped_mib"] = memory("RssFile")
    report["follow_50_chunks_s"] = follow(source, caches)
    return report


def follow(source: Synthetic, caches: Caches) -> float:
    """Time a snapshot after one document of 50 chunks was replaced."""
    later = Synthetic(source.size + 50, source.base)
    later.identity, later.revision = source.identity, 2
    later.change = Change(np.arange(1, 51), np.arange(source.size + 1, source.size + 51))
    later.vectors(later.change.added)
    later.texts(later.change.added)
    return once(lambda: caches.snapshot(later))[1]


def questions(rng: np.random.Generator) -> str:
    """Return six words, as frequent as the telling words of a question are."""
    return " ".join(VOCABULARY[rng.integers(30, 5_000, 6)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="1000,10000,100000")
    parser.add_argument("--folder", type=Path, default=Path("/tmp/ragkit-bench"))
    parser.add_argument("--vectors", type=Path)
    parser.add_argument("--queries", type=Path)
    parser.add_argument("--kind", default="auto")
    parser.add_argument("--keep", action="store_true", help="keep the files, and use those that are there")
    options = parser.parse_args()
    base = np.load(options.vectors) if options.vectors else random_base()
    rng = np.random.default_rng(5)
    pairs = rng.integers(0, len(base), (2, 300))
    queries = unit(base[pairs[0]] + 0.8 * base[pairs[1]])
    if options.queries:
        queries = rng.permutation(np.load(options.queries))[:300]
    if not options.keep:
        shutil.rmtree(options.folder, ignore_errors=True)
    reports = []
    for size in map(int, options.sizes.split(",")):
        reports.append(measure(size, base, queries, options.folder, options.kind))
        if not options.keep:
            shutil.rmtree(options.folder, ignore_errors=True)
    print(json.dumps(reports, indent=1))


if __name__ == "__main__":
    main()
