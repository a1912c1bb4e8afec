"""BM25: its constants, inverse document frequency and length normalisation, as tantivy computes them."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

K1: Final = 1.2


B: Final = 0.75


def idf(documents: float, containing: float) -> float:
    """Return ln(1 + (N - n + 0.5) / (n + 0.5)), which is never negative."""
    return math.log1p((max(documents - containing, 0.0) + 0.5) / (containing + 0.5))


def length_damping(lengths: NDArray[Any], mean: float) -> NDArray[Any]:
    """Return k1 (1 - b + b l / m) of lengths l in terms, what BM25 adds to a term's count below the line."""
    damping: NDArray[Any] = (K1 * (1.0 - B)) + (K1 * B / max(mean, 1e-9)) * lengths
    return damping


def length_table() -> NDArray[np.int64]:
    """Return the 256 lengths that one byte stands for: exact below 40, then four bits (Lucene's SmallFloat)."""
    lengths = list(range(24))
    for code in range(232):
        bits, shift = code & 7, (code >> 3) - 1
        lengths.append(24 + (bits if shift < 0 else (bits | 8) << shift))
    return np.array(lengths, dtype=np.int64)


LENGTHS: Final = length_table()


def rounded_lengths(lengths: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return lengths as a one-byte index keeps them: the next lower one that has a code."""
    return LENGTHS[np.searchsorted(LENGTHS, lengths, side="right") - 1].astype(np.float32)
