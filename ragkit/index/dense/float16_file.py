"""A FAISS file of float16 rows, written batch by batch in constant memory and read without copying.

It is an IndexScalarQuantizer of kind fp16, whose file is a short header and then the rows. FAISS can write one from
memory only; here the header of a small one is copied and its two counts are set, and FAISS reads the file as a check.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ragkit.errors import EmbeddingError, StoreError

Ids = NDArray[np.int64]
Vectors = NDArray[np.float32]
Halves = NDArray[np.float16]

_TOTAL_AT: Final = 8
_BLOCK: Final = 65_536


def load_faiss() -> Any:
    """Return the module faiss, untyped: its stubs are wrong about the arguments of its Python layer."""
    import faiss

    return faiss


def half(vectors: Vectors) -> Halves:
    """Return float16 rows, the only form in which vectors are compared. Raises EmbeddingError for one not finite."""
    if not np.isfinite(vectors).all():
        raise EmbeddingError("a stored vector is not finite", cure="run: ragkit verify")
    return vectors.astype("<f2")


def single(halves: Halves) -> Vectors:
    """Return finite float16 numbers as float32, exactly: by shifting bits, three times as fast as numpy's conversion.

    A float32 has the sign in bit 31, eight bits of exponent and 23 of fraction; shifted by 13 a float16's lie in their
    places, but for the bias of the exponent, which is 112 less.
    """
    bits = halves.view("<i2").astype(np.int32)
    bits <<= 13
    bits &= ~0x70000000  # copies of the sign
    found: Vectors = bits.view(np.float32)
    found *= np.float32(2.0**112)
    return found


def rows_in_memory(rows: Halves, dimension: int) -> Any:
    """Return an exact index of rows (n, d)."""
    index = _empty(dimension)
    for start in range(0, len(rows), _BLOCK):
        index.add(rows[start : start + _BLOCK].astype(np.float32))
    return index


def gathered(rows: NDArray[np.uint8]) -> Any:
    """Return an exact index of a few rows, given as their bytes (n, 2 d)."""
    index = _empty(rows.shape[1] // 2)
    index.add_sa_codes(rows)
    return index


def write_rows(path: Path, batches: Iterable[Halves], *, dimension: int) -> int:
    """Write an exact index of rows, given batch by batch, and return how many. Raises OSError when the disk is full."""
    header = _header(dimension)
    if header is None:
        return _write_from_memory(path, batches, dimension)
    count = 0
    first = last = np.empty((0, dimension), dtype="<f2")
    with path.open("xb") as file:
        file.write(header)
        for rows in batches:
            file.write(np.ascontiguousarray(rows).view(np.uint8).data)
            count += len(rows)
            first, last = (first if len(first) else rows[:1]), (rows[-1:] if len(rows) else last)
        file.seek(_TOTAL_AT)
        file.write(count.to_bytes(8, "little"))
        file.seek(len(header) - 8)
        file.write((count * 2 * dimension).to_bytes(8, "little"))
    index, rows_read = open_rows(path, count=count, dimension=dimension)
    for at, row in ((0, first), (count - 1, last)):
        if count and not (
            np.array_equal(rows_read[at].view("<f2"), row[0])
            and np.array_equal(index.reconstruct(at), row[0].astype(np.float32))
        ):
            raise StoreError(f"FAISS reads other vectors from {path} than were written")
    return count


def open_rows(path: Path, *, count: int, dimension: int) -> tuple[Any, NDArray[np.uint8]]:
    """Map a file of rows: the exact index, and its rows as bytes (n, 2 d). Raises StoreError when it does not fit."""
    index = read_index(path)
    size = count * dimension * 2
    whole = np.frombuffer(map_file(path), dtype=np.uint8)
    if index.ntotal != count or index.d != max(dimension, 1) or len(whole) < size:
        raise StoreError(f"{path} does not hold {count} vectors of dimension {dimension}")
    return index, whole[len(whole) - size :].reshape(count, dimension * 2)


def read_index(path: Path) -> Any:
    """Map an index of FAISS. Raises StoreError when it can't be read."""
    faiss = load_faiss()
    try:
        return faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
    except RuntimeError as error:
        raise StoreError(f"FAISS can't read {path} ({error})") from error


def write_index(index: Any, path: Path) -> None:
    """Write an index of FAISS; Raises OSError when the disk is full."""
    try:
        load_faiss().write_index(index, str(path))
    except RuntimeError as error:
        raise OSError(f"FAISS can't write {path} ({error})") from error


def map_file(path: Path) -> bytes | mmap.mmap:
    """Map a file for reading."""
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if path.stat().st_size else b""


def _empty(dimension: int) -> Any:
    faiss = load_faiss()
    return faiss.IndexScalarQuantizer(max(dimension, 1), faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)


def _header(dimension: int) -> bytes | None:
    """Return the header of a file without rows, None when FAISS lays it out in another way."""
    index = _empty(dimension)
    index.add(np.zeros((1, index.d), dtype=np.float32))
    data: bytes = load_faiss().serialize_index(index).tobytes()
    header = data[: -2 * index.d]
    sizes = (header[_TOTAL_AT : _TOTAL_AT + 8], header[-8:])
    known = sizes == ((1).to_bytes(8, "little"), (2 * index.d).to_bytes(8, "little")) and dimension > 0
    return header if known else None


def _write_from_memory(path: Path, batches: Iterable[Halves], dimension: int) -> int:
    index = rows_in_memory(np.concatenate([np.empty((0, dimension), dtype="<f2"), *batches]), dimension)
    write_index(index, path)
    return int(index.ntotal)
