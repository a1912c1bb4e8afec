"""What a candidate's words say about a question: BM25, coverage, best unit and word pairs, over analysed terms."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]

K1 = 1.2
B = 0.75
"""BM25's saturation and length normalisation (Robertson and Zaragoza 2009), as tantivy and Lucene set them."""
EXPANSION_TERMS = 25


@dataclass(frozen=True, slots=True)
class Statistics:
    """The collection's numbers that BM25 needs: chunks, and their mean length in terms (context line included)."""

    chunks: int
    mean_length: float


@dataclass(frozen=True, slots=True)
class QuestionTerms:
    """A question's distinct terms with their weights, and its pairs of adjacent terms with theirs.

    idf: log(1 + (N - df + .5) / (df + .5)) over chunks; a term that no chunk holds has the largest.
    """

    terms: tuple[str, ...]
    idf: NDArray[np.float64]
    weighted_pairs: tuple[tuple[tuple[str, str], float], ...]

    @property
    def total(self) -> float:
        """The sum of all weights, at least a small positive number."""
        return max(float(self.idf.sum()), 1e-9)


@dataclass(frozen=True, slots=True)
class LexicalFeatures:
    """One row per candidate, each a share of the question's total weight: 0..1, but bm25, which is 0..(K1 + 1)."""

    bm25: Scores
    coverage: Scores
    unit: Scores
    pairs: Scores


def question_terms(terms: Sequence[str], *, idf: Mapping[str, float], statistics: Statistics) -> QuestionTerms:
    """Weigh the analysed terms of a question. Terms that `idf` lacks occur in no chunk."""
    unknown = math.log(1 + (statistics.chunks + 0.5) / 0.5)
    distinct = tuple(dict.fromkeys(terms))
    weights = np.array([idf.get(term, unknown) for term in distinct], dtype=np.float64)
    weight_of = dict(zip(distinct, weights.tolist(), strict=True))
    pairs = dict.fromkeys((left, right) for left, right in pairwise(terms) if left in idf and right in idf)
    weighted = tuple(((left, right), (weight_of[left] + weight_of[right]) / 2) for left, right in pairs)
    return QuestionTerms(distinct, weights, weighted)


class Candidates:
    """The analysed terms of candidates, for counting.

    Each is one string: terms separated by a blank, first the context line's, then each unit's, a line each.
    """

    def __init__(self, terms: Sequence[str], *, statistics: Statistics) -> None:
        self._units = [text.split("\n")[1:] for text in terms]
        self._whole = [f" {text.replace(chr(10), ' ')} " for text in terms]
        self._lengths = np.array([len(text.split()) for text in terms], dtype=np.float64)
        self._norm = K1 * (1 - B + B * self._lengths / max(statistics.mean_length, 1e-9))

    def words(self, row: int) -> list[str]:
        """Return every term of a candidate, in order."""
        return self._whole[row].split()

    def bm25(self, terms: Sequence[str], weights: Scores) -> Scores:
        """Return the BM25 of every candidate for weighted terms."""
        counts = self._counts(terms)
        return (counts * (K1 + 1) / (counts + self._norm[:, None])) @ weights

    def features(self, question: QuestionTerms) -> LexicalFeatures:
        """Return the lexical features of every candidate."""
        count = len(self._whole)
        if not question.terms or not count:
            zero = np.zeros(count)
            return LexicalFeatures(zero, zero, zero, zero)
        counts = self._counts(question.terms)
        bm25 = (counts * (K1 + 1) / (counts + self._norm[:, None])) @ question.idf
        held = counts > 0
        total = question.total
        return LexicalFeatures(
            bm25 / total,
            (held @ question.idf) / total,
            self._best_units(question, held) / total,
            np.minimum(self._pairs(question) / total, 1.0),
        )

    def _counts(self, terms: Sequence[str]) -> Scores:
        wanted = [f" {term} " for term in terms]
        counts = [[whole.count(term) for term in wanted] for whole in self._whole]
        return np.array(counts, dtype=np.float64).reshape(len(self._whole), len(wanted))

    def _best_units(self, question: QuestionTerms, held: NDArray[np.bool_]) -> Scores:
        """Return the largest weight of question terms within one unit."""
        wanted = [f" {term} " for term in question.terms]
        idf = question.idf.tolist()
        best = np.zeros(len(self._whole))
        for row, units in enumerate(self._units):
            here = [(wanted[column], idf[column]) for column in np.flatnonzero(held[row])]
            if here:
                sums = [sum(weight for term, weight in here if term in f" {unit} ") for unit in units]
                best[row] = max(sums, default=0.0)
        return best

    def _pairs(self, question: QuestionTerms) -> Scores:
        """Return the weight of the question's adjacent pairs that are adjacent here too."""
        wanted = [(f" {left} {right} ", weight) for (left, right), weight in question.weighted_pairs]
        return np.array([sum(weight for pair, weight in wanted if pair in whole) for whole in self._whole])


def expansion(
    candidates: Candidates, rows: Sequence[int], shares: Scores, *, idf: Callable[[Sequence[str]], Mapping[str, float]]
) -> tuple[list[str], Scores]:
    """Return the terms that mark some candidates, with weights that add up to 1: relevance feedback.

    A term weighs its frequency in each candidate times that one's share, times its idf (Lavrenko and Croft 2001 with
    idf in place of the background model); the best 25 are kept.
    """
    weights: dict[str, float] = {}
    for row, share in zip(rows, shares.tolist(), strict=True):
        words = candidates.words(row)
        for word in words:
            weights[word] = weights.get(word, 0.0) + share / len(words)
    rarity = idf(list(weights))
    scored = sorted(((weight * rarity.get(word, 0.0), word) for word, weight in weights.items()), reverse=True)
    best = scored[:EXPANSION_TERMS]
    total = sum(weight for weight, _ in best)
    if total <= 0:
        return [], np.zeros(0)
    return [word for _, word in best], np.array([weight / total for weight, _ in best])
