"""The uncertainty of figures: bootstrap intervals, paired tests, areas under curves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SAMPLES = 2_000
"""Bootstrap samples of an interval."""
_CELLS = 2_000_000  # numbers held at once while resampling

Floats = NDArray[np.float64]
Interval = tuple[float, float]


def mean_interval(values: Sequence[float] | Floats, *, samples: int = SAMPLES, level: float = 0.95) -> Interval:
    """Return the percentile bootstrap interval of a mean (Efron 1979), with a fixed seed; of nothing, (nan, nan)."""
    data = np.asarray(values, dtype=np.float64)
    if not len(data):
        return float("nan"), float("nan")
    return _quantiles(np.concatenate([data[rows].mean(axis=1) for rows in _draws(len(data), samples)]), level)


def balanced_accuracy_interval(
    accepted: Sequence[float], refused: Sequence[float], *, samples: int = SAMPLES, level: float = 0.95
) -> Interval:
    """Return the bootstrap interval of the mean of two rates, each side drawn on its own, with a fixed seed."""
    sides = [np.asarray(values, dtype=np.float64) for values in (accepted, refused)]
    means = [np.concatenate([side[rows].mean(axis=1) for rows in _draws(len(side), samples)]) for side in sides]
    return _quantiles((means[0] + means[1]) / 2, level)


def _draws(size: int, samples: int) -> list[NDArray[np.int64]]:
    generator = np.random.default_rng(0)
    step = max(1, _CELLS // size)
    return [
        generator.integers(0, size, (min(step, samples - start), size), dtype=np.int64)
        for start in range(0, samples, step)
    ]


def _quantiles(drawn: Floats, level: float) -> Interval:
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def paired_test(differences: Sequence[float] | Floats, *, samples: int = 10_000) -> float:
    """Return the two-sided p of a paired randomisation test of a mean difference (Smucker, Allan, Carterette 2007).

    With up to 13 non-zero differences every assignment of signs is counted; with more, `samples` random ones, with a
    fixed seed.
    """
    data = np.asarray(differences, dtype=np.float64)
    data = data[data != 0]
    if not len(data):
        return 1.0
    observed = abs(data.sum()) - 1e-12
    if len(data) <= 13:
        bits = (np.arange(2 ** len(data))[:, None] >> np.arange(len(data))) & 1
        return float((np.abs((bits * 2 - 1) @ data) >= observed).mean())
    generator = np.random.default_rng(0)
    beyond = 0
    step = max(1, _CELLS // len(data))
    for start in range(0, samples, step):
        signs = generator.integers(0, 2, (min(step, samples - start), len(data)), dtype=np.int8) * 2.0 - 1.0
        beyond += int((np.abs(signs @ data) >= observed).sum())
    return (beyond + 1) / (samples + 1)


def area_under_roc(positives: Sequence[float] | Floats, negatives: Sequence[float] | Floats) -> float:
    """Return the probability that a positive scores above a negative, ties counting half (Mann and Whitney 1947)."""
    if not len(positives) or not len(negatives):
        return float("nan")
    ordered = np.sort(np.asarray(negatives, dtype=np.float64))
    values = np.asarray(positives, dtype=np.float64)
    below = np.searchsorted(ordered, values, side="left")
    equal = np.searchsorted(ordered, values, side="right") - below
    return float((below + equal / 2).sum() / (len(values) * len(ordered)))


def two_sample_interval(
    left: Sequence[float] | Floats,
    right: Sequence[float] | Floats,
    statistic: Callable[[Floats, Floats], float],
    *,
    samples: int = 500,
) -> Interval:
    """Return the percentile bootstrap interval of a statistic of two independent samples, with a fixed seed."""
    a, b = np.asarray(left, dtype=np.float64), np.asarray(right, dtype=np.float64)
    if not len(a) or not len(b):
        return float("nan"), float("nan")
    generator = np.random.default_rng(0)
    drawn = [
        statistic(a[generator.integers(0, len(a), len(a))], b[generator.integers(0, len(b), len(b))])
        for _ in range(samples)
    ]
    return _quantiles(np.array(drawn), 0.95)


@dataclass(frozen=True, slots=True)
class RiskCoverage:
    """The share of wrong answers (risk) when only the most confident share (coverage) of the questions is answered."""

    coverage: Floats
    risk: Floats

    @property
    def area(self) -> float:
        """The mean risk over all coverages: AURC (Geifman and El-Yaniv 2017)."""
        return float(self.risk.mean()) if len(self.risk) else float("nan")


def risk_coverage(confidences: Sequence[float] | Floats, wrong: Sequence[bool] | NDArray[np.bool_]) -> RiskCoverage:
    """Return the risk at each coverage 1/n .. n/n. Questions of the same confidence are wrong in equal parts."""
    scores = np.asarray(confidences, dtype=np.float64)
    errors = np.asarray(wrong, dtype=np.float64)
    if not len(scores):
        return RiskCoverage(np.zeros(0), np.zeros(0))
    _, group, sizes = np.unique(-scores, return_inverse=True, return_counts=True)
    shares = np.bincount(group, weights=errors) / sizes
    expected = np.repeat(shares, sizes)
    counted = np.arange(1, len(scores) + 1)
    return RiskCoverage(counted / len(scores), np.cumsum(expected) / counted)


def best_threshold(positives: Sequence[float] | Floats, negatives: Sequence[float] | Floats) -> float:
    """Return the threshold that separates best: positives at or above it are kept, negatives below it are refused.

    Best by balanced accuracy; halfway between two neighbouring values, the lowest of equals. Raises ValueError on
    an empty side.
    """
    kept, refused = np.sort(np.asarray(positives, dtype=np.float64)), np.sort(np.asarray(negatives, dtype=np.float64))
    if not len(kept) or not len(refused):
        raise ValueError("a threshold needs positives and negatives")
    values = np.unique(np.concatenate([kept, refused]))
    cuts = np.concatenate([values[:1], (values[:-1] + values[1:]) / 2, np.nextafter(values[-1:], np.inf)])
    keeps = 1 - np.searchsorted(kept, cuts, side="left") / len(kept)
    refuses = np.searchsorted(refused, cuts, side="left") / len(refused)
    return float(cuts[int(np.argmax(keeps + refuses))])


def paired(left: Mapping[str, float], right: Mapping[str, float]) -> Floats:
    """Return left minus right over the keys that both have, by key."""
    return np.array([left[key] - right[key] for key in sorted(left.keys() & right.keys())], dtype=np.float64)
