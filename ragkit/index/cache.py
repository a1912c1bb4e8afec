"""The two search indexes of a collection as caches: verified files, and the delta since in memory.

The store is the truth. A file that is missing, foreign, outdated, damaged or unreadable is rebuilt from it, with one
line in the log; no search fails or is wrong because of a file.
"""

from __future__ import annotations

import logging
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ragkit.errors import StoreError
from ragkit.index.base import ChunkChanges, ChunkSource, Index, IndexPart
from ragkit.index.dense.index import DenseIndex
from ragkit.index.dense.part import DensePart
from ragkit.index.lexical.index import LexicalIndex
from ragkit.index.lexical.part import LexicalPart
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
from ragkit.settings import LOCAL_INDEX, DenseSettings

__all__ = ["Caches", "ChunkChanges", "ChunkSource", "Snapshot"]

Ids = NDArray[np.int64]

_log = logging.getLogger("ragkit")
_FOLDER: Final = "cache"
_RECENT: Final = 3
_ATTEMPTS: Final = 3
_WORTH_WRITING: Final = 256


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Both indexes at exactly one revision of a collection. Immutable; may be used from many threads."""

    revision: int
    generation: int
    dense: DenseIndex
    lexical: LexicalIndex


@dataclass(frozen=True, slots=True)
class _Held:
    """A snapshot, its owner, and the revisions of the files it is based on (-1: in memory only)."""

    snapshot: Snapshot
    owner: Owner
    dense_files: int
    lexical_files: int


class Caches:
    """The indexes of one collection, for many threads; other processes may use the same files at the same time.

    folder: of the collection (DATA/collections/NAME); the files are in its subfolder "cache".
    """

    def __init__(self, folder: Path, *, dense: DenseSettings) -> None:
        self._place = Path(folder) / _FOLDER
        self._dense = DensePart(dense.kind)
        self._lexical = LexicalPart()
        self._lock = threading.RLock()
        self._persisting = threading.Lock()
        self._recent: tuple[_Held, ...] = ()
        self._warned: set[str] = set()

    def prepare(self) -> None:
        """Do nothing: a snapshot builds what it needs."""

    def snapshot(self, reader: ChunkSource) -> Snapshot:
        """Return the indexes at exactly the reader's revision.

        It takes microseconds when they are in memory, milliseconds after a small change, and as long as building them
        when there are no usable files. One thread does the work, others that need it wait.
        """
        return self._hold(reader).snapshot

    def is_held(self, reader: ChunkSource) -> bool:
        """Return whether the indexes of the reader's revision are in memory, so that `snapshot` takes microseconds."""
        return self._known(owner_of(reader.identity, reader.fingerprint), reader.revision) is not None

    def newest(self) -> Snapshot | None:
        """Return the newest state in memory, None before the first search; no file and no store is read."""
        recent = self._recent
        return recent[0].snapshot if recent else None

    def persist(self, reader: ChunkSource) -> None:
        """Write files when there are none, or when much has changed since they were written.

        A disk that cannot be written raises nothing: the indexes stay in memory.
        """
        if reader.fingerprint is None or not self._place.parent.is_dir():
            return
        held = self._hold(reader)
        if not len(held.snapshot.dense) or not self._persisting.acquire(blocking=False):
            return
        try:  # the other lock is not held: searches go on, and later revisions are followed in memory
            dense = self._renewed(self._dense, held.snapshot.dense, held.dense_files, reader)
            lexical = self._renewed(self._lexical, held.snapshot.lexical, held.lexical_files, reader)
        finally:
            self._persisting.release()
        snapshot = Snapshot(reader.revision, reader.generation, dense[0], lexical[0])
        with self._lock:
            self._keep(_Held(snapshot, held.owner, dense[1], lexical[1]))

    def settle(self) -> None:
        """Do nothing: `persist` has written what was due."""

    def renew(self, reader: ChunkSource) -> None:
        """Delete all files and rewrite them. A search meanwhile builds the indexes in memory."""
        if reader.fingerprint is None or not self._place.parent.is_dir():
            return
        with suppress(OSError), writing(self._place) as mine:
            for name in (self._dense.name, self._lexical.name) if mine else ():
                remove_old(self._place, name, revision=-1, owner=owner_of(reader.identity, reader.fingerprint))
        with self._lock:
            self._recent = ()
        self.persist(reader)

    def check(self, reader: ChunkSource) -> list[str]:
        """Hash all files, compare the indexes with the store, and return the problems found, one line each."""
        if reader.fingerprint is None:
            return []
        wanted = reader.all_chunk_ids()
        return self._check(self._dense, reader, wanted) + self._check(self._lexical, reader, wanted)

    def describe(self, reader: ChunkSource) -> str:
        """Return what searches: files of this machine, which follow every revision."""
        del reader
        return LOCAL_INDEX

    def size(self) -> int:
        """Return the size of the files on disk in bytes."""
        sizes: dict[int, int] = {}
        with suppress(OSError):
            for path in self._place.rglob("*"):
                with suppress(OSError):
                    stat = path.stat()
                    sizes[stat.st_ino] = stat.st_size if path.is_file() else 0
        return sum(sizes.values())

    def close(self) -> None:
        """Release all files. Snapshots in use stay valid."""
        with self._lock:
            self._recent = ()

    # ------------------------------------------------------------------ one state after another

    def _hold(self, reader: ChunkSource) -> _Held:
        owner = owner_of(reader.identity, reader.fingerprint)
        held = self._known(owner, reader.revision)
        if held:
            return held
        with self._lock:
            held = self._known(owner, reader.revision) or self._follow(owner, reader) or self._load(owner, reader)
            self._keep(held)
            return held

    def _known(self, owner: Owner, revision: int) -> _Held | None:
        for held in self._recent:
            if held.snapshot.revision == revision and held.owner == owner:
                return held
        return None

    def _keep(self, held: _Held) -> None:
        """Keep the newest states: a reader whose transaction began earlier may still need an older one."""
        others = (item for item in self._recent if item.snapshot.revision != held.snapshot.revision)
        kept = sorted((held, *others), key=lambda item: -item.snapshot.revision)
        self._recent = tuple(item for item in kept if item.owner == held.owner)[:_RECENT]

    def _follow(self, owner: Owner, reader: ChunkSource) -> _Held | None:
        """Apply the changes since the newest earlier state in memory; None when there is none or they are not known.

        Where much is in memory only and newer files were written meanwhile, these are opened instead.
        """
        earlier = [h for h in self._recent if h.owner == owner and h.snapshot.revision < reader.revision]
        changes = reader.changes_since(earlier[0].snapshot.revision) if earlier else None
        if changes is None:
            return None
        held = earlier[0]
        dense = self._dense.follow(held.snapshot.dense, changes, reader)
        lexical = self._lexical.follow(held.snapshot.lexical, changes, reader)
        dense_files, lexical_files = held.dense_files, held.lexical_files
        if self._dense.due(dense, reader) != "nothing" and self._has_newer(self._dense, dense_files, reader):
            dense, dense_files = self._opened(self._dense, owner, reader) or (dense, dense_files)
        if self._lexical.due(lexical, reader) != "nothing" and self._has_newer(self._lexical, lexical_files, reader):
            lexical, lexical_files = self._opened(self._lexical, owner, reader) or (lexical, lexical_files)
        snapshot = Snapshot(reader.revision, reader.generation, dense, lexical)
        return _Held(snapshot, owner, dense_files, lexical_files)

    def _load(self, owner: Owner, reader: ChunkSource) -> _Held:
        dense = self._opened(self._dense, owner, reader) or self._rebuilt(self._dense, owner, reader)
        lexical = self._opened(self._lexical, owner, reader) or self._rebuilt(self._lexical, owner, reader)
        snapshot = Snapshot(reader.revision, reader.generation, dense[0], lexical[0])
        return _Held(snapshot, owner, dense[1], lexical[1])

    def _has_newer(self, part: IndexPart[Index], files: int, reader: ChunkSource) -> bool:
        return any(files < revision <= reader.revision for revision, _ in list_folders(self._place, part.name))

    # ------------------------------------------------------------------ files

    def _opened(self, part: IndexPart[Index], owner: Owner, reader: ChunkSource) -> tuple[Index, int] | None:
        """Open the newest usable files not newer than the reader, and apply the changes since; None without any."""
        for _ in range(_ATTEMPTS):
            vanished = False
            for revision, folder in list_folders(self._place, part.name):
                if revision > reader.revision:
                    continue
                try:
                    return self._open(part, folder, owner, reader), revision
                except OutdatedError as error:
                    _log.info("cache %s is left alone: %s", folder, error)
                except (StoreError, OSError) as error:
                    vanished = vanished or not folder.exists()
                    if folder.exists():
                        self._warn_once(f"{folder} can't be used: {error}")
            if not vanished:  # another process replaced a folder meanwhile, which is no damage: list again
                break
        return None

    def _open(self, part: IndexPart[Index], folder: Path, owner: Owner, reader: ChunkSource) -> Index:
        manifest = read_manifest(folder, part=part.name, owner=owner)
        check_files(folder, manifest)
        changes = reader.changes_since(manifest.revision)
        if changes is None:
            raise OutdatedError(f"revision {manifest.revision} is not known to the collection")
        if not part.fits(manifest, reader):
            raise OutdatedError("the collection has another quantizer now")
        check_probes(part, manifest.probes, reader, removed=changes.removed)
        return part.follow(part.open(folder, manifest), changes, reader)

    def _rebuilt(self, part: IndexPart[Index], owner: Owner, reader: ChunkSource) -> tuple[Index, int]:
        """Build from the store: into files where that is possible and worth it, else in memory."""
        count = len(reader.all_chunk_ids())
        if count >= _WORTH_WRITING and self._place.parent.is_dir():
            written = self._written(part, owner, reader)
            if written:
                return written
        return part.in_memory(reader), -1

    def _written(
        self, part: IndexPart[Index], owner: Owner, reader: ChunkSource, *, base: tuple[Path, Manifest] | None = None
    ) -> tuple[Index, int] | None:
        """Write files and open them; None when the disk refuses or another process is writing."""
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
                return part.open(target, manifest), reader.revision
        except (StoreError, OSError) as error:  # an error of the store itself comes again when it is read into memory
            self._warn_once(f"{self._place} can't be written, searching from memory: {error}")
            return None

    def _renewed(self, part: IndexPart[Index], index: Index, files: int, reader: ChunkSource) -> tuple[Index, int]:
        """Return an index on new files when they are due, else the one given."""
        due = part.due(index, reader)
        owner = owner_of(reader.identity, reader.fingerprint)
        if files >= 0 and due == "nothing":
            return index, files
        if files >= 0 and due == "extend":
            extended = self._extended(part, owner, files, reader)
            if extended:
                return extended
        return self._written(part, owner, reader) or (index, files)

    def _extended(
        self, part: IndexPart[Index], owner: Owner, files: int, reader: ChunkSource
    ) -> tuple[Index, int] | None:
        for revision, folder in list_folders(self._place, part.name):
            if revision == files:
                try:
                    manifest = read_manifest(folder, part=part.name, owner=owner)
                    check_files(folder, manifest)
                    return self._written(part, owner, reader, base=(folder, manifest))
                except (StoreError, OSError) as error:
                    self._warn_once(f"{folder} can't be used: {error}")
        return None

    def _check(self, part: IndexPart[Index], reader: ChunkSource, wanted: Ids) -> list[str]:
        owner = owner_of(reader.identity, reader.fingerprint)
        problems = []
        for revision, folder in list_folders(self._place, part.name):
            if revision > reader.revision:
                continue
            try:
                manifest = read_manifest(folder, part=part.name, owner=owner)
                check_files(folder, manifest, whole=True)
                index = self._open(part, folder, owner, reader)
            except OutdatedError:  # older than a compaction, a rebuild or a restore: intact, and not used
                continue
            except (StoreError, OSError) as error:
                problems.append(f"{part.name} cache {folder.name} can't be used: {error}")
                continue
            found = part.ids(index)
            if not np.array_equal(found, wanted):
                problems.append(
                    f"{part.name} cache {folder.name} holds {len(found):,} chunks, the collection {len(wanted):,}: "
                    f"{len(np.setdiff1d(wanted, found)):,} are missing, {len(np.setdiff1d(found, wanted)):,} too many"
                )
        return problems

    def _warn_once(self, message: str) -> None:
        if message not in self._warned:
            self._warned.add(message)
            _log.warning("cache %s", message)


def _same_files(old: Path, folder: Path, manifest: Manifest) -> dict[str, str]:
    """Return the digests of files that are hard links to the same file in both folders."""
    same: dict[str, str] = {}
    for name, (_, digest) in manifest.files.items():
        with suppress(OSError):
            if (old / name).samefile(folder / name):
                same[name] = digest
    return same
