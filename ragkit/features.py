"""What a candidate's words say about a question: BM25, coverage, best unit and word pairs, over analysed terms."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

K1 = 1.2
B = 0.75
"""BM25's saturation and length normalisation (Robertson and Zaragoza 2009), as tantivy and Lucene set them."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """The collection's numbers that BM25 needs: chunks, and their mean length in terms (context line included)."""

    chunks: int
    mean_length: float


@dataclass(frozen=True, slots=True)
class QuestionTerms:
    """A question's distinct terms with their weights, and its pairs of adjacent terms.

    idf: log(1 + (N - df + .5) / (df + .5)) over chunks; a term that no chunk holds has the largest.
    """

    terms: tuple[str, ...]
    idf: NDArray[np.float64]
    pairs: tuple[tuple[str, str], ...]
    pair_weights: NDArray[np.float64]
    known: float

    @property
    def total(self) -> float:
        """The sum of all weights, at least a small positive number."""
        return max(float(self.idf.sum()), 1e-9)


@dataclass(frozen=True, slots=True)
class LexicalFeatures:
    """One row per candidate, each 0..1 but bm25, which is 0..(K1 + 1): shares of the question's total weight."""

    bm25: NDArray[np.float64]
    coverage: NDArray[np.float64]
    unit: NDArray[np.float64]
    pairs: NDArray[np.float64]


def question_terms(terms: Sequence[str], *, idf: Mapping[str, float], statistics: Statistics) -> QuestionTerms:
    """Weigh the analysed terms of a question. Terms that `idf` lacks occur in no chunk."""
    unknown = math.log(1 + (statistics.chunks + 0.5) / 0.5)
    distinct = tuple(dict.fromkeys(terms))
    weights = np.array([idf.get(term, unknown) for term in distinct], dtype=np.float64)
    weight_of = dict(zip(distinct, weights.tolist(), strict=True))
    pairs = tuple(dict.fromkeys((left, right) for left, right in pairwise(terms) if left != right))
    pair_weights = np.array([(weight_of[left] + weight_of[right]) / 2 for left, right in pairs], dtype=np.float64)
    known = float(sum(weight_of[term] for term in distinct if term in idf))
    return QuestionTerms(distinct, weights, pairs, pair_weights, known)


def lexical_features(question: QuestionTerms, candidates: Sequence[str], *, statistics: Statistics) -> LexicalFeatures:
    """Return the features of candidates, each given as its analysed terms.

    A candidate is one string: terms separated by a blank, first the context line's, then each unit's, a line each.
    """
    count = len(candidates)
    bm25, coverage, unit, pairs = (np.zeros(count) for _ in range(4))
    if not question.terms:
        return LexicalFeatures(bm25, coverage, unit, pairs)
    wanted = [f" {term} " for term in question.terms]
    wanted_pairs = [f" {left} {right} " for left, right in question.pairs]
    idf = question.idf.tolist()
    for row, candidate in enumerate(candidates):
        whole = f" {candidate.replace(chr(10), ' ')} "
        counts = [whole.count(term) for term in wanted]
        if not any(counts):
            continue
        length = whole.count(" ") - 1
        norm = K1 * (1 - B + B * length / statistics.mean_length)
        bm25[row] = sum(weight * tf * (K1 + 1) / (tf + norm) for weight, tf in zip(idf, counts, strict=True) if tf)
        held = [(term, weight) for term, weight, tf in zip(wanted, idf, counts, strict=True) if tf]
        coverage[row] = sum(weight for _, weight in held)
        lines = candidate.split("\n")
        unit[row] = max(
            (sum(weight for term, weight in held if term in f" {line} ") for line in lines[1:]), default=0.0
        )
        pairs[row] = sum(
            weight for pair, weight in zip(wanted_pairs, question.pair_weights.tolist(), strict=True) if pair in whole
        )
    total = question.total
    return LexicalFeatures(bm25 / total, coverage / total, unit / total, np.minimum(pairs / total, 1.0))
