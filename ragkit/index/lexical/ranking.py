"""What every term index ranks by: the weights of a question's terms, mean lengths, main languages, order of hits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ragkit.index.lexical.bm25 import idf
from ragkit.index.lexical.chunk_terms import CONTENT_FIELDS, STOP_WORDS
from ragkit.index.lexical.question import AnalysedQuestion
from ragkit.index.lexical.rescoring import STOP_WORD_RATIO
from ragkit.text.analyzer import DEFAULT_LANGUAGE

Ids = NDArray[np.int64]
Scores = NDArray[np.float32]
Weights = Mapping[str, Mapping[str, float]]
"""The weight of each term, by field."""

FIELD_BOOST: Final[Mapping[str, float]] = {"body": 1.0, "context": 0.4}
_LANGUAGE_LIMIT: Final = 6
_MAIN_SHARE: Final = 0.05
_DECIMALS: Final = 4


def question_weights(question: AnalysedQuestion, containing: Callable[[str, str], int], *, documents: int) -> Weights:
    """Return for each field the weight of each term: its count in the question × idf × boost of the field.

    containing: returns how many chunks have a term in a field. Stop words all weigh the same: each is in most chunks.
    """
    weights = {
        field: {
            term: count * FIELD_BOOST[field] * idf(documents, containing(field, term))
            for term, count in question.terms.items()
        }
        for field in CONTENT_FIELDS
    }
    return {**weights, STOP_WORDS: {term: float(count) for term, count in question.stop_words.items()}}


def mean_lengths(lengths: Mapping[str, int], documents: int) -> dict[str, float]:
    """Return the mean lengths by field that chunks are ranked with. lengths: the number of terms by content field."""
    means = {name: lengths[name] / max(documents, 1) for name in CONTENT_FIELDS}
    return {**means, STOP_WORDS: max(STOP_WORD_RATIO * means["body"], 1.0)}


def ranked_languages(languages: Counter[str]) -> tuple[list[str], frozenset[str]]:
    """Return the languages that questions are stemmed in, the most frequent first, and the main ones among them.

    languages: how many chunks are in each. Main is what at least one chunk in twenty is in.
    """
    present = +languages
    ranked = sorted(present, key=lambda language: (-present[language], language))
    common = ranked[:_LANGUAGE_LIMIT] or [DEFAULT_LANGUAGE]
    least = _MAIN_SHARE * languages.total()
    return common, frozenset(language for language in common if languages[language] >= least)


def comparable(score: float) -> float:
    """Return a score rounded so that equal chunks tie, whatever the order of summation."""
    return round(score, _DECIMALS)


def best_first(ids: Ids, scores: NDArray[np.float64], k: int) -> tuple[Ids, Scores]:
    """Return the best k hits by falling score, rounded as `comparable` does, then by id."""
    rounded = np.round(scores, _DECIMALS)
    if 0 < k < len(rounded):
        chosen = rounded >= np.partition(rounded, len(rounded) - k)[len(rounded) - k]  # ties, too
        ids, rounded = ids[chosen], rounded[chosen]
    order = np.lexsort((ids, -rounded))[:k]
    return ids[order], rounded[order].astype(np.float32)
