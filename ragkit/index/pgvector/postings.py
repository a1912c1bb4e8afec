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

POSTING: Final = np.dtype([("low", "<u4"), ("weighed", "<u2")])
"""low: the low 32 bits of a chunk's id. weighed: how often the chunk has the term, at most 255, and, in the high byte,
the code of its number of terms in the field (see `bm25.LENGTHS`)."""


def encode(ids: Sequence[int], analysed: Sequence[Terms]) -> list[PostingRow]:
    """Return the postings of some chunks, one row for each field, term and high half of an id."""
    bodies: dict[tuple[int, str, int], list[tuple[int, int]]] = defaultdict(list)
    for number, terms in zip(ids, analysed, strict=True):
        high, low = divmod(number, 1 << 32)
        for field, name in enumerate(FIELDS):
            words = terms.of_field(name).split()
            length = int(np.searchsorted(LENGTHS, len(words), side="right")) - 1
            for term, count in Counter(words).items():
                bodies[field, term, high].append((low, min(count, 255) | length << 8))
    return [(*key, np.array(rows, dtype=POSTING).tobytes()) for key, rows in bodies.items()]


def saturations(means: Mapping[str, float]) -> NDArray[np.float32]:
    """Return the BM25 of a term of weight 1 by field and by `weighed` of a posting, (fields, 65,536).

    means: the mean length in terms, by field.
    """
    counts = np.tile(np.arange(256, dtype=np.float64), 256)
    lengths = np.repeat(LENGTHS.astype(np.float64), 256)
    rows = [saturated(counts, length_damping(lengths, means[name])) for name in FIELDS]
    return np.stack(rows).astype(np.float32)


def score(
    rows: Iterable[PostingRow], weights: Mapping[str, Mapping[str, float]], table: NDArray[np.float32]
) -> tuple[Ids, Scores]:
    """Return the ids of the chunks in some postings, ascending, and the BM25 of each, float64.

    weights: of each term, by field; table: what `saturations` returns.
    """
    ids: list[Ids] = []
    scores: list[NDArray[np.float32]] = []
    for field, term, high, body in rows:
        found = np.frombuffer(body, dtype=POSTING)
        ids.append(found["low"].astype(np.int64) + (high << 32))
        scores.append(table[field][found["weighed"]] * np.float32(weights[FIELDS[field]][term]))
    return _summed(
        np.concatenate([np.empty(0, dtype=np.int64), *ids]), np.concatenate([np.empty(0, dtype=np.float32), *scores])
    )


def _summed(ids: Ids, scores: NDArray[np.float32]) -> tuple[Ids, Scores]:
    """Return distinct ids, ascending, and the sum of the scores of each.

    A stable sort merges runs that ascend already, as the ids of a posting row do.
    """
    if not len(ids):
        return ids, np.empty(0)
    order = np.argsort(ids, kind="stable")
    ascending = ids[order]
    starts = np.flatnonzero(np.concatenate([[True], ascending[1:] != ascending[:-1]]))
    return ascending[starts], np.add.reduceat(scores[order].astype(np.float64), starts)
