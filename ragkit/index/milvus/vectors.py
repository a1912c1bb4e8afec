"""Nearest chunks by cosine: Milvus proposes rows, and the store's float16 vectors are scored exactly."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ragkit.index.base import ChunkSource
from ragkit.index.dense.float16_file import half
from ragkit.index.milvus.engine import MOST_HITS
from ragkit.index.milvus.rows import VECTOR, TenantRows
from ragkit.numeric.sorted_ids import is_member
from ragkit.numeric.vectors import cosines, unit_query

Ids = NDArray[np.int64]
Vectors = NDArray[np.float32]
Scores = NDArray[np.float32]

_SPARE: Final = 16
_WIDER: Final = 4
_COMPARED: Final = 1_000
_ALLOWED_COMPARED: Final = 5_000
"""Up to so many chunks, and up to so many that a filter allows, are compared one by one, without Milvus: under a
filter that allows few, an HNSW index finds less."""
_BLOCK: Final = 4_096
_NO_IDS: Final[Ids] = np.empty(0, dtype=np.int64)


class MilvusVectorIndex:
    """The vectors of a reader's revision; valid as long as the reader is. See `ragkit.index.base.VectorIndex`.

    ids: ascending, of all chunks. newer: those of them that Milvus has no row of yet. dimension: of a vector.
    """

    def __init__(self, rows: TenantRows | None, source: ChunkSource, *, ids: Ids, newer: Ids, dimension: int) -> None:
        self._rows = rows
        self._source = source
        self._ids = ids
        self._newer = newer
        self._dimension = dimension

    def __len__(self) -> int:
        """Return how many chunks can be found."""
        return len(self._ids)

    @property
    def dimension(self) -> int:
        """Components of a vector."""
        return self._dimension

    def ids(self) -> Ids:
        """Return the ids of all chunks, ascending."""
        return self._ids

    def search(self, query: Vectors, k: int, *, allowed: Ids | None = None) -> tuple[Ids, Scores]:
        """Return the k chunks of largest cosine with a query (d,), best first, ties by ascending id.

        allowed: ascending chunk ids to choose from; k come back whenever k of these exist. Raises EmbeddingError for a
        query of another dimension, zero, or not finite.
        """
        unit = unit_query(query, self._dimension)
        matching = self._ids if allowed is None else allowed[is_member(allowed, self._ids)]
        if k < 1 or not len(matching):
            return _NO_IDS, np.empty(0, dtype=np.float32)
        compared = _COMPARED if allowed is None else _ALLOWED_COMPARED
        if self._rows is not None and len(matching) > max(compared, k):
            matching = self._proposed(self._rows, unit, k, matching)
        return self._best(unit, k, matching)

    def vectors(self, ids: Ids) -> Vectors:
        """Return the rows (n, d) of chunks in the order of ids, unit to float16 precision; zeros for an unknown id."""
        wanted = np.asarray(ids, dtype=np.int64)
        found = np.zeros((len(wanted), self._dimension), dtype=np.float32)
        there = np.flatnonzero(is_member(wanted, self._ids))
        if len(there):
            found[there] = half(self._source.vectors(wanted[there])).astype(np.float32)
        return found

    def _proposed(self, rows: TenantRows, unit: NDArray[np.float64], k: int, matching: Ids) -> Ids:
        """Return at least k chunks near a query, ascending: all newer ones, and rows that Milvus finds.

        More are asked for until enough of them are among those that match; where Milvus returns no more than a quota,
        it is given the ids that match.
        """
        newer = matching[is_member(matching, self._newer)]
        wanted = min(k, len(matching) - len(newer))
        count = k + max(_SPARE, k // 4)
        wide = int(count * max(len(self._ids) / len(matching), 1.0))
        query = unit.astype(np.float32).tolist()
        kept = _NO_IDS
        while wide <= MOST_HITS:
            ids, _ = rows.search(VECTOR, query, wide)
            kept = ids[is_member(ids, matching)]
            if len(kept) >= wanted or len(ids) < wide:
                break
            wide *= _WIDER
        if len(kept) < wanted:
            kept, _ = rows.search(VECTOR, query, count, among=matching)
        if len(kept) < wanted:  # an approximate index may find fewer than there are
            return matching
        return np.union1d(kept, newer)

    def _best(self, unit: NDArray[np.float64], k: int, ids: Ids) -> tuple[Ids, Scores]:
        scores = np.empty(len(ids), dtype=np.float32)
        for at in range(0, len(ids), _BLOCK):
            rows = self.vectors(ids[at : at + _BLOCK]).astype(np.float64)
            scores[at : at + _BLOCK] = cosines(rows, unit)
        order = np.lexsort((ids, -scores))[:k]
        return ids[order], scores[order]
