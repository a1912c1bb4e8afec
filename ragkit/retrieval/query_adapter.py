"""A query adapter: a linear map on query vectors in closed form, its strength chosen by cross-validation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

STRENGTHS: Final = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
"""Regularisation strengths toward the identity to choose from, as multiples of the sum of the pairs' weights."""
_BLOCK = 256


def fit_adapter(queries: Vectors, passages: Vectors, weights: Floats, *, strength: float) -> Vectors:
    """Return the (d, d) matrix A that minimises sum w |A q - p|^2 + strength * sum(w) * |A - I|^2.

    Ridge regression toward the identity, in closed form. Directions without questions stay unchanged. (A
    linear map on queries alone is the idea of RAGLite's `_query_adapter.py`, which solves an orthogonal Procrustes
    problem on wrongly ordered triplets instead; on held-out articles of SQuAD that form lost more than this one.)
    """
    q, p = queries.astype(np.float64), passages.astype(np.float64)
    dimension = q.shape[1]
    pull = strength * max(float(weights.sum()), 1e-9)
    weighted = q * weights[:, None]
    left = weighted.T @ q + pull * np.eye(dimension)
    right = weighted.T @ p + pull * np.eye(dimension)
    matrix: Vectors = np.linalg.solve(left, right).T.astype(np.float32)
    return matrix


def adapted(matrix: Vectors, queries: Vectors) -> Vectors:
    """Return matrix @ q as a unit vector, for one query (d,) or rows (n, d); a query mapped to zero is unchanged."""
    moved = queries @ matrix.T
    norms = np.linalg.norm(moved, axis=-1, keepdims=True)
    unit: Vectors = np.where(norms > 1e-6, moved / np.maximum(norms, 1e-6), queries).astype(np.float32)
    return unit


@dataclass(frozen=True)
class Examples:
    """Questions with the chunks that answer them.

    queries: (n, d). folds: (n,) the fold of each question. groups: the documents that answer each question.
    pool: (c, d) vectors of chunks to rank; relevant: for each question the rows of the pool that answer it.
    """

    queries: Vectors
    groups: Sequence[frozenset[str]]
    folds: Ints
    pool: Vectors
    relevant: Sequence[Ints]

    @property
    def fold_numbers(self) -> list[int]:
        """The folds that have questions, ascending."""
        return [int(item) for item in np.unique(self.folds)]

    def fit(self, strength: float, *, without: Sequence[int] = ()) -> Vectors:
        """Fit on the questions outside some folds, without documents that answer a question inside them."""
        held = np.isin(self.folds, np.asarray(without, dtype=np.int64))
        seen = frozenset[str]().union(*(self.groups[at] for at in np.flatnonzero(held).tolist()))
        asked, rows = self._pairs
        usable = np.array([not held[at] and not self.groups[at] & seen for at in range(len(held))], dtype=np.bool_)
        keep = usable[asked]
        asked, rows = asked[keep], rows[keep]
        share = 1.0 / np.maximum(np.bincount(asked, minlength=len(held)), 1)
        return fit_adapter(self.queries[asked], self.pool[rows], share[asked], strength=strength)

    def choose(self, *, without: Sequence[int] = ()) -> tuple[float | None, dict[str, float]]:
        """Return the strength whose maps rank best on held-out folds, None where none beats the identity.

        Also the mean reciprocal rank of each strength and of the identity. without: folds that are not used.
        """
        inner = [fold for fold in self.fold_numbers if fold not in without]
        seen = np.isin(self.folds, np.asarray(inner, dtype=np.int64))
        table: dict[float | None, Floats] = {None: self.ranks(None, np.flatnonzero(seen))}
        for strength in STRENGTHS:
            parts = [
                self.ranks(self.fit(strength, without=[*without, fold]), np.flatnonzero(self.folds == fold))
                for fold in inner
            ]
            table[strength] = np.concatenate(parts) if parts else np.zeros(0)
        means = {strength: float(values.mean()) if len(values) else 0.0 for strength, values in table.items()}
        best = max(means, key=lambda strength: (means[strength], strength or np.inf))
        return best, {"identity" if key is None else f"{key:g}": round(mean, 6) for key, mean in means.items()}

    def ranks(self, matrix: Vectors | None, which: Ints) -> Floats:
        """Return the reciprocal rank, within the pool, of the best answering chunk of some questions."""
        out = np.zeros(len(which))
        for start in range(0, len(which), _BLOCK):
            block = which[start : start + _BLOCK]
            queries = self.queries[block] if matrix is None else adapted(matrix, self.queries[block])
            scores = queries @ self.pool.T
            for row, at in enumerate(block):
                best = scores[row, self.relevant[at]].max()
                out[start + row] = 1.0 / (1 + int((scores[row] > best).sum()))
        return out

    @cached_property
    def _pairs(self) -> tuple[Ints, Ints]:
        asked = np.repeat(np.arange(len(self.relevant)), [len(rows) for rows in self.relevant])
        return asked.astype(np.int64), np.concatenate(self.relevant).astype(np.int64)


def divide(groups: Sequence[frozenset[str]], folds: int) -> Ints:
    """Return a fold for each question: questions of one first document share it, large documents are placed first.

    The same documents always give the same folds. With fewer documents than folds there are fewer folds.
    """
    firsts = [min(names) for names in groups]
    sizes = [0] * folds
    fold_of: dict[str, int] = {}
    for name, count in sorted(Counter(firsts).items(), key=lambda item: (-item[1], item[0])):
        fold_of[name] = sizes.index(min(sizes))
        sizes[fold_of[name]] += count
    return np.array([fold_of[name] for name in firsts], dtype=np.int64)
