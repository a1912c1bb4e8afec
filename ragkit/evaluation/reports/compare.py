"""Compare two runs query by query: the difference, its interval and its significance."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ragkit.errors import InputError
from ragkit.evaluation.datasets.lines import Line, read_jsonl
from ragkit.evaluation.datasets.types import PARTS
from ragkit.numeric.statistics import Interval, mean_interval, paired, paired_test

_CURE = "name two files that ragkit eval --per-query wrote"


@dataclass(frozen=True, slots=True)
class RunFile:
    """A per-query file: metric -> query -> value, the part of each query, and the digests of the data set."""

    path: Path
    metrics: Mapping[str, Mapping[str, float]]
    parts: Mapping[str, str]
    digests: frozenset[str]


@dataclass(frozen=True, slots=True)
class Difference:
    """One metric of two runs over the queries that both have: B minus A."""

    metric: str
    left: float
    right: float
    interval: Interval
    p: float
    better: int
    worse: int

    @property
    def difference(self) -> float:
        """B minus A."""
        return self.right - self.left


@dataclass(frozen=True, slots=True)
class Comparison:
    """The comparison of two runs. unshared: queries that only one of them has. note: why it is not evidence, or ""."""

    queries: int
    unshared: int
    differences: tuple[Difference, ...]
    note: str
    warnings: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON shape of `ragkit eval compare --json`."""
        return {
            "queries": self.queries,
            "unshared": self.unshared,
            "note": self.note or None,
            "warnings": list(self.warnings),
            "metrics": {
                item.metric: {
                    "a": round(item.left, 4),
                    "b": round(item.right, 4),
                    "difference": round(item.difference, 4),
                    "confidence": [round(value, 4) for value in item.interval],
                    "p": round(item.p, 5),
                    "better": item.better,
                    "worse": item.worse,
                    "same": self.queries - item.better - item.worse,
                }
                for item in self.differences
            },
        }

    def as_lines(self) -> Iterator[str]:
        """Yield the comparison for people."""
        note = f"  {self.note}" if self.note else ""
        yield f"{self.queries:,} queries in both" + (f", {self.unshared:,} in only one" if self.unshared else "")
        yield f"{'metric':<16} {'A':>6} {'B':>6}  {'B - A':>7}  {'95 % interval':<18} {'p':>7}  better/worse/same"
        for item in self.differences:
            low, high = item.interval
            same = self.queries - item.better - item.worse
            yield (
                f"{item.metric:<16} {item.left:>6.3f} {item.right:>6.3f}  {item.difference:>+7.3f}"
                f"  [{low:>+.3f}, {high:>+.3f}]   {item.p:>7.4f}  {item.better:,}/{item.worse:,}/{same:,}{note}"
            )
        yield "intervals: paired bootstrap; p: paired randomisation test, two-sided, of each metric by itself"


def read_run_file(path: Path) -> RunFile:
    """Read what --per-query wrote. Raises DatasetError, naming file and line."""
    metrics: dict[str, dict[str, float]] = {}
    parts: dict[str, str] = {}
    digests: set[str] = set()
    first: set[str] | None = None
    for line in read_jsonl(path, cure=_CURE):
        name = line.identifier("_id")
        if name in parts:
            raise line.error(f"duplicate id {name!r}", cure=_CURE)
        values = _values(line)
        first = first or set(values)
        if set(values) != first:
            raise line.error("its metrics are not those of the lines before", cure=_CURE)
        for metric, value in values.items():
            metrics.setdefault(metric, {})[name] = value
        parts[name] = line.text("part", default="")
        digests.add(line.text("digest", default=""))
    if not parts:
        raise InputError(f"{path} holds no query", cure=_CURE)
    return RunFile(path, metrics, parts, frozenset(digests))


def _values(line: Line) -> dict[str, float]:
    values = line.row.get("metrics")
    if not isinstance(values, dict) or not values:
        raise line.error("'metrics' is missing or no object", cure=_CURE)
    out: dict[str, float] = {}
    for metric, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise line.error(f"the metric {metric!r} is no number", cure=_CURE)
        out[metric] = float(value)
    return out


def compare_runs(left: RunFile, right: RunFile) -> Comparison:
    """Compare two runs over the queries and metrics that both have. Raises InputError where they share none."""
    shared = left.parts.keys() & right.parts.keys()
    metrics = [metric for metric in left.metrics if metric in right.metrics]
    if not shared or not metrics:
        what = "no metric" if shared else "no query"
        raise InputError(f"{left.path} and {right.path} have {what} in common", cure="compare two runs of one data set")
    warnings: tuple[str, ...] = ()
    if left.digests != right.digests:
        warnings = ("the two runs are of data sets that differ: only the ids of their queries are the same",)
    return Comparison(
        queries=len(shared),
        unshared=len(left.parts.keys() ^ right.parts.keys()),
        differences=tuple(_difference(metric, left.metrics[metric], right.metrics[metric]) for metric in metrics),
        note=_note({side.parts[name] for side in (left, right) for name in shared}),
        warnings=warnings,
    )


def _note(parts: set[str]) -> str:
    if PARTS[0] not in parts:
        return ""
    return "on the tuning part: no evidence" if parts == {PARTS[0]} else "includes the tuning part: no evidence"


def _difference(metric: str, left: Mapping[str, float], right: Mapping[str, float]) -> Difference:
    shared = left.keys() & right.keys()
    change = paired(right, left)
    return Difference(
        metric=metric,
        left=float(np.mean([left[name] for name in shared])),
        right=float(np.mean([right[name] for name in shared])),
        interval=mean_interval(change),
        p=paired_test(change),
        better=int((change > 0).sum()),
        worse=int((change < 0).sum()),
    )
