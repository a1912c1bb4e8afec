"""Nearest chunks by cosine, over float16 vectors.

The index is two parts: files (see dense_files), and rows in memory for what came after them. FAISS only proposes; every
score that leaves is the float64 dot product of the query and the stored float16 row, rounded to float32, so that it
does not matter which part a chunk is in, and equal chunks tie and come by ascending id. With files of the exact kind
the results are those of comparing with every row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ragkit.dense_files import DenseBase
from ragkit.dense_rows import gathered, half, load_faiss
from ragkit.errors import EmbeddingError
from ragkit.vectors import cosines

Ids = NDArray[np.int64]
Vectors = NDArray[np.float32]
Scores = NDArray[np.float32]

_NO_IDS: Final[Ids] = np.empty(0, dtype=np.int64)
_SLACK: Final = 1e-5
"""FAISS sums in float32: its scores are this close to the exact ones (2e-7 measured at 384 dimensions)."""
_SPARE: Final = 16
_GATHERED: Final = 4_096
"""So many rows that a filter lets through are copied out first: passing over all others costs 2 ms a million."""
_BLOCK: Final = 8_192
_FILTERED_EXACTLY: Final = 20_000
"""So many rows that a filter lets through are compared one by one, in some 5 ms; codes are faster from there on."""
_PROPOSED: Final = 8.0
_LEAST_PROPOSED: Final = 400
"""Codes propose 8 rows for each one wanted, at least 400: recall@100 is 0.98 to 0.997 by that, recall@10 above 0.99."""


class DenseIndex:
    """The vectors of one revision. Immutable and thread-safe; a later revision is another object.

    base: the files. live: which rows of the files are still there, None for all. tail_ids, tail: chunks in memory,
    ids ascending and above those of the files, float32 rows that hold float16 values.
    """

    def __init__(
        self,
        base: DenseBase,
        *,
        live: NDArray[np.bool_] | None = None,
        tail_ids: Ids = _NO_IDS,
        tail: Vectors | None = None,
    ) -> None:
        self.base = base
        self.live = live
        self.tail_ids = tail_ids
        self.tail = np.empty((0, base.dimension), dtype=np.float32) if tail is None else tail
        self._live_count = len(base.ids) if live is None else int(live.sum())
        self._live_bits = None if live is None else np.packbits(live, bitorder="little")

    def __len__(self) -> int:
        """Return how many chunks can be found."""
        return self._live_count + len(self.tail_ids)

    @property
    def dimension(self) -> int:
        """Components of a vector."""
        return self.base.dimension

    @property
    def added(self) -> int:
        """How many chunks are in memory only."""
        return len(self.tail_ids)

    @property
    def removed(self) -> int:
        """How many rows of the files are not there any more."""
        return len(self.base.ids) - self._live_count

    def ids(self) -> Ids:
        """Return the ids of all chunks, ascending."""
        kept = self.base.ids if self.live is None else self.base.ids[self.live]
        return np.concatenate([kept, self.tail_ids])

    def followed(self, *, removed: Ids, added: Ids, vectors: Vectors) -> DenseIndex:
        """Return the index of a later revision. added: ascending ids, vectors: their unit rows (n, d)."""
        live = self.live
        places = self.base.places.of(removed)
        if len(places):
            live = np.ones(len(self.base.ids), dtype=np.bool_) if live is None else live.copy()
            live[places] = False
        stay = ~np.isin(self.tail_ids, removed)
        tail_ids, tail = (self.tail_ids, self.tail) if stay.all() else (self.tail_ids[stay], self.tail[stay])
        if len(added):
            tail_ids = np.concatenate([tail_ids, np.asarray(added, dtype=np.int64)])
            tail = np.concatenate([tail, half(vectors).astype(np.float32)])
        return DenseIndex(self.base, live=live, tail_ids=tail_ids, tail=tail)

    def search(self, query: Vectors, k: int, *, allowed: Ids | None = None) -> tuple[Ids, Scores]:
        """Return the k chunks of largest cosine with a query (d,), best first, ties by ascending id.

        allowed: ascending chunk ids to choose from; k come back whenever k of these are there. EmbeddingError for a
        query of another dimension, zero, or not finite.
        """
        unit = self._checked(query)
        if k < 1:
            return _NO_IDS, np.empty(0, dtype=np.float32)
        places, scores = self._search_base(unit, k, allowed)
        rows, tail_scores = self._search_tail(unit, k, allowed)
        ids = np.concatenate([self.base.ids[places], self.tail_ids[rows]])
        return _best(ids, np.concatenate([scores, tail_scores]), k)

    def search_many(self, queries: Vectors, k: int) -> list[tuple[Ids, Scores]]:
        """Return what `search` returns for each row of queries (n, d)."""
        return [self.search(query, k) for query in queries]

    def scores(self, query: Vectors, ids: Ids) -> Scores:
        """Return the exact cosine of a query (d,) with given chunks (float32, in their order); 0 for an unknown id."""
        unit = self._checked(query)
        return _exact(self.vectors(ids), unit)

    def vectors(self, ids: Ids) -> Vectors:
        """Return the rows (n, d) of chunks in the order of ids, unit to float16 precision; zeros for an unknown id."""
        wanted = np.asarray(ids, dtype=np.int64)
        rows = np.zeros((len(wanted), self.dimension), dtype=np.float32)
        for owners, matrix in ((self.base.ids, None), (self.tail_ids, self.tail)):
            if not len(owners):
                continue
            places = np.minimum(np.searchsorted(owners, wanted), len(owners) - 1)
            there = np.flatnonzero(owners[places] == wanted)
            if matrix is not None:
                rows[there] = matrix[places[there]]
                continue
            if self.live is not None:
                there = there[self.live[places[there]]]
            rows[there] = self.base.vectors(places[there])
        return rows

    # ------------------------------------------------------------------ the two parts

    def _checked(self, query: Vectors) -> NDArray[np.float64]:
        vector = np.asarray(query, dtype=np.float64)
        if vector.shape != (self.dimension,):
            raise EmbeddingError(
                f"the query vector has shape {vector.shape}, not {(self.dimension,)}", cure="use the collection's model"
            )
        norm = float(np.sqrt(vector @ vector)) if np.isfinite(vector).all() else float("nan")
        if not norm > 0 or not np.isfinite(norm):
            raise EmbeddingError("the query vector is zero or not finite", cure="check the embedding model")
        unit: NDArray[np.float64] = vector / norm
        return unit

    def _search_tail(self, unit: NDArray[np.float64], k: int, allowed: Ids | None) -> tuple[Ids, Scores]:
        rows = np.arange(len(self.tail_ids)) if allowed is None else _places(self.tail_ids, allowed)
        if not len(rows):
            return _NO_IDS, np.empty(0, dtype=np.float32)
        matrix = self.tail if allowed is None else self.tail[rows]
        rough = cosines(matrix, unit.astype(np.float32))
        if len(rows) > k:
            chosen = np.flatnonzero(rough >= np.partition(rough, len(rough) - k)[len(rough) - k] - 2 * _SLACK)
            rows = rows[chosen]
        return rows, _exact(self.tail[rows], unit)

    def _search_base(self, unit: NDArray[np.float64], k: int, allowed: Ids | None) -> tuple[Ids, Scores]:
        base, bits, matching = self.base, self._live_bits, self._live_count
        places = None
        if allowed is not None:
            places = base.places.of(allowed)
            if self.live is not None:
                places = places[self.live[places]]
            matching = len(places)
            if 0 < matching <= _GATHERED:
                few = _Choice(base, gathered(base.rows[places]), matching, places=places)
                return _nearest(few, unit, min(k, matching))
            mask = np.zeros(len(base.ids), dtype=np.bool_)
            mask[places] = True
            bits = np.packbits(mask, bitorder="little")
        if not matching:
            return _NO_IDS, np.empty(0, dtype=np.float32)
        k = min(k, matching)
        if base.coarse is not None and (places is None or matching > _FILTERED_EXACTLY):
            query = unit.astype(np.float32)
            probes = base.probes if places is None else base.probes_for(query, places)
            found = _proposed(base, query, min(k + _SPARE, matching), probes, bits)
            if len(found) >= k:  # else the groups that were searched hold too few rows
                return found, _exact_rows(base, found, unit)
        return _nearest(_Choice(base, base.exact, matching, bits), unit, k)


@dataclass(frozen=True, slots=True)
class _Choice:
    """Rows to compare with all of: those of an exact index, or `matching` of them by `bits`; places: where they are in
    base, when they were copied out of it."""

    base: DenseBase
    index: Any
    matching: int
    bits: NDArray[np.uint8] | None = None
    places: Ids | None = None

    def scored(self, found: Ids, unit: NDArray[np.float64]) -> tuple[Ids, Scores]:
        """Return positions in base and exact scores of what FAISS found."""
        found = np.asarray(found[found >= 0], dtype=np.int64)
        places = found if self.places is None else self.places[found]
        return places, _exact_rows(self.base, places, unit)


def _nearest(choice: _Choice, unit: NDArray[np.float64], k: int) -> tuple[Ids, Scores]:
    """Return the positions of at least the k nearest rows, and their exact scores."""
    faiss = load_faiss()
    faiss.omp_set_num_threads(1)  # of this thread: one query gains nothing from more, and many run side by side
    query = unit.astype(np.float32)[None]
    options = {}
    if choice.bits is not None:
        options["params"] = faiss.SearchParameters(sel=faiss.IDSelectorBitmap(choice.bits))
    count = min(k + max(_SPARE, k // 4), choice.matching)
    rough, found = choice.index.search(query, count, **options)
    places, scores = choice.scored(found[0], unit)
    worst = float(np.partition(scores, len(scores) - k)[len(scores) - k])
    if count < choice.matching and float(rough[0][-1]) >= worst - _SLACK:  # rows beyond these may tie with the k-th
        _, _, found = choice.index.range_search(query, worst - 2 * _SLACK, **options)
        places, scores = choice.scored(found, unit)
    return places, scores


def _proposed(base: DenseBase, query: Vectors, count: int, probes: int, bits: NDArray[np.uint8] | None) -> Ids:
    """Return the positions of the nearest rows, by their codes first, then by their float16 values."""
    faiss = load_faiss()
    faiss.omp_set_num_threads(1)
    selector = None if bits is None else faiss.IDSelectorBitmap(bits)
    options = faiss.IndexRefineSearchParameters(
        k_factor=max(_PROPOSED, _LEAST_PROPOSED / count),
        base_index_params=faiss.IVFSearchParameters(nprobe=probes, sel=selector),
    )
    _, found = base.refined.search(query[None], count, params=options)
    return np.asarray(found[0][found[0] >= 0], dtype=np.int64)


def _exact_rows(base: DenseBase, places: Ids, unit: NDArray[np.float64]) -> Scores:
    if not len(places):
        return np.empty(0, dtype=np.float32)
    parts = [_exact(base.vectors(places[at : at + _BLOCK]), unit) for at in range(0, len(places), _BLOCK)]
    return np.concatenate(parts)


def _exact(rows: Vectors, unit: NDArray[np.float64]) -> Scores:
    return cosines(rows.astype(np.float64), unit).astype(np.float32)


def _places(ascending: Ids, wanted: Ids) -> Ids:
    """Return where wanted ids are among ascending ones, those that are not left out."""
    if not len(ascending) or not len(wanted):
        return _NO_IDS
    places = np.minimum(np.searchsorted(ascending, wanted), len(ascending) - 1)
    found: Ids = places[ascending[places] == wanted]
    return found


def _best(ids: Ids, scores: Scores, k: int) -> tuple[Ids, Scores]:
    order = np.lexsort((ids, -scores))[:k]
    return ids[order], scores[order]
