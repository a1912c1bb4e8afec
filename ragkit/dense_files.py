"""The vectors of a collection on disk: float16 rows in the order of chunk ids, and codes of one bit a dimension.

A small collection needs the rows only. A larger one is searched by RaBitQ codes (Gao and Long 2024; FAISS FastScan)
grouped around k-means centres, and what these propose is scored again from the rows. Up to `IVF_FROM` vectors all
groups are searched, beyond it the nearest ones, as many as a test on the collection's own vectors shows to be enough.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from ragkit.dense_rows import (
    Halves,
    half,
    load_faiss,
    map_file,
    open_rows,
    read_index,
    rows_in_memory,
    write_index,
    write_rows,
)
from ragkit.errors import EmbeddingError, StoreError
from ragkit.vectors import cosines

Ids = NDArray[np.int64]
Vectors = NDArray[np.float32]
Kind = Literal["exact", "rabitq", "ivf"]

IDS_FILE: Final = "ids.i64"
ROWS_FILE: Final = "rows.faiss"
CODES_FILE: Final = "codes.faiss"
SMALLEST: Final = 1_000
"""Below this every kind is exact: there is nothing to gain and too little to train on."""
RABITQ_FROM: Final = 50_000
"""Up to here exact search takes at most 2 ms, and is exact."""
IVF_FROM: Final = 75_000
"""Up to here all codes are searched, in about 1 ms; at 100,000 that takes 1.5 ms, and the nearest groups 0.8 ms."""
_TABLE_LIMIT: Final = 4
_SPARSE: Final = 0.2
_COUNTED: Final = 20_000
_GROUPS: Final = 16
_TRAINED_ON: Final = 64
_BLOCK: Final = 50_000
_TRIALS: Final = 64
_TRIAL_RECALL: Final = ((10, 0.99), (100, 0.975))


class Places:
    """Where chunk ids are among ascending ones. Ids that follow one another closely have a table, 4 bytes an id."""

    def __init__(self, ids: Ids) -> None:
        self._ids = ids
        self._first = int(ids[0]) if len(ids) else 0
        self._span = int(ids[-1]) - self._first + 1 if len(ids) else 0
        self._table: NDArray[np.int32] | None = None
        if len(ids) < self._span <= _TABLE_LIMIT * len(ids):
            self._table = np.full(self._span, -1, dtype=np.int32)
            self._table[ids - self._first] = np.arange(len(ids), dtype=np.int32)

    def of(self, wanted: Ids) -> Ids:
        """Return the positions of ascending ids, those that are not there left out."""
        if not len(self._ids):
            return np.empty(0, dtype=np.int64)
        low, high = np.searchsorted(wanted, (self._first, self._first + self._span))
        near = np.asarray(wanted[low:high], dtype=np.int64)
        if self._span == len(self._ids):
            return near - self._first
        if self._table is not None:
            found = self._table[near - self._first].astype(np.int64)
            return found[found >= 0]
        places = np.searchsorted(self._ids, near)
        chosen: Ids = places[self._ids[places] == near]
        return chosen


@dataclass(frozen=True, slots=True)
class DenseBase:
    """Open files of n vectors of dimension d.

    ids: int64 (n,) ascending; positions everywhere are places in it, which `places` tells. rows: bytes (n, 2 d), each
    row d float16, little-endian. exact: an index of FAISS over the rows. coarse: one over codes, None for the exact
    kind. refined: `coarse` with its proposals scored by `exact`. probes: groups of codes that a search looks into.
    groups: int32 (n,), the group of each position, and centres: float32 (groups, d); empty where all are searched.
    """

    kind: Kind
    dimension: int
    ids: Ids
    rows: NDArray[np.uint8]
    exact: Any
    places: Places
    coarse: Any = None
    refined: Any = None
    probes: int = 0
    groups: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, dtype=np.int32))
    centres: Vectors = field(default_factory=lambda: np.empty((0, 0), dtype=np.float32))

    def vectors(self, positions: Ids) -> Vectors:
        """Return rows as float32 (m, d)."""
        taken: Vectors = self.rows[positions].view("<f2").astype(np.float32)
        return taken

    def probes_for(self, query: Vectors, positions: Ids) -> int:
        """Return how many groups to look into for those rows only that a filter lets through.

        The nearest ones that hold a quarter of these rows; all, when they are few: a filter on documents about
        something else than the question leaves rows in groups that are all far away, in no telling order (recall@10
        0.42 with the usual number of groups, 5 % of a million rows).
        """
        if self.kind != "ivf" or len(positions) <= _SPARSE * len(self.ids):
            return int(self.coarse.nlist)
        counted = positions[:: max(len(positions) // _COUNTED, 1)]
        held = np.bincount(self.groups[counted], minlength=len(self.centres))
        nearest = np.argsort(-cosines(self.centres, query))
        enough = int(np.searchsorted(np.cumsum(held[nearest]), len(counted) // 4)) + 1
        return min(max(enough, self.probes), len(self.centres))

    @property
    def facts(self) -> Mapping[str, Any]:
        """What `open_dense` must be told."""
        return {"kind": self.kind, "probes": self.probes}


def choose_kind(setting: str, count: int) -> Kind:
    """Return the kind of index that a setting means for so many vectors."""
    if count < SMALLEST or setting == "exact":
        return "exact"
    if setting == "rabitq":
        return "rabitq"
    if setting == "ivf":
        return "ivf"
    if count < RABITQ_FROM:
        return "exact"
    return "rabitq" if count < IVF_FROM else "ivf"


def build_dense(
    folder: Path | None, batches: Iterable[tuple[Ids, Vectors]], *, dimension: int, kind: Kind
) -> DenseBase:
    """Write vectors, ids ascending, into an empty folder (None: keep them in memory) and open them.

    EmbeddingError for vectors of another dimension or not finite, StoreError for ids that do not ascend, OSError when
    the disk refuses. Besides the codes no more than a batch is in memory, unless folder is None.
    """
    numbers: list[Ids] = []
    checked = _checked(batches, numbers, dimension)
    if folder is None:
        halves = np.concatenate([np.empty((0, dimension), dtype="<f2"), *checked])
        exact, rows = rows_in_memory(halves, dimension), halves.view(np.uint8)
    else:
        count = write_rows(folder / ROWS_FILE, checked, dimension=dimension)
        exact, rows = open_rows(folder / ROWS_FILE, count=count, dimension=dimension)
    ids = np.concatenate([np.empty(0, dtype=np.int64), *numbers])
    if (np.diff(ids) <= 0).any():
        raise StoreError("chunk ids do not ascend", cure="run: ragkit doctor")
    base = DenseBase(kind if len(ids) >= SMALLEST else "exact", dimension, ids, rows, exact, Places(ids))
    if base.kind != "exact":
        coarse, probes = _build_codes(base)
        if folder is not None:
            write_index(coarse, folder / CODES_FILE)
            coarse = read_index(folder / CODES_FILE)
        base = _with_codes(base, coarse, probes)
    if folder is not None:
        (folder / IDS_FILE).write_bytes(ids.astype("<i8").tobytes())
    return base


def open_dense(folder: Path, *, facts: Mapping[str, Any], dimension: int, count: int) -> DenseBase:
    """Map the files of a folder. Raises StoreError when they do not fit together, OSError when one is missing."""
    ids = np.frombuffer(map_file(folder / IDS_FILE), dtype="<i8").astype(np.int64, copy=False)
    if len(ids) != count:
        raise StoreError(f"{folder} holds {len(ids)} ids, not {count}")
    exact, rows = open_rows(folder / ROWS_FILE, count=count, dimension=dimension)
    kind: Kind = choose_kind(str(facts["kind"]), max(count, SMALLEST)) if facts["kind"] != "exact" else "exact"
    base = DenseBase(kind, dimension, ids, rows, exact, Places(ids))
    if kind == "exact":
        return base
    coarse = read_index(folder / CODES_FILE)
    if coarse.ntotal != count or coarse.d != dimension:
        raise StoreError(f"{folder / CODES_FILE} does not hold {count} codes of dimension {dimension}")
    return _with_codes(base, coarse, int(facts["probes"]))


def _with_codes(base: DenseBase, coarse: Any, probes: int) -> DenseBase:
    """Return the same files with their codes."""
    faiss = load_faiss()
    added: dict[str, Any] = {"coarse": coarse, "refined": faiss.IndexRefine(coarse, base.exact), "probes": probes}
    if base.kind == "ivf":
        groups = np.empty(len(base.ids), dtype=np.int32)
        for number in range(coarse.nlist):
            size = coarse.invlists.list_size(number)
            if size:
                groups[faiss.rev_swig_ptr(coarse.invlists.get_ids(number), size)] = number
        added |= {"groups": groups, "centres": coarse.quantizer.reconstruct_n(0, coarse.nlist)}
    return replace(base, **added)


def _checked(batches: Iterable[tuple[Ids, Vectors]], numbers: list[Ids], dimension: int) -> Iterator[Halves]:
    """Yield float16 rows and note their ids."""
    for ids, vectors in batches:
        if vectors.shape != (len(ids), dimension):
            shape = (len(ids), dimension)
            raise EmbeddingError(f"stored vectors have shape {vectors.shape}, not {shape}", cure="run: ragkit verify")
        numbers.append(np.asarray(ids, dtype=np.int64))
        yield half(vectors)


# ------------------------------------------------------------------ codes


def _build_codes(base: DenseBase) -> tuple[Any, int]:
    """Return an index of codes, and how many of its groups a search must look into."""
    faiss = load_faiss()
    count = len(base.ids)
    groups = _GROUPS if base.kind == "rabitq" else 1 << round(float(np.log2(np.sqrt(count))))
    coarse = faiss.IndexIVFRaBitQFastScan(
        faiss.IndexFlatIP(base.dimension), base.dimension, groups, faiss.METRIC_INNER_PRODUCT
    )
    coarse.cp.niter = 10
    rng = np.random.default_rng(count)
    sample = rng.choice(count, min(count, max(_TRAINED_ON * groups, 20_000)), replace=False)
    coarse.train(base.vectors(np.sort(sample)))
    for start in range(0, count, _BLOCK):
        coarse.add(base.vectors(np.arange(start, min(start + _BLOCK, count))))
    if base.kind == "rabitq":
        return coarse, groups
    return coarse, _enough_probes(_with_codes(base, coarse, groups), groups, rng)


def _enough_probes(base: DenseBase, groups: int, rng: np.random.Generator) -> int:
    """Return how many groups find what exact search finds, on queries that lie as far from a vector as questions do.

    Such a query is the direction between two of the collection's vectors, nearer to the first: its best cosine is
    around 0.75, that of questions with all-MiniLM-L6-v2 around 0.7.
    """
    faiss = load_faiss()
    pairs = rng.integers(0, len(base.ids), (2, _TRIALS))
    queries = base.vectors(pairs[0]) + np.float32(0.8) * base.vectors(pairs[1])
    queries /= np.maximum(np.linalg.norm(queries, axis=1, keepdims=True), 1e-9)
    _, truth = base.exact.search(queries, 100)
    probes = max(groups // 16, 1)
    while probes < groups // 2:
        options = faiss.IndexRefineSearchParameters(
            k_factor=8.0, base_index_params=faiss.IVFSearchParameters(nprobe=probes)
        )
        _, found = base.refined.search(queries, 100, params=options)
        if all(_recall(truth[:, :k], found[:, :k]) >= least for k, least in _TRIAL_RECALL):
            break
        probes *= 2
    return probes


def _recall(truth: Ids, found: Ids) -> float:
    hits = [len(np.intersect1d(one, other)) for one, other in zip(truth, found, strict=True)]
    return sum(hits) / truth.size
