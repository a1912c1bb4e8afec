"""The vectors of a collection on disk: float16 rows in the order of chunk ids, and codes of one bit a dimension.

A small collection needs the rows only. A larger one is searched by RaBitQ codes (Gao and Long 2024; FAISS FastScan)
grouped around the centres of a `Quantizer`, and the rows that these propose are scored exactly. Up to `IVF_FROM`
vectors all groups are searched, beyond it the nearest ones, as many as the quantizer says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ragkit.errors import EmbeddingError, StoreError
from ragkit.index.dense.float16_file import (
    Halves,
    half,
    load_faiss,
    map_file,
    open_rows,
    read_index,
    rows_in_memory,
    single,
    write_index,
    write_rows,
)
from ragkit.index.dense.quantizer import SMALLEST, Kind, Quantizer, choose_kind, coded_index, train_quantizer

Ids = NDArray[np.int64]
Vectors = NDArray[np.float32]

IDS_FILE: Final = "ids.i64"
ROWS_FILE: Final = "rows.faiss"
CODES_FILE: Final = "codes.faiss"
_TABLE_LIMIT: Final = 4
_BLOCK: Final = 50_000


class Places:
    """Positions of chunk ids in an ascending array. Dense ids get a lookup table of 4 bytes an id."""

    def __init__(self, ids: Ids) -> None:
        self._ids = ids
        self._first = int(ids[0]) if len(ids) else 0
        self._span = int(ids[-1]) - self._first + 1 if len(ids) else 0
        self._table: NDArray[np.int32] | None = None
        if len(ids) < self._span <= _TABLE_LIMIT * len(ids):
            self._table = np.full(self._span, -1, dtype=np.int32)
            self._table[ids - self._first] = np.arange(len(ids), dtype=np.int32)

    def of(self, wanted: Ids) -> Ids:
        """Return the positions of ascending ids; ids that are not there are left out."""
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

    ids: int64 (n,) ascending; positions everywhere index it, and `places` looks them up. rows: bytes (n, 2 d), each
    row d float16, little-endian. exact: an index of FAISS over the rows. coarse: one over codes, None for the exact
    kind. refined: `coarse` with its proposals scored by `exact`. probes: groups of codes that a search reads.
    quantizer: the number of the quantizer of the codes, 0 for one that is not stored. groups: int32 (n,),
    the group of each position, and centres: float32 (groups, d); empty without codes.
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
    quantizer: int = 0
    groups: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, dtype=np.int32))
    centres: Vectors = field(default_factory=lambda: np.empty((0, 0), dtype=np.float32))

    def vectors(self, positions: Ids) -> Vectors:
        """Return rows as float32 (m, d)."""
        return single(self.rows[positions].view("<f2"))

    @property
    def facts(self) -> Mapping[str, Any]:
        """The facts that `open_dense` needs."""
        return {"kind": self.kind, "probes": self.probes, "quantizer": self.quantizer}


def build_dense(
    folder: Path | None,
    batches: Iterable[tuple[Ids, Vectors]],
    *,
    dimension: int,
    kind: Kind,
    quantizer: Quantizer | None = None,
) -> DenseBase:
    """Write vectors, ids ascending, into an empty folder (None: keep them in memory) and open them.

    quantizer: of the codes of that kind; None trains one on these vectors. Raises EmbeddingError for vectors of another
    dimension or not finite, StoreError for ids that do not ascend, OSError when the disk cannot be written. Besides the
    codes at most one batch is in memory, unless folder is None.
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
        chosen = quantizer or _trained(base)
        coarse = _coded(base, chosen)
        if folder is not None:
            write_index(coarse, folder / CODES_FILE)
            coarse = read_index(folder / CODES_FILE)
        base = _with_codes(base, coarse, probes=chosen.probes, quantizer=chosen.number)
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
    return _with_codes(base, coarse, probes=int(facts["probes"]), quantizer=int(facts["quantizer"]))


def groups_of(coarse: Any) -> NDArray[np.int32]:
    """Return the group of each position (n,) of an index of codes."""
    faiss = load_faiss()
    groups = np.empty(coarse.ntotal, dtype=np.int32)
    for number in range(coarse.nlist):
        size = coarse.invlists.list_size(number)
        if size:
            groups[faiss.rev_swig_ptr(coarse.invlists.get_ids(number), size)] = number
    return groups


def _with_codes(base: DenseBase, coarse: Any, *, probes: int, quantizer: int) -> DenseBase:
    """Return the same files with their codes."""
    return replace(
        base,
        coarse=coarse,
        refined=load_faiss().IndexRefine(coarse, base.exact),
        probes=probes,
        quantizer=quantizer,
        groups=groups_of(coarse),
        centres=coarse.quantizer.reconstruct_n(0, coarse.nlist),
    )


def _checked(batches: Iterable[tuple[Ids, Vectors]], numbers: list[Ids], dimension: int) -> Iterator[Halves]:
    """Yield float16 rows and note their ids."""
    for ids, vectors in batches:
        if vectors.shape != (len(ids), dimension):
            shape = (len(ids), dimension)
            raise EmbeddingError(f"stored vectors have shape {vectors.shape}, not {shape}", cure="run: ragkit verify")
        numbers.append(np.asarray(ids, dtype=np.int64))
        yield half(vectors)


# ------------------------------------------------------------------ codes


def _trained(base: DenseBase) -> Quantizer:
    """Train on the rows themselves."""
    return train_quantizer(base.kind, len(base.ids), rows=base.vectors, batches=lambda: _blocks(base))


def _coded(base: DenseBase, quantizer: Quantizer) -> Any:
    """Return an index of the codes of all rows."""
    coarse = coded_index(base.dimension, len(quantizer.centres), quantizer.centres)
    for block in _blocks(base):
        coarse.add(block)
    return coarse


def _blocks(base: DenseBase) -> Iterator[Vectors]:
    for start in range(0, len(base.ids), _BLOCK):
        yield base.vectors(np.arange(start, min(start + _BLOCK, len(base.ids))))
