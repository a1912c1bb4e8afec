"""Where terms occur, as rows of the table `postings`: encoded by writers, scored by readers."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ragkit.index.lexical.bm25 import LENGTHS, length_damping, saturated
from ragkit.index.lexical.chunk_terms import FIELDS, Terms

Ids = NDArray[np.int64]
Scores = NDArray[np.float64]
PostingRow = tuple[int, str, int, bytes]
"""The number of a field in FIELDS, a term, the high 32 bits of chunk ids, and one POSTING for each chunk."""

POSTING: Final = np.dtype([("low", "<u4"), ("count", "u1"), ("length", "u1")])
"""low: the low 32 bits of a chunk's id. count: how often the chunk has the term, at most 255. length: the one-byte
code of its number of terms in the field (see `bm25.LENGTHS`)."""
_DENSE_RANGE: Final = 50_000_000
"""Scores are summed in an array over the range of ids up to so many, and by sorting the ids above it."""


def encode(ids: Sequence[int], analysed: Sequence[Terms]) -> list[PostingRow]:
    """Return the postings of some chunks, one row for each field, term and high half of an id."""
    bodies: dict[tuple[int, str, int], list[tuple[int, int, int]]] = defaultdict(list)
    for number, terms in zip(ids, analysed, strict=True):
        high, low = divmod(number, 1 << 32)
        for field, name in enumerate(FIELDS):
            words = terms.of_field(name).split()
            length = int(np.searchsorted(LENGTHS, len(words), side="right")) - 1
            for term, count in Counter(words).items():
                bodies[field, term, high].append((low, min(count, 255), length))
    return [(*key, np.array(rows, dtype=POSTING).tobytes()) for key, rows in bodies.items()]


def score(
    rows: Iterable[PostingRow], weights: Mapping[str, Mapping[str, float]], means: Mapping[str, float]
) -> tuple[Ids, Scores]:
    """Return the ids of the chunks in some postings, ascending, and the BM25 of each, float64.

    weights: of each term, by field; means: the mean length in terms, by field.
    """
    dampings = [length_damping(LENGTHS.astype(np.float64), means[name]) for name in FIELDS]
    ids: list[Ids] = []
    scores: list[Scores] = []
    for field, term, high, body in rows:
        found = np.frombuffer(body, dtype=POSTING)
        ids.append(found["low"].astype(np.int64) + (high << 32))
        damping = dampings[field][found["length"]]
        scores.append(saturated(found["count"], damping, weight=weights[FIELDS[field]][term]))
    return _summed(np.concatenate([np.empty(0, dtype=np.int64), *ids]), np.concatenate([np.empty(0), *scores]))


def _summed(ids: Ids, scores: Scores) -> tuple[Ids, Scores]:
    """Return distinct ids, ascending, and the sum of the scores of each."""
    if not len(ids):
        return ids, scores
    first = int(ids.min())
    if int(ids.max()) - first < _DENSE_RANGE:
        sums: Scores = np.bincount(ids - first, weights=scores).astype(np.float64)
        places = np.flatnonzero(sums)
        return (places + first).astype(np.int64), sums[places]
    distinct, places = np.unique(ids, return_inverse=True)
    return distinct, np.bincount(places, weights=scores).astype(np.float64)
