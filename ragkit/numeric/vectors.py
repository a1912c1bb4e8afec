"""Vectors of an embedder: checked (finite, of unit norm, of the right shape; an error names the row), and as rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ragkit.errors import EmbeddingError
from ragkit.types.collection import Fingerprint

Number = TypeVar("Number", np.float32, np.float64)

NORM_TOLERANCE = 1e-3
"""How far from 1 a norm may be (rounding of bf16 and fp16) and still be renormalised."""
_BLOCK = 8_192
"""Rows that are computed at once: a bound on the float64 copies of a long document's vectors."""
PROBE_AGREEMENT = 0.999
"""Lowest cosine of two probe vectors of the same model; bf16 against fp32 gives 0.99999, another model far less."""


def check_vectors(vectors: Any, *, count: int, dimension: int) -> NDArray[np.float32]:
    """Return vectors as a C-contiguous (count, dimension) float32 array of unit rows, a copy.

    Rows whose norm is within 1e-3 of 1 are renormalised; checking the result again changes no bit of it. Raises
    EmbeddingError that names the first bad row: wrong shape, not numeric, NaN or infinite, zero, or of another norm.
    """
    array = np.asarray(vectors)
    if array.dtype.kind not in "fiu":
        raise EmbeddingError(f"the embedder returned {array.dtype} instead of numbers", cure="check the model")
    if array.shape != (count, dimension):
        if count == 0 and array.size == 0:
            return np.empty((0, dimension), dtype=np.float32)
        raise EmbeddingError(
            f"the embedder returned shape {array.shape} for {count} texts of dimension {dimension}"
            + (f"; row {array.shape[0]} is missing" if array.ndim == 2 and array.shape[0] < count else ""),
            cure="check the model",
        )
    out = np.ascontiguousarray(array if array.dtype == np.float32 else _as_float32(array))
    norms = _norms(out)
    bad = np.flatnonzero(~(np.abs(norms - 1.0) <= NORM_TOLERANCE))  # NaN compares false, so it is bad too
    if bad.size:
        row = int(bad[0])
        what = "is all zero" if norms[row] == 0 else f"has norm {norms[row]:.4g} instead of 1"
        if not np.isfinite(out[row]).all():
            what = "holds NaN or infinity"
        raise EmbeddingError(f"vector {row} of {count} {what}", cure="check the model")
    return _renormalised(out, norms)


def _as_float32(array: NDArray[Any]) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):  # a float64 beyond float32 becomes inf, which the check of norms reports
        return array.astype(np.float32)


def divided_by_norm(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return rows (n, d), none of them zero, each divided once by its norm; the norm may end 6e-8 off 1."""
    norms: NDArray[np.float32] = _norms(rows)[:, None].astype(np.float32)
    unit: NDArray[np.float32] = rows / norms
    return unit


def _norms(rows: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the norm of each row (n, d), summed in float64; it does not depend on the other rows."""
    norms = np.empty(len(rows), dtype=np.float64)
    for start in range(0, len(rows), _BLOCK):
        part = rows[start : start + _BLOCK]
        norms[start : start + _BLOCK] = np.sqrt(np.square(part, dtype=np.float64).sum(axis=1))
    return norms


def _renormalised(rows: NDArray[np.float32], norms: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return a copy of the rows (n, d), each divided by its norm while that brings the norm, in float32, nearer to 1.

    One division is not enough: its rounding may leave a norm of 1 - 6e-8, so that a second check would divide again.
    A vector is checked by the embedder, by the batcher and by the store, and must be the same after each.
    """
    unit = rows.copy()
    for start in range(0, len(rows), _BLOCK):
        _renormalise(unit[start : start + _BLOCK], norms[start : start + _BLOCK].astype(np.float32))
    return unit


def _renormalise(unit: NDArray[np.float32], norm: NDArray[np.float32]) -> None:
    """Renormalise rows (n, d) of these norms (n,) in place, as `_renormalised` says."""
    left = np.flatnonzero(norm != 1)
    while left.size:
        divided = unit[left] / norm[left, None]
        after: NDArray[np.float32] = _norms(divided).astype(np.float32)
        nearer = np.abs(after - 1) < np.abs(norm[left] - 1)
        left = left[nearer]
        unit[left], norm[left] = divided[nearer], after[nearer]
        left = left[norm[left] != 1]


def cosines(rows: NDArray[Number], query: NDArray[Number]) -> NDArray[Number]:
    """Return the dot product of each row (n, d) with a query (d,), on this thread only.

    `rows @ query` would wake the threads of BLAS for a few microseconds of work. They then keep spinning and take the
    processor from the model and from other questions (measured: half of a question's time).
    """
    products: NDArray[Number] = np.vecdot(rows, query)
    return products


def unit_query(query: NDArray[np.float32], dimension: int) -> NDArray[np.float64]:
    """Return a query (d,) divided by its norm, as float64.

    Raises EmbeddingError for one of another dimension, zero, or not finite.
    """
    vector = np.asarray(query, dtype=np.float64)
    if vector.shape != (dimension,):
        raise EmbeddingError(
            f"the query vector has shape {vector.shape}, not {(dimension,)}", cure="use the collection's model"
        )
    norm = float(np.sqrt(vector @ vector)) if np.isfinite(vector).all() else float("nan")
    if not norm > 0 or not np.isfinite(norm):
        raise EmbeddingError("the query vector is zero or not finite", cure="check the embedding model")
    unit: NDArray[np.float64] = vector / norm
    return unit


@lru_cache(maxsize=64)  # it is asked at every search
def compatible(first: Fingerprint, second: Fingerprint) -> bool:
    """Return whether vectors of two fingerprints may be compared: equal ids, and a cosine of 0.999 of the probes.

    The runtime may differ: a compiled model is verified against torch. Without a probe the id alone decides.
    """
    if first.id != second.id:
        return False
    if not first.probe or not second.probe:
        return True
    if len(first.probe) != len(second.probe) or len(first.probe) % 4:
        return False
    one = np.frombuffer(first.probe, dtype="<f4").astype(np.float64)
    two = np.frombuffer(second.probe, dtype="<f4").astype(np.float64)
    scale = float(np.linalg.norm(one) * np.linalg.norm(two))
    return bool(scale > 0 and float(one @ two) / scale >= PROBE_AGREEMENT)


def stacked(
    hashes: Sequence[bytes], vectors: Mapping[bytes, NDArray[np.float32]], dimension: int
) -> NDArray[np.float32]:
    """Return the vectors of these hashes as rows (n, d), copied one by one: np.stack holds the GIL for all of them."""
    rows = np.empty((len(hashes), dimension), dtype=np.float32)
    for index, item in enumerate(hashes):
        rows[index] = vectors[item]
    return rows
