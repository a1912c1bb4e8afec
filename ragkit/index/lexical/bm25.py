"""BM25 (Robertson and Zaragoza 2009): its constants, idf, saturation and one-byte lengths, as Lucene and tantivy do."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

K1: Final = 1.2
B: Final = 0.75
"""Saturation of the term frequency, and share of the length normalisation."""


def idf(documents: float, containing: float) -> float:
    """Return ln(1 + (N - n + 0.5) / (n + 0.5)), which is never negative."""
    return math.log1p((max(documents - containing, 0.0) + 0.5) / (containing + 0.5))


def length_damping(lengths: NDArray[Any], mean: float) -> NDArray[Any]:
    """Return k1 (1 - b + b l / m) of lengths l in terms and their mean m: the denominator's part beside the count."""
    damping: NDArray[Any] = (K1 * (1.0 - B)) + (K1 * B / max(mean, 1e-9)) * lengths
    return damping


def saturated(
    counts: NDArray[Any], damping: NDArray[Any], *, weight: float | NDArray[np.float64] = 1.0
) -> NDArray[Any]:
    """Return weight * (k1 + 1) tf / (tf + damping) of term frequencies tf; a weight is idf times the boost of a field.

    The arrays are broadcast together. damping: as `length_damping` returns it.
    """
    scores: NDArray[Any] = weight * (K1 + 1.0) * counts / (counts + damping)
    return scores


def length_table() -> NDArray[np.int64]:
    """Return the 256 lengths that one byte encodes: exact below 40, then with four bits (Lucene's SmallFloat)."""
    lengths = list(range(24))
    for code in range(232):
        bits, shift = code & 7, (code >> 3) - 1
        lengths.append(24 + (bits if shift < 0 else (bits | 8) << shift))
    return np.array(lengths, dtype=np.int64)


LENGTHS: Final = length_table()


def rounded_lengths(lengths: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return lengths as a one-byte index stores them: rounded down to the next length that has a code."""
    return LENGTHS[np.searchsorted(LENGTHS, lengths, side="right") - 1].astype(np.float32)
