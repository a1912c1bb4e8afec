"""What a LexicalIndex adds its delta to: an index of terms that was written once, in files or in an engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ragkit.index.lexical.ranking import Weights

Ids = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class LexicalFacts:
    """Counts of an index.

    documents: its chunks, deleted ones that its scores still count included; averages: their mean number of terms by
    field; its searches score with both. live: its chunks without deleted ones; lengths: their number of terms by
    content field; languages: how many of them are in each. last_id: the largest id that was ever in it.
    """

    documents: int
    live: int
    last_id: int
    averages: Mapping[str, float]
    lengths: Mapping[str, int]
    languages: Mapping[str, int]


class LexicalBase(Protocol):
    """The terms of one state. Immutable and thread-safe. tantivy's files are one, rows in Milvus another."""

    @property
    def facts(self) -> LexicalFacts:
        """Its counts."""

    def containing(self, name: str, term: str) -> int:
        """Return how many chunks have a term in a field; deleted chunks do not count."""

    def beginning(self, name: str, prefix: str) -> Mapping[str, int]:
        """Return the terms of a field that begin with a prefix, with their number of chunks, deleted ones included."""

    def ids(self) -> Ids:
        """Return the ids of all chunks that are not deleted, ascending: for checks only."""

    def packed(self, ids: Ids) -> Mapping[int, bytes | memoryview]:
        """Return `Terms.packed` of chunks by id; unknown chunks are left out."""

    def query(self, weights: Weights) -> Any:
        """Return a query for weighted terms in the base's own form, None when no chunk has one of them."""

    def search(self, query: Any, limit: int, *, among: Ids | None = None) -> tuple[Ids, NDArray[np.float64]]:
        """Return the ids and scores of the best hits of a query, best first. among: ascending ids to choose from."""

    def stop_word_scores(self, ids: Ids, weights: Mapping[str, float], mean: float) -> NDArray[np.float64]:
        """Return the BM25 of chunks by stop words alone (n,). mean: their mean number in a chunk, as is assumed."""
