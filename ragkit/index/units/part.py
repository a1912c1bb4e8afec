"""The vectors of units as an IndexPart: files of the bytes that the store has for each chunk.

A chunk's bytes never change, and an id is never used for another chunk. So a copy serves every revision, nothing is
held in memory, and chunks that came after the files are asked of the store.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from ragkit.errors import StoreError
from ragkit.index.base import ChunkChanges, ChunkSource, Due, Ids, Written
from ragkit.index.chunk_files import (
    ChunkFile,
    ChunkFileWriter,
    chunk_file_path,
    extend_chunk_files,
    find_in_files,
    open_chunk_files,
)
from ragkit.index.manifest import Manifest
from ragkit.index.policy import BATCH, REMOVED_SHARE, SMALL_TAIL, short_digest

_PREFIX: Final = "units"
_DELETED: Final = "deleted.i64"


def _none() -> NDArray[np.int64]:
    return np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class UnitFiles:
    """The files of one state of a collection, for many threads.

    deleted: ids of chunks that may be in the files and are not in that state. added: ids of chunks that came after
    the files. Both ascend.
    """

    files: Sequence[ChunkFile] = ()
    deleted: Ids = field(default_factory=_none)
    added: Ids = field(default_factory=_none)

    @property
    def held(self) -> int:
        """How many chunks the files have, deleted ones included."""
        return sum(len(file.ids) for file in self.files)

    def find(self, ids: Ids) -> dict[int, memoryview]:
        """Return the stored bytes of those chunks that are in the files, by id; empty for a chunk without units."""
        return find_in_files(self.files, ids)


class HoldsUnits(Protocol):
    """A store that takes the vectors of units from files where it can."""

    def hold_units(self, files: UnitFiles) -> None:
        """Use these files from now on."""


class UnitPart:
    """The IndexPart of the vectors of units."""

    name = "units"

    def in_memory(self, source: ChunkSource) -> UnitFiles:
        """Return no files: all chunks are asked of the store."""
        return UnitFiles(added=source.all_chunk_ids())

    def write(self, folder: Path, source: ChunkSource) -> Written:
        """Copy from the store into an empty folder."""
        writer = ChunkFileWriter(chunk_file_path(folder, _PREFIX))
        for ids, bodies in _batches(source, source.all_chunk_ids()):
            writer.add(ids, bodies)
        return _written(folder, len(writer.finish().ids))

    def extend(self, old: Path, folder: Path, manifest: Manifest, source: ChunkSource) -> Written:
        """Link the old files, add one of new chunks, and note which chunks were deleted."""
        changes = source.changes_since(manifest.revision)
        if changes is None:
            raise StoreError("its revision is not known any more")
        for path in old.glob(f"{_PREFIX}-*.bin"):
            os.link(path, folder / path.name)
        added = changes.added
        files = extend_chunk_files(folder, _PREFIX, _batches(source, added), expected=len(added))
        deleted = np.union1d(_read_deleted(old), changes.removed)
        (folder / _DELETED).write_bytes(deleted.astype("<i8").tobytes())
        return _written(folder, sum(len(file.ids) for file in files))

    def open(self, folder: Path, manifest: Manifest) -> UnitFiles:
        """Open verified files."""
        found = UnitFiles(open_chunk_files(folder, _PREFIX), _read_deleted(folder))
        if found.held != manifest.count:
            raise StoreError(f"{folder} holds {found.held} chunks, not {manifest.count}")
        return found

    def follow(self, index: UnitFiles, changes: ChunkChanges, source: ChunkSource) -> UnitFiles:
        """Return the files for the source's revision; nothing is read."""
        del source
        added = np.setdiff1d(index.added, changes.removed, assume_unique=True)
        deleted = np.union1d(index.deleted, changes.removed)
        return replace(index, deleted=deleted, added=np.concatenate([added, changes.added]))

    def fits(self, manifest: Manifest, source: ChunkSource) -> bool:
        """Return True: the bytes are coded relative to nothing."""
        del manifest, source
        return True

    def due(self, index: UnitFiles, source: ChunkSource) -> Due:
        """Return whether to copy all anew, add a file of new chunks, or leave the files."""
        del source
        if len(index.deleted) > max(SMALL_TAIL, REMOVED_SHARE * index.held):
            return "rebuild"
        return "extend" if len(index.added) > SMALL_TAIL else "nothing"

    def digests(self, source: ChunkSource, ids: Ids) -> list[str]:
        """Return a digest of the bytes of each chunk."""
        return [short_digest(body) for body in source.unit_bodies(ids)]

    def ids(self, index: UnitFiles) -> Ids:
        """Return the ids of all chunks of the state, ascending."""
        held = np.concatenate([_none(), *(file.ids for file in index.files)])
        return np.concatenate([np.setdiff1d(held, index.deleted, assume_unique=True), index.added])


def _batches(source: ChunkSource, ids: Ids) -> Iterator[tuple[Ids, Sequence[bytes]]]:
    for at in range(0, len(ids), BATCH):
        part = ids[at : at + BATCH]
        yield part, source.unit_bodies(part)


def _written(folder: Path, count: int) -> Written:
    return Written(sorted(path.name for path in folder.iterdir()), count, {})


def _read_deleted(folder: Path) -> Ids:
    path = folder / _DELETED
    return np.frombuffer(path.read_bytes(), dtype="<i8").astype(np.int64) if path.exists() else _none()
