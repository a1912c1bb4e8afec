"""Memory-mapped files of the analysed terms of every chunk by id, so that scoring never analyses a text again.

A file has the terms (see `term_codes.pack`) one after the other, padded to 8 bytes, then the ids (int64, ascending),
the n + 1 offsets into the text (int64), and n (int64), all little-endian.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from ragkit.errors import StoreError

Ids = NDArray[np.int64]

_PATTERN: Final = "terms-*.bin"


@dataclass(frozen=True, slots=True)
class TermFile:
    """The terms of some chunks. ids: ascending; text[offsets[i]:offsets[i + 1]] is `packed` of chunk ids[i]."""

    ids: Ids
    offsets: Ids
    text: memoryview

    def find(self, wanted: Ids) -> dict[int, memoryview]:
        """Return the terms of the wanted chunks that are in this file, by id."""
        if not len(self.ids):
            return {}
        places = np.minimum(np.searchsorted(self.ids, wanted), len(self.ids) - 1)
        there = self.ids[places] == wanted
        starts, ends = self.offsets[places[there]].tolist(), self.offsets[places[there] + 1].tolist()
        keys = wanted[there].tolist()
        return {key: self.text[start:end] for key, start, end in zip(keys, starts, ends, strict=True)}


class TermWriter:
    """Collects the terms of chunks, ids ascending, into a file (None: into memory)."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: BinaryIO = BytesIO() if path is None else path.open("xb")
        self._ids: list[Ids] = []
        self._sizes: list[Ids] = []

    def add(self, ids: Ids, texts: Sequence[bytes]) -> None:
        """Append some chunks."""
        self._ids.append(np.asarray(ids, dtype=np.int64))
        self._sizes.append(np.fromiter(map(len, texts), dtype=np.int64, count=len(texts)))
        self._file.write(b"".join(texts))

    def copy(self, part: TermFile) -> None:
        """Append all chunks of another file."""
        self._ids.append(part.ids)
        self._sizes.append(np.diff(part.offsets))
        self._file.write(part.text[: int(part.offsets[-1])])

    def finish(self) -> TermFile:
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
            raise StoreError("a term file without a path")
        return open_terms(self._path)


def open_terms(path: Path) -> TermFile:
    """Map a file of terms; raises StoreError when its parts do not add up to its size."""
    with path.open("rb") as file:
        return _parse(memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)))


def open_term_files(folder: Path) -> list[TermFile]:
    """Map all files of terms of a folder, in the order they were written."""
    return [open_terms(path) for path in sorted(folder.glob(_PATTERN))]


def extend_terms(folder: Path, batches: Iterable[tuple[Ids, Sequence[bytes]]], *, expected: int) -> list[TermFile]:
    """Add a file to a folder with the earlier ones, and merge the last files into it while they are not much larger.

    The number of files, and how often a chunk is copied, grow with the logarithm of the number of chunks.
    """
    paths = sorted(folder.glob(_PATTERN))
    parts = [open_terms(path) for path in paths]
    size = expected
    first = len(parts)
    while first and len(parts[first - 1].ids) < 2 * size:
        first -= 1
        size += len(parts[first].ids)
    number = int(paths[-1].stem.split("-")[1]) + 1 if paths else 0
    writer = TermWriter(folder / f"terms-{number:06d}.bin")
    for part in parts[first:]:
        writer.copy(part)
    for ids, texts in batches:
        writer.add(ids, texts)
    new = writer.finish()
    for path in paths[first:]:
        path.unlink()
    return [*parts[:first], new]


def find_terms(files: Sequence[TermFile], wanted: Ids) -> dict[int, memoryview]:
    """Return the terms of wanted chunks by id; chunks that are in no file are left out."""
    found: dict[int, memoryview] = {}
    for file in files:
        found.update(file.find(wanted))
    return found


def _parse(text: memoryview) -> TermFile:
    size = len(text)
    count = int.from_bytes(text[-8:], "little", signed=True) if size >= 8 else -1
    start = size - 8 * (2 * count + 2)
    if count < 0 or size % 8 or start < 0:
        raise StoreError("a file of terms is cut off")
    ids = np.frombuffer(text, dtype="<i8", count=count, offset=start).astype(np.int64, copy=False)
    offsets = np.frombuffer(text, dtype="<i8", count=count + 1, offset=start + 8 * count).astype(np.int64, copy=False)
    return TermFile(ids, offsets, text)
