"""Metrics per query by ir-measures, their means, and bootstrap intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ragkit.errors import MissingPackageError

Run = Mapping[str, Mapping[str, float]]
PerQuery = dict[str, dict[str, float]]

RANKING = {
    "ndcg@10": "nDCG@10",
    "recall@100": "R@100",
    "hit@1": "Success@1",
    "hit@5": "Success@5",
    "hit@10": "Success@10",
    "mrr@10": "RR@10",
}
"""Our names -> those of ir-measures."""


def ranking_metrics(run: Run, qrels: Mapping[str, Mapping[str, int]]) -> PerQuery:
    """Return metric -> query -> value. A query without hits counts 0 in every metric."""
    try:
        import ir_measures
    except ImportError as error:
        raise MissingPackageError("ir-measures", purpose="ragkit eval", install="'ragkit[eval]'") from error
    measures = {ir_measures.parse_measure(theirs): ours for ours, theirs in RANKING.items()}
    out: PerQuery = {ours: dict.fromkeys(qrels, 0.0) for ours in RANKING}
    graded = {query: dict(documents) for query, documents in qrels.items()}
    for metric in ir_measures.iter_calc(list(measures), graded, {query: dict(docs) for query, docs in run.items()}):
        out[measures[metric.measure]][metric.query_id] = float(metric.value)
    return out


def means(values: PerQuery) -> dict[str, float]:
    """Return the mean of each metric over its queries."""
    return {name: float(np.mean(list(rows.values()))) if rows else 0.0 for name, rows in values.items()}


def intervals(values: PerQuery, *, samples: int = 1_000, seed: int = 0, level: float = 0.95) -> dict[str, list[float]]:
    """Return the percentile bootstrap interval of each mean, over queries (Efron 1979), with a fixed seed."""
    out: dict[str, list[float]] = {}
    for name, rows in values.items():
        data = np.array(list(rows.values()), dtype=np.float64)
        if not len(data):
            out[name] = [0.0, 0.0]
            continue
        generator = np.random.default_rng(seed)
        drawn = np.array([data[generator.integers(0, len(data), len(data))].mean() for _ in range(samples)])
        low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
        out[name] = [round(float(low), 4), round(float(high), 4)]
    return out


def paired_test(
    left: Mapping[str, float], right: Mapping[str, float], *, samples: int = 10_000, seed: int = 0
) -> float:
    """Return the two-sided p of a paired randomisation test over the queries that both have (Smucker et al. 2007)."""
    shared = sorted(set(left) & set(right))
    differences = np.array([left[query] - right[query] for query in shared], dtype=np.float64)
    if not len(differences) or not differences.any():
        return 1.0
    observed = abs(differences.mean())
    generator = np.random.default_rng(seed)
    beyond = 0
    for start in range(0, samples, 500):
        signs = generator.choice((-1.0, 1.0), size=(min(500, samples - start), len(differences)))
        beyond += int((np.abs((signs * differences).mean(axis=1)) >= observed - 1e-12).sum())
    return (beyond + 1) / (samples + 1)


def area_under_roc(positives: Sequence[float], negatives: Sequence[float]) -> float:
    """Return the probability that a positive scores above a negative, ties counting half (Mann and Whitney 1947)."""
    if not len(positives) or not len(negatives):
        return float("nan")
    ordered = np.sort(np.asarray(negatives, dtype=np.float64))
    values = np.asarray(positives, dtype=np.float64)
    below = np.searchsorted(ordered, values, side="left")
    equal = np.searchsorted(ordered, values, side="right") - below
    return float((below + equal / 2).sum() / (len(values) * len(ordered)))
