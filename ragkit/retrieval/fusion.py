"""The weights of the features, and the map from a fused score to a confidence."""

from __future__ import annotations

from dataclasses import dataclass

from ragkit.index.lexical.bm25 import K1
from ragkit.numeric.arrays import Scores
from ragkit.retrieval.features import LexicalFeatures


@dataclass(frozen=True, slots=True)
class Weights:
    """The weight of each feature within its side; a side is divided by the sum of its weights, so it is 0..1."""

    chunk: float = 0.1
    unit: float = 1.3
    bm25: float = 0.26
    coverage: float = 0.3
    best_unit: float = 0.3
    pairs: float = 0.3

    def dense(self, chunk: Scores, unit: Scores) -> Scores:
        """Return the dense side; cosines may be negative."""
        return (self.chunk * chunk + self.unit * unit) / (self.chunk + self.unit)

    def lexical(self, words: LexicalFeatures) -> Scores:
        """Return the lexical side."""
        total = self.bm25 + self.coverage + self.best_unit + self.pairs
        bm25 = words.bm25 / (K1 + 1)
        return (
            self.bm25 * bm25 + self.coverage * words.coverage + self.best_unit * words.unit + self.pairs * words.pairs
        ) / total


WEIGHTS = Weights()
"""Tuned by a coordinate search on the tuning parts of four data sets; see docs/evaluation.md."""


CONFIDENCE_SLOPE = 28.5
CONFIDENCE_MIDDLE = 0.33
"""The logistic curve from the best score to the confidence, fitted on the tuning parts."""
