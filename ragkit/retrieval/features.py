"""Lexical features of candidates: BM25, coverage, best unit and adjacent pairs, over analysed terms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from heapq import nlargest
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ragkit.index.lexical.bm25 import idf as inverse_frequency
from ragkit.index.lexical.bm25 import length_damping, saturated
from ragkit.index.lexical.term_codes import LINE, Codes, codes_of
from ragkit.numeric.vectors import cosines

Scores = NDArray[np.float64]

EXPANSION_TERMS = 25
_HASH_BITS = 15
_HASH_MASK = np.uint32((1 << _HASH_BITS) - 1)


@dataclass(frozen=True, slots=True)
class Statistics:
    """Statistics that BM25 needs: number of chunks, and their mean length in terms (context line included)."""

    chunks: int
    mean_length: float


@dataclass(frozen=True, slots=True)
class QuestionTerms:
    """A question's distinct terms with their weights, and its pairs of adjacent terms with theirs.

    idf: log(1 + (N - df + .5) / (df + .5)) over chunks; a term that no chunk has gets the largest.
    aliases: sequences of adjacent terms that count as some of the terms, given by their places: other notations.
    """

    terms: tuple[str, ...]
    idf: NDArray[np.float64]
    weighted_pairs: tuple[tuple[tuple[str, str], float], ...]
    aliases: tuple[tuple[tuple[str, ...], tuple[int, ...]], ...] = ()

    @property
    def total(self) -> float:
        """The sum of all weights, at least a small positive number."""
        return max(float(self.idf.sum()), 1e-9)


@dataclass(frozen=True, slots=True)
class LexicalFeatures:
    """Features (n,) of candidates, each a share of the question's total weight: 0..1, but bm25 is 0..(K1 + 1)."""

    bm25: Scores
    coverage: Scores
    unit: Scores
    pairs: Scores


def question_terms(terms: Sequence[str], *, idf: Mapping[str, float], statistics: Statistics) -> QuestionTerms:
    """Return the weights of a question's analysed terms. Terms that are not in `idf` occur in no chunk."""
    unknown = inverse_frequency(statistics.chunks, 0)
    distinct = tuple(dict.fromkeys(terms))
    weights = np.array([idf.get(term, unknown) for term in distinct], dtype=np.float64)
    weight_of = dict(zip(distinct, weights.tolist(), strict=True))
    pairs = dict.fromkeys((left, right) for left, right in pairwise(terms) if left in idf and right in idf)
    weighted = tuple(((left, right), (weight_of[left] + weight_of[right]) / 2) for left, right in pairs)
    return QuestionTerms(distinct, weights, weighted)


class Candidates:
    """The analysed terms of candidates as one flat array of codes, for counting.

    codes: of all candidates, one after the other; a LINE ends each line, the context line's first, then each unit's.
    sizes: the number of codes of each candidate.
    """

    def __init__(self, codes: Codes, sizes: NDArray[np.int64], *, statistics: Statistics) -> None:
        self.count = len(sizes)
        self._codes = codes
        ends = codes == LINE
        rows = np.repeat(np.arange(self.count), sizes)
        lines = np.cumsum(ends) - ends  # the line number of each code
        starts = np.cumsum(sizes) - sizes
        first = lines[np.minimum(starts, max(len(codes) - 1, 0))] if len(codes) else starts
        self._place = np.flatnonzero(~ends)
        self._row = rows[self._place]
        self._line = lines[self._place]
        self._in_unit = self._line > first[self._row]
        lengths = np.bincount(self._row, minlength=self.count).astype(np.float64)
        self._damping = length_damping(lengths, statistics.mean_length)[:, None]
        self._terms = codes[self._place]

    def bm25(self, terms: Sequence[str], weights: Scores) -> Scores:
        """Return the BM25 of every candidate for weighted terms."""
        if not len(terms):
            return np.zeros(self.count)
        return cosines(saturated(self._counts(*self._find(terms), len(terms)), self._damping), weights)

    def features(self, question: QuestionTerms) -> LexicalFeatures:
        """Return the lexical features of every candidate."""
        if not question.terms or not len(self._terms):
            zero = np.zeros(self.count)
            return LexicalFeatures(zero, zero, zero, zero)
        places, found = self._find(question.terms)
        if question.aliases:
            places, found = self._with_aliases(places, found, question)
        counts = self._counts(places, found, len(question.terms))
        total = question.total
        return LexicalFeatures(
            cosines(saturated(counts, self._damping), question.idf) / total,
            cosines((counts > 0).astype(np.float64), question.idf) / total,
            self._best_units(places, found, question) / total,
            np.minimum(self._pairs(places, found, question) / total, 1.0),
        )

    def _find(self, terms: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the positions of the given terms, ascending, and for each position the index of its term."""
        wanted = codes_of(terms)
        table = np.zeros(1 << _HASH_BITS, dtype=np.bool_)
        table[wanted & _HASH_MASK] = True
        places = np.flatnonzero(table[self._terms & _HASH_MASK])  # possible ones by one lookup, then the few that match
        order = np.argsort(wanted, kind="stable")
        near = self._terms[places]
        which = order[np.searchsorted(wanted, near, sorter=order).clip(max=len(order) - 1)]
        same = wanted[which] == near
        return places[same], which[same]

    def _with_aliases(
        self, places: NDArray[np.int64], found: NDArray[np.int64], question: QuestionTerms
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return positions and terms with those that aliases stand for, at the first term of each sequence."""
        all_places, all_found = [places], [found]
        for sequence, owners in question.aliases:
            codes = codes_of(sequence)
            at = np.flatnonzero(self._terms == codes[0])
            for step, code in enumerate(codes[1:], 1):
                at = at[at + step < len(self._terms)]
                at = at[(self._terms[at + step] == code) & (self._row[at + step] == self._row[at])]
            for owner in owners:
                all_places.append(at)
                all_found.append(np.full(len(at), owner, dtype=found.dtype))
        joined = np.concatenate(all_places)
        order = np.argsort(joined, kind="stable")
        return joined[order], np.concatenate(all_found)[order]

    def _counts(self, places: NDArray[np.int64], found: NDArray[np.int64], size: int) -> Scores:
        keys = self._row[places] * size + found
        return np.bincount(keys, minlength=self.count * size).reshape(self.count, size).astype(np.float64)

    def _best_units(self, places: NDArray[np.int64], found: NDArray[np.int64], question: QuestionTerms) -> Scores:
        """Return the largest weight of distinct question terms within one unit."""
        size = len(question.terms)
        inside = self._in_unit[places]
        places, found = places[inside], found[inside]
        best = np.zeros(self.count)
        if len(places):
            keys = np.unique(self._line[places] * size + found)
            sums = np.bincount(keys // size, weights=question.idf[keys % size])
            np.maximum.at(best, self._row[places], sums[self._line[places]])
        return best

    def _pairs(self, places: NDArray[np.int64], found: NDArray[np.int64], question: QuestionTerms) -> Scores:
        """Return the weight of the question's adjacent pairs that are adjacent in a candidate, also across lines."""
        if not question.weighted_pairs or len(places) < 2:
            return np.zeros(self.count)
        size = len(question.terms)
        number = {term: index for index, term in enumerate(question.terms)}
        weight = np.zeros(size * size)
        for (left, right), value in question.weighted_pairs:
            weight[number[left] * size + number[right]] = value
        first, second = places[:-1], places[1:]
        near = (second - first == 1) & (self._row[first] == self._row[second])
        near &= self._in_unit[first] == self._in_unit[second]
        keys = np.unique(self._row[first[near]] * (size * size) + found[:-1][near] * size + found[1:][near])
        sums: Scores = np.bincount(
            keys // (size * size), weights=weight[keys % (size * size)], minlength=self.count
        ).astype(np.float64)
        return sums


def expansion(
    texts: Sequence[str], shares: Scores, *, idf: Callable[[Sequence[str]], Mapping[str, float]]
) -> tuple[list[str], Scores]:
    """Return the most characteristic terms of some candidates, with weights that sum to 1: relevance feedback.

    texts: the analysed terms of each. A term's weight is its frequency in each candidate times its share, times its
    idf (Lavrenko and Croft 2001 with idf in place of the background model); the best 25 are kept.
    """
    weights: dict[str, float] = {}
    for text, share in zip(texts, shares.tolist(), strict=True):
        words = Counter(text.split())
        one = share / max(words.total(), 1)
        for word, count in words.items():
            weights[word] = weights.get(word, 0.0) + one * count
    rarity = idf(list(weights))
    best = nlargest(EXPANSION_TERMS, [(weights[word] * rare, word) for word, rare in rarity.items()])
    total = sum(weight for weight, _ in best)
    if total <= 0:
        return [], np.zeros(0)
    return [word for _, word in best], np.array([weight / total for weight, _ in best])
