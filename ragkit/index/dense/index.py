"""Nearest chunks by cosine, over float16 vectors.

The index has two parts: files (see files), and a delta of rows in memory for newer chunks. FAISS only proposes; every
returned score is the float64 dot product of the query and the stored float16 row, rounded to float32, so that equal
chunks tie and come by ascending id. Results do not depend on which part a chunk is in: the exact kind compares with
every row, and where the files have codes the delta is searched by codes too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ragkit.index.dense.files import DenseBase
from ragkit.index.dense.float16_file import gathered, half, load_faiss
from ragkit.index.dense.tail import CodedPart, follow_parts
from ragkit.numeric.vectors import cosines, unit_query

Ids = NDArray[np.int64]
Vectors = NDArray[np.float32]
Scores = NDArray[np.float32]

_NO_IDS: Final[Ids] = np.empty(0, dtype=np.int64)
_SLACK: Final = 1e-5
"""FAISS sums in float32: its scores are this close to the exact ones (2e-7 measured at 384 dimensions)."""
_SPARE: Final = 16
_GATHERED: Final = 4_096
"""Up to so many rows that a filter allows are copied first: skipping the others would cost 2 ms per million."""
_BLOCK: Final = 8_192
_FILTERED_EXACTLY: Final = 20_000
"""Up to so many rows that a filter allows are compared one by one, in some 5 ms; above it, codes are faster."""
_SPARSE: Final = 0.2
_COUNTED: Final = 20_000
_PROPOSED: Final = 8
_LEAST_PROPOSED: Final = 400
"""Codes propose 8 rows per wanted hit, at least 400: recall@100 is then 0.98 to 0.997, recall@10 above 0.99."""


class DenseIndex:
    """The vectors of one revision. Immutable and thread-safe; a later revision is another object.

    base: the files. live: bool, which rows of the files are not deleted, None for all. tail_ids, tail: the delta, ids
    ascending and above those of the files, float32 rows with float16 values. parts: the delta's codes, where the files
    have codes.
    """

    def __init__(
        self,
        base: DenseBase,
        *,
        live: NDArray[np.bool_] | None = None,
        tail_ids: Ids = _NO_IDS,
        tail: Vectors | None = None,
        parts: tuple[CodedPart, ...] = (),
    ) -> None:
        self.base = base
        self.live = live
        self.tail_ids = tail_ids
        self.tail = np.empty((0, base.dimension), dtype=np.float32) if tail is None else tail
        self.parts = parts
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
        """How many rows of the files are deleted."""
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
        parts = self.parts
        if self.base.coarse is not None:
            parts = follow_parts(self.base, parts, removed=removed, ids=tail_ids, rows=tail, added=len(added))
        return DenseIndex(self.base, live=live, tail_ids=tail_ids, tail=tail, parts=parts)

    def search(self, query: Vectors, k: int, *, allowed: Ids | None = None) -> tuple[Ids, Scores]:
        """Return the k chunks of largest cosine with a query (d,), best first, ties by ascending id.

        allowed: ascending chunk ids to choose from; k come back whenever k of these exist. Raises EmbeddingError for
        a query of another dimension, zero, or not finite.
        """
        unit = unit_query(query, self.dimension)
        if k < 1:
            return _NO_IDS, np.empty(0, dtype=np.float32)
        choice = self._chosen(allowed)
        if self.base.coarse is not None and (allowed is None or choice.matching > _FILTERED_EXACTLY):
            found = self._by_codes(unit, min(k, choice.matching), choice, allowed)
            if found is not None:
                return found
        places, scores = self._search_base(unit, k, choice)
        rows, tail_scores = self._search_tail(unit, k, choice.rows)
        ids = np.concatenate([self.base.ids[places], self.tail_ids[rows]])
        return _best(ids, np.concatenate([scores, tail_scores]), k)

    def scores(self, query: Vectors, ids: Ids) -> Scores:
        """Return the exact cosine of a query (d,) with each of some chunks, float32 (n,); 0 for an unknown id."""
        unit = unit_query(query, self.dimension)
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

    def _chosen(self, allowed: Ids | None) -> _Allowed:
        if allowed is None:
            return _Allowed(None, self._live_count, None, len(self.tail_ids))
        places, rows = self.base.places.of(allowed), _places(self.tail_ids, allowed)
        if self.live is not None:
            places = places[self.live[places]]
        return _Allowed(places, len(places), rows, len(rows))

    def _search_tail(self, unit: NDArray[np.float64], k: int, rows: Ids | None) -> tuple[Ids, Scores]:
        matrix = self.tail if rows is None else self.tail[rows]
        rows = np.arange(len(self.tail_ids)) if rows is None else rows
        if not len(rows):
            return _NO_IDS, np.empty(0, dtype=np.float32)
        rough = cosines(matrix, unit.astype(np.float32))
        if len(rows) > k:
            chosen = np.flatnonzero(rough >= np.partition(rough, len(rough) - k)[len(rough) - k] - 2 * _SLACK)
            rows = rows[chosen]
        return rows, _exact(self.tail[rows], unit)

    def _search_base(self, unit: NDArray[np.float64], k: int, choice: _Allowed) -> tuple[Ids, Scores]:
        base, places, matching = self.base, choice.places, choice.in_base
        if not matching:
            return _NO_IDS, np.empty(0, dtype=np.float32)
        k = min(k, matching)
        if places is not None and matching <= _GATHERED:
            return _nearest(_Choice(base, gathered(base.rows[places]), matching, places=places), unit, k)
        return _nearest(_Choice(base, base.exact, matching, self._bits(places)), unit, k)

    def _bits(self, places: Ids | None) -> NDArray[np.uint8] | None:
        """Return the bitmap of the rows of the files that a search may find, None for all."""
        if places is None:
            return self._live_bits
        mask = np.zeros(len(self.base.ids), dtype=np.bool_)
        mask[places] = True
        return np.packbits(mask, bitorder="little")

    # ------------------------------------------------------------------ codes

    def _by_codes(
        self, unit: NDArray[np.float64], k: int, choice: _Allowed, allowed: Ids | None
    ) -> tuple[Ids, Scores] | None:
        """Return the k nearest of the rows that codes propose, None when the groups searched have fewer than k."""
        query = unit.astype(np.float32)
        count = min(k + _SPARE, choice.matching)
        wide = max(_PROPOSED * count, _LEAST_PROPOSED)
        probes, bits = self._probes(query, choice), self._bits(choice.places)
        if not self.parts:
            places = _refined(self.base, query, count, wide, probes, bits)
            return _best(self.base.ids[places], _exact_rows(self.base, places, unit), k) if len(places) >= k else None
        proposals = [_proposed(self.base.coarse, self.base.ids, query, wide, probes, bits)]
        for part in self.parts:
            live = part.chosen(allowed)
            if live is None or live.any():
                bits = None if live is None else np.packbits(live, bitorder="little")
                proposals.append(_proposed(part.coarse, part.ids, query, wide, probes, bits))
        rough, ids = (np.concatenate(column) for column in zip(*proposals, strict=True))
        ids = np.sort(ids[np.lexsort((ids, -rough))[:wide]])
        return _best(ids, _exact(self.vectors(ids), unit), k) if len(ids) >= k else None

    def _probes(self, query: Vectors, choice: _Allowed) -> int:
        """Return how many groups to search.

        With a filter, the nearest groups with a quarter of the rows that it allows; all groups, when it allows few: a
        filter on documents about another subject than the question allows rows only in groups that are all far away,
        whose order means little (recall@10 0.42 with the usual number of groups, 5 % of a million rows).
        """
        base = self.base
        if choice.places is None or choice.rows is None:
            return base.probes
        if base.kind != "ivf" or choice.matching <= _SPARSE * len(self):
            return int(base.coarse.nlist)
        groups, ids = base.groups[choice.places], base.ids[choice.places]
        if len(choice.rows):
            coded = np.concatenate([part.live_groups() for part in self.parts])
            groups = np.concatenate([groups, coded[choice.rows]])
            ids = np.concatenate([ids, self.tail_ids[choice.rows]])
        counted = groups[ids % max(choice.matching // _COUNTED, 1) == 0]
        held = np.bincount(counted, minlength=len(base.centres))
        nearest = np.argsort(-cosines(base.centres, query))
        enough = int(np.searchsorted(np.cumsum(held[nearest]), len(counted) // 4)) + 1
        return min(max(enough, base.probes), len(base.centres))


@dataclass(frozen=True, slots=True)
class _Allowed:
    """The rows that a search may find, by position in the files and in the delta, None for all; and their numbers."""

    places: Ids | None
    in_base: int
    rows: Ids | None
    in_tail: int

    @property
    def matching(self) -> int:
        return self.in_base + self.in_tail


@dataclass(frozen=True, slots=True)
class _Choice:
    """Rows to compare one by one: all of an exact index, or `matching` of them by `bits`. places: their positions in
    base, where they were copied from it."""

    base: DenseBase
    index: Any
    matching: int
    bits: NDArray[np.uint8] | None = None
    places: Ids | None = None

    def scored(self, found: Ids, unit: NDArray[np.float64]) -> tuple[Ids, Scores]:
        """Return the positions in base and the exact scores of FAISS's results."""
        found = np.asarray(found[found >= 0], dtype=np.int64)
        places = found if self.places is None else self.places[found]
        return places, _exact_rows(self.base, places, unit)


def _nearest(choice: _Choice, unit: NDArray[np.float64], k: int) -> tuple[Ids, Scores]:
    """Return the positions of at least the k nearest rows, and their exact scores."""
    faiss = load_faiss()
    faiss.omp_set_num_threads(1)  # one query gains nothing from more threads, and many queries run in parallel
    query = unit.astype(np.float32)[None]
    options = {}
    if choice.bits is not None:
        options["params"] = faiss.SearchParameters(sel=faiss.IDSelectorBitmap(choice.bits))
    count = min(k + max(_SPARE, k // 4), choice.matching)
    rough, found = choice.index.search(query, count, **options)
    places, scores = choice.scored(found[0], unit)
    worst = float(np.partition(scores, len(scores) - k)[len(scores) - k])
    if count < choice.matching and float(rough[0][-1]) >= worst - _SLACK:  # further rows may tie with the k-th
        _, _, found = choice.index.range_search(query, worst - 2 * _SLACK, **options)
        places, scores = choice.scored(found, unit)
    return places, scores


def _proposed(
    coarse: Any, ids: Ids, query: Vectors, wide: int, probes: int, bits: NDArray[np.uint8] | None
) -> tuple[Scores, Ids]:
    """Return the nearest rows by their codes: approximate scores, and ids."""
    faiss = load_faiss()
    faiss.omp_set_num_threads(1)
    selector = None if bits is None else faiss.IDSelectorBitmap(bits)
    options = faiss.IVFSearchParameters(nprobe=probes, sel=selector)
    scores, found = coarse.search(query[None], min(wide, coarse.ntotal), params=options)
    there = found[0] >= 0
    return scores[0][there], ids[found[0][there]]


def _refined(
    base: DenseBase, query: Vectors, count: int, wide: int, probes: int, bits: NDArray[np.uint8] | None
) -> Ids:
    """Return the positions of the `count` nearest rows among the `wide` nearest by their codes."""
    faiss = load_faiss()
    faiss.omp_set_num_threads(1)
    selector = None if bits is None else faiss.IDSelectorBitmap(bits)
    options = faiss.IndexRefineSearchParameters(
        k_factor=(wide + 0.5) / count,  # FAISS multiplies in float32 and cuts off
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
    """Return the positions of wanted ids in ascending ones; ids that are not there are left out."""
    if not len(ascending) or not len(wanted):
        return _NO_IDS
    places = np.minimum(np.searchsorted(ascending, wanted), len(ascending) - 1)
    found: Ids = places[ascending[places] == wanted]
    return found


def _best(ids: Ids, scores: Scores, k: int) -> tuple[Ids, Scores]:
    order = np.lexsort((ids, -scores))[:k]
    return ids[order], scores[order]
