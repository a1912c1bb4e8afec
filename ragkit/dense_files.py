"""The vectors of a collection on disk: float16 rows in the order of chunk ids, and a FAISS index over them.

For the exact kind the codes inside the FAISS file are the rows, so there is one copy of them. Everything is mapped into
memory: several processes share the pages, and opening reads next to nothing.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from ragkit.errors import EmbeddingError, StoreError

Ids = NDArray[np.int64]
Vectors = NDArray[np.float32]
Kind = Literal["exact", "rabitq", "ivf"]

IDS_FILE: Final = "ids.i64"
ROWS_FILE: Final = "rows.f16"
INDEX_FILE: Final = "index.faiss"
SMALLEST: Final = 1_000
"""Below this every kind is exact: there is nothing to gain and too little to train on."""
RABITQ_FROM: Final = 50_000
"""From so many vectors on, codes of one bit a dimension with exact re-scoring are faster than exact search."""
IVF_FROM: Final = 400_000


@dataclass(frozen=True, slots=True)
class DenseBase:
    """Open files. ids: int64 (n,) ascending. rows: bytes (n, 2 d), each row d float16, little-endian. index: of FAISS,
    None when there are no vectors; its positions are those of ids."""

    kind: Kind
    dimension: int
    ids: Ids
    rows: NDArray[np.uint8]
    index: Any

    def vectors(self, positions: Ids) -> Vectors:
        """Return rows as float32 (m, d)."""
        taken: Vectors = self.rows[positions].view("<f2").astype(np.float32)
        return taken


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


def load_faiss() -> Any:
    """Return the module faiss; its own stubs are wrong about what its Python layer takes."""
    import faiss

    return faiss


def half(vectors: Vectors) -> NDArray[np.float16]:
    """Return float16 rows, the only form in which vectors are compared. EmbeddingError for one that is not finite."""
    if not np.isfinite(vectors).all():
        raise EmbeddingError("a stored vector is not finite", cure="run: ragkit verify")
    return vectors.astype("<f2")


def build_dense(
    folder: Path | None, batches: Iterable[tuple[Ids, Vectors]], *, dimension: int, kind: Kind
) -> DenseBase:
    """Write vectors, ids ascending, into an empty folder (None: keep them in memory) and open them."""
    faiss = load_faiss()
    numbers: list[Ids] = []
    rows: list[NDArray[np.float16]] = []
    for ids, vectors in batches:
        if vectors.shape != (len(ids), dimension):
            raise EmbeddingError(
                f"stored vectors have shape {vectors.shape}, not {(len(ids), dimension)}", cure="run: ragkit verify"
            )
        numbers.append(np.asarray(ids, dtype=np.int64))
        rows.append(half(vectors))
    ids = np.concatenate([np.empty(0, dtype=np.int64), *numbers])
    if len(ids) and (np.diff(ids) <= 0).any():
        raise StoreError("chunk ids do not ascend", cure="run: ragkit doctor")
    whole = np.concatenate([np.empty((0, dimension), dtype="<f2"), *rows])
    index = faiss.IndexScalarQuantizer(max(dimension, 1), faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
    for start in range(0, len(ids), 65_536):
        index.add(whole[start : start + 65_536].astype(np.float32))
    if folder is None:
        return DenseBase(kind, dimension, ids, whole.view(np.uint8), index if len(ids) else None)
    (folder / IDS_FILE).write_bytes(ids.astype("<i8").tobytes())
    try:
        faiss.write_index(index, str(folder / INDEX_FILE))
    except RuntimeError as error:
        raise OSError(f"FAISS can't write {folder / INDEX_FILE} ({error})") from error
    return open_dense(folder, kind=kind, dimension=dimension, count=len(ids))


def open_dense(folder: Path, *, kind: Kind, dimension: int, count: int) -> DenseBase:
    """Map the files of a folder. Raises StoreError when they do not fit together, OSError when one is missing."""
    faiss = load_faiss()
    ids = np.frombuffer(_mapped(folder / IDS_FILE), dtype="<i8").astype(np.int64, copy=False)
    try:
        index = faiss.read_index(str(folder / INDEX_FILE), faiss.IO_FLAG_MMAP_IFC)
    except RuntimeError as error:
        raise StoreError(f"FAISS can't read {folder / INDEX_FILE} ({error})") from error
    codes = np.frombuffer(_mapped(folder / INDEX_FILE), dtype=np.uint8)
    size = count * dimension * 2
    if len(ids) != count or index.ntotal != count or index.d != max(dimension, 1) or len(codes) < size:
        raise StoreError(f"the dense index at {folder} does not hold {count} vectors of dimension {dimension}")
    rows = codes[len(codes) - size :].reshape(count, dimension * 2)  # FAISS writes the codes of this kind last
    return DenseBase(kind, dimension, ids, rows, index if count else None)


def _mapped(path: Path) -> bytes | mmap.mmap:
    with path.open("rb") as file:
        if not path.stat().st_size:
            return b""
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
