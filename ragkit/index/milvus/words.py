"""The terms of a collection in Milvus, as what a LexicalIndex adds its delta to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragkit.index.lexical.base import LexicalFacts
from ragkit.index.lexical.chunk_terms import STOP_WORDS
from ragkit.index.lexical.ranking import Weights
from ragkit.index.milvus.engine import MOST_HITS
from ragkit.index.milvus.lexicon import Lexicon
from ragkit.index.milvus.rows import WEIGHTS, TenantRows, question_vector
from ragkit.numeric.sorted_ids import is_member

Ids = NDArray[np.int64]
Scores = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class MilvusBase:
    """The terms of the chunks of one state; see `ragkit.index.lexical.base.LexicalBase`.

    held: ascending ids of its chunks; rows of others, deleted or newer, are left out of every answer.
    """

    rows: TenantRows
    held: Ids
    lexicon: Lexicon
    facts: LexicalFacts

    def containing(self, name: str, term: str) -> int:
        """Return how many chunks have a term in a content field."""
        return self.lexicon.containing(name, term)

    def beginning(self, name: str, prefix: str) -> Mapping[str, int]:
        """Return the terms of a content field that begin with a prefix, with their number of chunks."""
        return self.lexicon.beginning(name, prefix)

    def ids(self) -> Ids:
        """Return the ids of the chunks that have a row, ascending."""
        there = self.rows.ids(int(self.held.max(initial=0)))
        return there[is_member(there, self.held)]

    def packed(self, ids: Ids) -> dict[int, bytes]:
        """Return `Terms.packed` of chunks by id; unknown chunks are left out."""
        known = ids[is_member(ids, self.held)]
        return self.rows.packed(known) if len(known) else {}

    def query(self, weights: Weights) -> dict[int, float] | None:
        """Return the weights as a sparse vector, None when they have none above zero."""
        return question_vector(weights) or None if len(self.held) else None

    def search(self, query: Any, limit: int, *, among: Ids | None = None) -> tuple[Ids, Scores]:
        """Return the ids and scores of the best hits, best first. among: ascending ids to choose from."""
        if among is None and limit > MOST_HITS:
            among = self.held
        wide = limit
        while True:
            ids, scores = self.rows.search(WEIGHTS, query, wide, among=among)
            known = is_member(ids, self.held)
            if known.all() or known.sum() >= limit or len(ids) < min(wide, MOST_HITS):
                return ids[known][:limit], scores[known][:limit]
            wide *= 2
            if wide > MOST_HITS:
                among = self.held

    def stop_word_scores(self, ids: Ids, weights: Mapping[str, float], mean: float) -> Scores:
        """Return the BM25 of chunks by stop words alone (n,), by the mean that their rows were written with."""
        del mean
        scores = np.zeros(len(ids))
        query = self.query({STOP_WORDS: weights}) if len(ids) else None
        if query is not None:
            found, values = self.rows.search(WEIGHTS, query, len(ids), among=np.sort(ids))
            order = np.argsort(ids)
            scores[order[np.searchsorted(ids, found, sorter=order)]] = values
        return scores
