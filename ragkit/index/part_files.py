"""The verified files of one part of a collection's indexes: opened, built, extended and checked."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Generic

import numpy as np
from numpy.typing import NDArray

from ragkit.errors import StoreError
from ragkit.index.base import ChunkChanges, ChunkSource, Index, IndexPart
from ragkit.index.manifest import (
    Manifest,
    OutdatedError,
    Owner,
    check_files,
    list_folders,
    read_manifest,
    remove_old,
    seal,
    temporary,
    writing,
)
from ragkit.index.policy import owner_of
from ragkit.index.probes import check_probes, take_probes

Ids = NDArray[np.int64]

_log = logging.getLogger("ragkit")
_ATTEMPTS: Final = 3
_WORTH_WRITING: Final = 256


@dataclass(frozen=True, slots=True)
class Based(Generic[Index]):
    """An index, and the revision of the files it is based on (-1: in memory only)."""

    index: Index
    files: int


class PartFiles(Generic[Index]):
    """The files of one part below a cache folder.

    warn: is given one line for what can't be read or written; the search goes on without it.
    """

    def __init__(self, place: Path, part: IndexPart[Index], *, warn: Callable[[str], None]) -> None:
        self._place = place
        self._part = part
        self._warn = warn

    def load(self, reader: ChunkSource) -> Based[Index]:
        """Open the newest usable files, or build from the store: into files where that is possible and worth it."""
        return self._opened(reader) or self._rebuilt(reader)

    def follow(self, held: Based[Index], changes: ChunkChanges, reader: ChunkSource) -> Based[Index]:
        """Apply changes; where much is in memory only and newer files were written meanwhile, open these instead."""
        index = self._part.follow(held.index, changes, reader)
        if self._part.due(index, reader) != "nothing" and self._has_newer(held.files, reader):
            return self._opened(reader) or Based(index, held.files)
        return Based(index, held.files)

    def renewed(self, held: Based[Index], reader: ChunkSource) -> Based[Index]:
        """Return an index on new files when they are due, else the one given."""
        due = self._part.due(held.index, reader)
        if held.files >= 0 and due == "nothing":
            return held
        if held.files >= 0 and due == "extend":
            extended = self._extended(held.files, reader)
            if extended:
                return extended
        return self._written(reader) or held

    def remove(self, reader: ChunkSource) -> None:
        """Delete all files. The caller holds the write lock of the cache folder."""
        remove_old(self._place, self._part.name, revision=-1, owner=_owner(reader))

    def check(self, reader: ChunkSource, wanted: Ids) -> list[str]:
        """Hash all files, compare the indexes with the store's ids, and return the problems found, one line each."""
        name, problems = self._part.name, []
        for revision, folder in list_folders(self._place, name):
            if revision > reader.revision:
                continue
            try:
                manifest = read_manifest(folder, part=name, owner=_owner(reader))
                check_files(folder, manifest, whole=True)
                index = self._open(folder, reader)
            except OutdatedError:  # older than a compaction, a rebuild or a restore: intact, and not used
                continue
            except (StoreError, OSError) as error:
                problems.append(f"{name} cache {folder.name} can't be used: {error}")
                continue
            found = self._part.ids(index)
            if not np.array_equal(found, wanted):
                problems.append(
                    f"{name} cache {folder.name} holds {len(found):,} chunks, the collection {len(wanted):,}: "
                    f"{len(np.setdiff1d(wanted, found)):,} are missing, {len(np.setdiff1d(found, wanted)):,} too many"
                )
        return problems

    def _has_newer(self, files: int, reader: ChunkSource) -> bool:
        return any(files < revision <= reader.revision for revision, _ in list_folders(self._place, self._part.name))

    def _opened(self, reader: ChunkSource) -> Based[Index] | None:
        """Open the newest usable files not newer than the reader, and apply the changes since; None without any."""
        for _ in range(_ATTEMPTS):
            vanished = False
            for revision, folder in list_folders(self._place, self._part.name):
                if revision > reader.revision:
                    continue
                try:
                    return Based(self._open(folder, reader), revision)
                except OutdatedError as error:
                    _log.info("cache %s is left alone: %s", folder, error)
                except (StoreError, OSError) as error:
                    vanished = vanished or not folder.exists()
                    if folder.exists():
                        self._warn(f"{folder} can't be used: {error}")
            if not vanished:  # another process replaced a folder meanwhile, which is no damage: list again
                break
        return None

    def _open(self, folder: Path, reader: ChunkSource) -> Index:
        part = self._part
        manifest = read_manifest(folder, part=part.name, owner=_owner(reader))
        check_files(folder, manifest)
        changes = reader.changes_since(manifest.revision)
        if changes is None:
            raise OutdatedError(f"revision {manifest.revision} is not known to the collection")
        if not part.fits(manifest, reader):
            raise OutdatedError("the collection has another quantizer now")
        check_probes(part, manifest.probes, reader, removed=changes.removed)
        return part.follow(part.open(folder, manifest), changes, reader)

    def _rebuilt(self, reader: ChunkSource) -> Based[Index]:
        """Build from the store: into files where that is possible and worth it, else in memory."""
        count = len(reader.all_chunk_ids())
        if count >= _WORTH_WRITING and self._place.parent.is_dir():
            written = self._written(reader)
            if written:
                return written
        return Based(self._part.in_memory(reader), -1)

    def _written(self, reader: ChunkSource, *, base: tuple[Path, Manifest] | None = None) -> Based[Index] | None:
        """Write files and open them; None when the disk refuses or another process is writing."""
        part, owner = self._part, _owner(reader)
        try:
            with writing(self._place) as mine:
                if not mine:
                    return None
                with temporary(self._place) as folder:
                    known = None
                    if base:
                        old, before = base
                        written = part.extend(old, folder, before, reader)
                        known = _same_files(old, folder, before)
                    else:
                        written = part.write(folder, reader)
                    manifest = Manifest(
                        part=part.name,
                        owner=owner,
                        revision=reader.revision,
                        generation=reader.generation,
                        count=written.count,
                        probes=take_probes(part, reader),
                        facts=written.facts,
                    )
                    target = seal(folder, manifest, names=written.names, known=known)
                remove_old(self._place, part.name, revision=reader.revision, owner=owner)
                return Based(part.open(target, manifest), reader.revision)
        except (StoreError, OSError) as error:  # an error of the store itself comes again when it is read into memory
            self._warn(f"{self._place} can't be written, searching from memory: {error}")
            return None

    def _extended(self, files: int, reader: ChunkSource) -> Based[Index] | None:
        for revision, folder in list_folders(self._place, self._part.name):
            if revision == files:
                try:
                    manifest = read_manifest(folder, part=self._part.name, owner=_owner(reader))
                    check_files(folder, manifest)
                    return self._written(reader, base=(folder, manifest))
                except (StoreError, OSError) as error:
                    self._warn(f"{folder} can't be used: {error}")
        return None


def _owner(reader: ChunkSource) -> Owner:
    return owner_of(reader.identity, reader.fingerprint)


def _same_files(old: Path, folder: Path, manifest: Manifest) -> dict[str, str]:
    """Return the digests of files that are hard links to the same file in both folders."""
    same: dict[str, str] = {}
    for name, (_, digest) in manifest.files.items():
        with suppress(OSError):
            if (old / name).samefile(folder / name):
                same[name] = digest
    return same
