"""The search indexes of a collection as caches: verified files, and the delta since in memory.

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

from ragkit.index.base import ChunkChanges, ChunkSource
from ragkit.index.dense.index import DenseIndex
from ragkit.index.dense.part import DensePart
from ragkit.index.lexical.index import LexicalIndex
from ragkit.index.lexical.part import LexicalPart
from ragkit.index.manifest import Owner, writing
from ragkit.index.part_files import Based, PartFiles
from ragkit.index.policy import owner_of
from ragkit.index.units.part import HoldsUnits, UnitFiles, UnitPart
from ragkit.settings import LOCAL_INDEX, DenseSettings

__all__ = ["Caches", "ChunkChanges", "ChunkSource", "Snapshot"]

_log = logging.getLogger("ragkit")
_FOLDER: Final = "cache"
_RECENT: Final = 3


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Both indexes at exactly one revision of a collection. Immutable; may be used from many threads."""

    revision: int
    generation: int
    dense: DenseIndex
    lexical: LexicalIndex


@dataclass(frozen=True, slots=True)
class _Held:
    """A snapshot, its owner, and its parts with the revisions of their files; units: None where they are not copied."""

    snapshot: Snapshot
    owner: Owner
    dense: Based[DenseIndex]
    lexical: Based[LexicalIndex]
    units: Based[UnitFiles] | None

    @classmethod
    def at(
        cls,
        reader: ChunkSource,
        dense: Based[DenseIndex],
        lexical: Based[LexicalIndex],
        units: Based[UnitFiles] | None,
    ) -> _Held:
        """Return the parts as the snapshot of a reader's revision."""
        snapshot = Snapshot(reader.revision, reader.generation, dense.index, lexical.index)
        return cls(snapshot, owner_of(reader.identity, reader.fingerprint), dense, lexical, units)


class Caches:
    """The indexes of one collection, for many threads; other processes may use the same files at the same time.

    folder: of the collection (DATA/collections/NAME); the files are in its subfolder "cache". units: a store that gets
    copies of the vectors of units on this machine, None for one that has them there anyway.
    """

    def __init__(self, folder: Path, *, dense: DenseSettings, units: HoldsUnits | None = None) -> None:
        self._place = Path(folder) / _FOLDER
        self._dense = PartFiles(self._place, DensePart(dense.kind), warn=self._warn_once)
        self._lexical = PartFiles(self._place, LexicalPart(), warn=self._warn_once)
        self._units = PartFiles(self._place, UnitPart(), warn=self._warn_once)
        self._holder = units
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
        if not len(held.dense.index) or not self._persisting.acquire(blocking=False):
            return
        try:  # the other lock is not held: searches go on, and later revisions are followed in memory
            renewed = _Held.at(
                reader,
                self._dense.renewed(held.dense, reader),
                self._lexical.renewed(held.lexical, reader),
                self._units.renewed(held.units, reader) if held.units else None,
            )
        finally:
            self._persisting.release()
        with self._lock:
            self._keep(renewed)

    def settle(self) -> None:
        """Do nothing: `persist` has written what was due."""

    def renew(self, reader: ChunkSource) -> None:
        """Delete all files and rewrite them. A search meanwhile builds the indexes in memory."""
        if reader.fingerprint is None or not self._place.parent.is_dir():
            return
        with suppress(OSError), writing(self._place) as mine:
            for part in (self._dense, self._lexical, self._units) if mine else ():
                part.remove(reader)
        with self._lock:
            self._recent = ()
        self.persist(reader)

    def check(self, reader: ChunkSource) -> list[str]:
        """Hash all files, compare the indexes with the store, and return the problems found, one line each."""
        if reader.fingerprint is None:
            return []
        wanted = reader.all_chunk_ids()
        return [line for part in (self._dense, self._lexical, self._units) for line in part.check(reader, wanted)]

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
            held = self._known(owner, reader.revision) or self._follow(owner, reader) or self._load(reader)
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
        newest = self._recent[0].units
        if self._holder and newest:
            self._holder.hold_units(newest.index)

    def _follow(self, owner: Owner, reader: ChunkSource) -> _Held | None:
        """Apply the changes since the newest earlier state in memory; None when there is none or they are not known."""
        earlier = [h for h in self._recent if h.owner == owner and h.snapshot.revision < reader.revision]
        changes = reader.changes_since(earlier[0].snapshot.revision) if earlier else None
        if changes is None:
            return None
        held = earlier[0]
        return _Held.at(
            reader,
            self._dense.follow(held.dense, changes, reader),
            self._lexical.follow(held.lexical, changes, reader),
            self._units.follow(held.units, changes, reader) if held.units else None,
        )

    def _load(self, reader: ChunkSource) -> _Held:
        units = self._units.load(reader) if self._holder else None
        return _Held.at(reader, self._dense.load(reader), self._lexical.load(reader), units)

    def _warn_once(self, message: str) -> None:
        if message not in self._warned:
            self._warned.add(message)
            _log.warning("cache %s", message)
