"""Candidates of a question with their scores, and the choice between a question and its synonym rewrite."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ragkit.store.base import Reader

Scores = NDArray[np.float64]

SAME_DOCUMENT = 0.5
COVERED = 0.5
"""Where the rewrite of a question wins: the weight of the best score of a chunk's document, and the share of the
question that a sentence must have to keep its place. Tuned on the tuning part of FinanceBench."""


@dataclass(frozen=True, slots=True)
class UnitCosines:
    """The cosines of the units of some chunks, float32 (m,), chunk by chunk; bounds: int64 (n + 1,), their starts.

    Units are matched by late chunking (Günther et al. 2024): their vectors are pooled from the chunk's token states.
    """

    cosines: NDArray[np.float32]
    bounds: NDArray[np.int64]

    def of(self, at: int) -> list[float]:
        """Return the cosines of the chunk at a position, in the order of its units; [] for a chunk without units."""
        values: list[float] = self.cosines[self.bounds[at] : self.bounds[at + 1]].tolist()
        return values

    def with_those_of(self, other: UnitCosines, chunks: NDArray[np.intp]) -> UnitCosines:
        """Return these cosines, followed by those of some chunks of another, given by position."""
        more = [other.cosines[other.bounds[at] : other.bounds[at + 1]] for at in chunks.tolist()]
        ends = self.bounds[-1] + np.cumsum([len(values) for values in more], dtype=np.int64)
        return UnitCosines(np.concatenate([self.cosines, *more]), np.concatenate([self.bounds, ends]))

    def best(self, without: Scores) -> Scores:
        """Return the best cosine of each chunk, float64 (n,); that of `without` for a chunk without units."""
        there = np.diff(self.bounds) > 0
        out = without.copy()
        if there.any():
            out[there] = np.maximum.reduceat(self.cosines, self.bounds[:-1][there])
        return out


@dataclass(frozen=True, slots=True)
class Scored:
    """Candidates of a query vector and their scores: the convex combination, the same with feedback, and its two sides.

    query: unit vector (d,). ids, first, fused, covered: (n,). vectors: unit rows (n, d). parts: "dense" and "lexical".
    first and parts are about 0..1, fused may exceed 1. covered: 0..1, the share of the question that one sentence has.
    """

    query: NDArray[np.float32]
    ids: NDArray[np.int64]
    vectors: NDArray[np.float32]
    first: Scores
    fused: Scores
    parts: Mapping[str, Scores]
    units: UnitCosines
    covered: Scores


def better(asked: Scored, read: Scored, reader: Reader) -> Scored:
    """Return the scores of the question or of its synonym rewrite, whichever has the better best match.

    Scores are absolute, so the two can be compared. Where the rewrite wins, documents that match the question as asked
    still count more, and chunks with a sentence that has half of the question keep their score.
    """
    if read.first.max(initial=0.0) <= asked.first.max():
        return asked
    covered = asked.covered >= COVERED
    kept = covered & ~np.isin(asked.ids, read.ids)
    best: dict[int, float] = {}
    for document, score in zip(reader.chunks.documents_of(asked.ids), asked.first.tolist(), strict=True):
        best[document] = max(best.get(document, 0.0), score)
    of_document = np.array([best.get(document, 0.0) for document in reader.chunks.documents_of(read.ids)])
    own = (read.first + SAME_DOCUMENT * of_document) / (1 + SAME_DOCUMENT)
    as_asked = own.max() * asked.fused / asked.fused.max()
    _, here, there = np.intersect1d(read.ids, asked.ids[covered], return_indices=True)
    own[here] = np.maximum(own[here], as_asked[covered][there])
    fused = np.concatenate([own, as_asked[kept]])
    return Scored(
        read.query,
        np.concatenate([read.ids, asked.ids[kept]]),
        np.concatenate([read.vectors, asked.vectors[kept]]),
        np.concatenate([read.first, asked.first[kept]]),
        fused,
        {name: np.concatenate([values, asked.parts[name][kept]]) for name, values in read.parts.items()},
        read.units.with_those_of(asked.units, np.flatnonzero(kept)),
        np.concatenate([read.covered, asked.covered[kept]]),
    )


def with_the_rest(best: Scored, whole: Scored) -> Scored:
    """Return candidates that were scored anew, and after them those that only the whole list has, in its order.

    The rest has no vectors of the same kind: they are zero.
    """
    rest = np.flatnonzero(~np.isin(whole.ids, best.ids))
    if not len(rest):
        return best
    below = best.fused.min() - 1e-6 - (whole.fused[rest].max() - whole.fused[rest])
    return Scored(
        best.query,
        np.concatenate([best.ids, whole.ids[rest]]),
        np.concatenate([best.vectors, np.zeros((len(rest), best.vectors.shape[1]), dtype=np.float32)]),
        np.concatenate([best.first, np.minimum(whole.first[rest], best.first.min())]),
        np.concatenate([best.fused, below]),
        {name: np.concatenate([values, whole.parts[name][rest]]) for name, values in best.parts.items()},
        best.units.with_those_of(whole.units, rest),
        np.concatenate([best.covered, whole.covered[rest]]),
    )
