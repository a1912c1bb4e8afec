"""Nearest chunks by cosine: pgvector proposes vectors, ragkit scores the stored float16 rows exactly.

Where a collection has an HNSW index it proposes some vectors more than chunks are wanted; a smaller collection, and
a filter that allows few chunks, are compared row by row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ragkit.errors import CorruptError
from ragkit.index.pgvector.hnsw import HNSW_FROM, MOST_PROPOSED, Hnsw, search_settings
from ragkit.index.pgvector.sql import Row, SqlSource
from ragkit.numeric.sorted_ids import is_member
from ragkit.numeric.vectors import cosines, unit_query

Ids = NDArray[np.int64]
Vectors = NDArray[np.float32]
Scores = NDArray[np.float32]

_SPARE: Final = 16
_WIDER: Final = 4
_ALL_COMPARED: Final = 5_000
_SHARE_COMPARED: Final = 0.02
"""Up to so many allowed chunks, and up to such a share of all, are compared one by one."""
_HEAD: Final = 4
_KEPT: Final = 10_000
"""Vectors that are kept for the time of a reader, as they are stored: 7 MB at 384 dimensions."""
_NO_IDS: Final[Ids] = np.empty(0, dtype=np.int64)
_STORED: Final = """SELECT c.id, v.vector FROM chunks AS c JOIN vectors AS v
ON v.collection = c.collection AND v.id = c.vector_id WHERE c.collection = $1"""
_AMONG: Final = "AND c.id = ANY (string_to_array($2, ',')::bigint[])"


class PgVectorIndex:
    """The vectors of the state that a reader sees; valid as long as the reader is. See `ragkit.index.base.VectorIndex`.

    dimension: of a vector. count: chunks. binary: whether the HNSW index has one bit a component.
    """

    def __init__(self, source: SqlSource, *, dimension: int, count: int, binary: bool = False) -> None:
        self._binary = binary
        self._source = source
        self._dimension = dimension
        self._count = count
        self._read: dict[int, bytes] = {}

    def __len__(self) -> int:
        """Return how many chunks can be found."""
        return self._count

    @property
    def dimension(self) -> int:
        """Components of a vector."""
        return self._dimension

    def ids(self) -> Ids:
        """Return the ids of all chunks, ascending: for checks, and for samples of a collection."""
        return self._source.all_chunk_ids()

    def search(self, query: Vectors, k: int, *, allowed: Ids | None = None) -> tuple[Ids, Scores]:
        """Return the k chunks of largest cosine with a query (d,), best first, ties by ascending id.

        allowed: ascending chunk ids to choose from; k come back whenever k of these exist. Raises EmbeddingError for a
        query of another dimension, zero, or not finite.
        """
        unit = unit_query(query, self._dimension)
        matching = self._count if allowed is None else len(allowed)
        if k < 1 or not matching:
            return _NO_IDS, np.empty(0, dtype=np.float32)
        shown = "[" + ",".join(map(str, unit.astype(np.float32).tolist())) + "]"
        if allowed is None:
            found = self._proposed(shown, k, None)
        elif matching <= max(_ALL_COMPARED, _SHARE_COMPARED * self._count):
            found = self._compared(shown, k, allowed)
        else:
            found = self._proposed(shown, k, allowed)
        self._keep(found)
        ids = np.array([row[0] for row in found], dtype=np.int64)
        scores = cosines(self._decoded(found).astype(np.float64), unit).astype(np.float32)
        order = np.lexsort((ids, -scores))[:k]
        return ids[order], scores[order]

    def vectors(self, ids: Ids) -> Vectors:
        """Return the rows (n, d) of chunks in the order of ids, unit to float16 precision; zeros for an unknown id."""
        wanted = np.asarray(ids, dtype=np.int64)
        missing = [number for number in wanted.tolist() if number not in self._read]
        if missing:
            self._keep(self._source.query(f"{_STORED} AND c.id = ANY ($2::bigint[])", (missing,)))
        out = np.zeros((len(wanted), self._dimension), dtype=np.float32)
        found = [(at, self._read[number]) for at, number in enumerate(wanted.tolist()) if number in self._read]
        out[[at for at, _ in found]] = self._decoded(found)
        return out

    def _keep(self, rows: Sequence[Row]) -> None:
        """Keep vectors as they are stored: those that a search has found are asked for again, to be scored."""
        if len(self._read) > _KEPT:
            self._read.clear()
        self._read.update((row[0], row[1]) for row in rows)

    # ------------------------------------------------------------------ candidates

    def _proposed(self, query: str, k: int, allowed: Ids | None) -> list[Row]:
        """Return ids and vectors of at least k chunks near a query; of those allowed, where a filter limits them.

        Vectors are proposed, and their chunks joined: chunks with the same text share one, and one that is kept for
        later has none. So more are asked for until there are enough.
        """
        share = 1.0 if allowed is None else len(allowed) / max(self._count, 1)
        matching = self._count if allowed is None else len(allowed)
        wide = int((k + max(_SPARE, k // 4)) / share)
        while wide <= MOST_PROPOSED:
            found = self._nearest(query, wide)
            if allowed is not None:
                kept = is_member(np.array([row[0] for row in found], dtype=np.int64), allowed)
                found = [row for row, is_kept in zip(found, kept.tolist(), strict=True) if is_kept]
            if len(found) >= min(k, matching):
                return found
            wide *= _WIDER
        return self._compared(query, k, allowed)

    def _nearest(self, query: str, count: int) -> list[Row]:
        """Return ids and vectors of the chunks of the nearest `count` vectors."""
        source = self._source
        binary = self._binary and self._count >= HNSW_FROM
        hnsw = Hnsw(source.collection, source.fingerprint_id or 0, self._dimension, binary=binary)
        return source.query_each([search_settings(count), (hnsw.nearest(count), (query,))])[-1]

    def _compared(self, query: str, k: int, allowed: Ids | None) -> list[Row]:
        """Return ids and vectors of the nearest chunks, each compared; of those allowed, where a filter limits them."""
        among = "" if allowed is None else _AMONG
        bound = () if allowed is None else (",".join(map(str, allowed.tolist())),)
        mark = f"${len(bound) + 2}::halfvec({self._dimension})"
        ordered = f"ORDER BY v.vector <=> {mark}, c.id LIMIT {k + max(_SPARE, k // 4):d}"
        return self._source.query(f"{_STORED} {among} {ordered}", (*bound, query))

    def _decoded(self, rows: Sequence[Row]) -> Vectors:
        """Return the float32 rows (n, d) of ids with halfvecs in their binary form, big-endian after a head."""
        width = _HEAD + 2 * self._dimension
        if any(len(row[1]) != width for row in rows):
            raise CorruptError("a stored vector has the wrong size", cure="run: ragkit verify")
        joined = np.frombuffer(b"".join(row[1] for row in rows), dtype=np.uint8).reshape(len(rows), width)
        return np.ascontiguousarray(joined[:, _HEAD:]).view(">f2").astype(np.float32)
