"""Memory-mapped files of some bytes for each chunk, by id: the analysed terms, and the vectors of units.

A file has the bytes one after the other, padded to 8, then the ids (int64, ascending), the n + 1 offsets into the
bytes (int64), and n (int64), all little-endian. Names are PREFIX-NUMBER.bin, in the order in which they were written.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from ragkit.errors import StoreError

Ids = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ChunkFile:
    """The bytes of some chunks. ids: ascending; body[offsets[i]:offsets[i + 1]] are those of chunk ids[i]."""

    ids: Ids
    offsets: Ids
    body: memoryview

    def find(self, wanted: Ids) -> dict[int, memoryview]:
        """Return the bytes of the wanted chunks that are in this file, by id."""
        if not len(self.ids):
            return {}
        places = np.minimum(np.searchsorted(self.ids, wanted), len(self.ids) - 1)
        there = self.ids[places] == wanted
        starts, ends = self.offsets[places[there]].tolist(), self.offsets[places[there] + 1].tolist()
        keys = wanted[there].tolist()
        return {key: self.body[start:end] for key, start, end in zip(keys, starts, ends, strict=True)}


class ChunkFileWriter:
    """Collects the bytes of chunks, ids ascending, into a file (None: into memory)."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: BinaryIO = BytesIO() if path is None else path.open("xb")
        self._ids: list[Ids] = []
        self._sizes: list[Ids] = []

    def add(self, ids: Ids, bodies: Sequence[bytes]) -> None:
        """Append some chunks."""
        self._ids.append(np.asarray(ids, dtype=np.int64))
        self._sizes.append(np.fromiter(map(len, bodies), dtype=np.int64, count=len(bodies)))
        self._file.write(b"".join(bodies))

    def copy(self, part: ChunkFile) -> None:
        """Append all chunks of another file."""
        self._ids.append(part.ids)
        self._sizes.append(np.diff(part.offsets))
        self._file.write(part.body[: int(part.offsets[-1])])

    def finish(self) -> ChunkFile:
        """Write the trailer (ids, offsets, count), close the file, and open it for reading."""
        ids = np.concatenate([np.empty(0, dtype=np.int64), *self._ids])
        offsets = np.concatenate([[0], np.cumsum(np.concatenate([np.empty(0, dtype=np.int64), *self._sizes]))])
        size = int(offsets[-1])
        self._file.write(b"\0" * (-size % 8))
        for array in (ids, offsets, np.array([len(ids)])):
            self._file.write(array.astype("<i8").tobytes())
        if isinstance(self._file, BytesIO):
            return _parse(memoryview(self._file.getvalue()))
        self._file.close()
        if self._path is None:
            raise StoreError("a file of chunks without a path")
        return open_chunk_file(self._path)


def chunk_file_path(folder: Path, prefix: str, number: int = 0) -> Path:
    """Return the path of a file of a folder."""
    return folder / f"{prefix}-{number:06d}.bin"


def open_chunk_file(path: Path) -> ChunkFile:
    """Map a file; raises StoreError when its parts do not add up to its size."""
    with path.open("rb") as file:
        return _parse(memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)))


def open_chunk_files(folder: Path, prefix: str) -> list[ChunkFile]:
    """Map all files of a folder with that prefix, in the order they were written."""
    return [open_chunk_file(path) for path in _paths(folder, prefix)]


def extend_chunk_files(
    folder: Path, prefix: str, batches: Iterable[tuple[Ids, Sequence[bytes]]], *, expected: int
) -> list[ChunkFile]:
    """Add a file to a folder with the earlier ones, and merge the last files into it while they are not much larger.

    The number of files, and how often a chunk is copied, grow with the logarithm of the number of chunks.
    """
    paths = _paths(folder, prefix)
    parts = [open_chunk_file(path) for path in paths]
    size = expected
    first = len(parts)
    while first and len(parts[first - 1].ids) < 2 * size:
        first -= 1
        size += len(parts[first].ids)
    number = int(paths[-1].stem.split("-")[1]) + 1 if paths else 0
    writer = ChunkFileWriter(chunk_file_path(folder, prefix, number))
    for part in parts[first:]:
        writer.copy(part)
    for ids, bodies in batches:
        writer.add(ids, bodies)
    new = writer.finish()
    for path in paths[first:]:
        path.unlink()
    return [*parts[:first], new]


def find_in_files(files: Sequence[ChunkFile], wanted: Ids) -> dict[int, memoryview]:
    """Return the bytes of wanted chunks by id; chunks that are in no file are left out."""
    found: dict[int, memoryview] = {}
    for file in files:
        found.update(file.find(wanted))
    return found


def _paths(folder: Path, prefix: str) -> list[Path]:
    return sorted(folder.glob(f"{prefix}-*.bin"))


def _parse(body: memoryview) -> ChunkFile:
    size = len(body)
    count = int.from_bytes(body[-8:], "little", signed=True) if size >= 8 else -1
    start = size - 8 * (2 * count + 2)
    if count < 0 or size % 8 or start < 0:
        raise StoreError("a file of chunks is cut off")
    ids = np.frombuffer(body, dtype="<i8", count=count, offset=start).astype(np.int64, copy=False)
    offsets = np.frombuffer(body, dtype="<i8", count=count + 1, offset=start + 8 * count).astype(np.int64, copy=False)
    return ChunkFile(ids, offsets, body)
