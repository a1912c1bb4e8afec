"""Pseudo-relevance feedback: terms and vectors of the best candidates are added to the question."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ragkit.index.base import TermIndex
from ragkit.numeric.arrays import Scores
from ragkit.numeric.vectors import cosines
from ragkit.retrieval.features import Candidates, expansion

FEEDBACK_TERMS = 0.8 / 2.56
FEEDBACK_VECTORS = 0.4 / 2.56
"""Weights of the feedback's terms and of its vectors."""
FEEDBACK_TEMPERATURE = 0.12 / 2.56
"""Temperature of the softmax over the best candidates' scores."""
FEEDBACK_GATE = 2.5
"""How fast feedback fades in as the best sentence has less of the question."""
FEEDBACK_WORDS_FROM = 5
FEEDBACK_VECTORS_FROM = 3
"""Numbers of best candidates that terms and vectors are taken from."""


def feedback_scores(
    scores: Scores, ids: NDArray[np.int64], vectors: NDArray[np.float32], candidates: Candidates, index: TermIndex
) -> Scores:
    """Return the scores that similarity to the best candidates adds: pseudo-relevance feedback on terms and vectors.

    The best candidates are weighted by a softmax of their scores with a low temperature, so that a clear winner is its
    own strongest evidence and keeps its rank.
    """
    best = np.argsort(-scores, kind="stable")[:FEEDBACK_WORDS_FROM]
    shares = np.exp((scores[best] - scores[best[0]]) / FEEDBACK_TEMPERATURE)
    mean = shares[:FEEDBACK_VECTORS_FROM] @ vectors[best[:FEEDBACK_VECTORS_FROM]]
    near = cosines(vectors, mean / max(float(np.linalg.norm(mean)), 1e-9)).astype(np.float64)
    terms, weights = expansion(index.terms(ids[best]), shares / shares.sum(), idf=index.idf)
    added: Scores = FEEDBACK_TERMS * candidates.bm25(terms, weights) + FEEDBACK_VECTORS * near
    return added
