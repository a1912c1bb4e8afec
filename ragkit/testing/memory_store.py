"""A store that keeps collections in memory: for tests, and the second implementation of `ragkit.store.base`."""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from ragkit.errors import ConflictError, InputError, LockedError, NotFoundError, StoreError
from ragkit.store.checks import check_chunks, check_name
from ragkit.store.rows import Problem
from ragkit.store.source_files import verify_files
from ragkit.testing.memory_reader import MemoryReader
from ragkit.testing.memory_run import iso_time
from ragkit.testing.memory_state import State
from ragkit.testing.memory_writer import MemoryWriter
from ragkit.types.collection import Fingerprint


class _Collection:
    """The committed state of a collection, and its writer lock."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.state = State(identity=uuid.uuid4().hex, created_at=iso_time(datetime.now(UTC)))
        self.deleted = False
        self._lock = threading.Lock()
        self._holder = ""

    @contextmanager
    def locked(self, *, wait: float) -> Iterator[None]:
        """Hold the writer lock; LockedError after `wait` seconds names the holder."""
        if not self._lock.acquire(timeout=wait):
            raise LockedError(
                f"collection {self.name!r} is being written by {self._holder}",
                cure="wait until it has finished",
                holder=self._holder,
            )
        self._holder = f"process {os.getpid()} ({threading.current_thread().name})"
        try:
            yield
        finally:
            self._holder = ""
            self._lock.release()

    @property
    def holder(self) -> str:
        """Who holds the writer lock, "" for nobody."""
        return self._holder


class MemoryStore:
    """One collection in memory, for many threads of one process; see `ragkit.store.base.Store`.

    folder: where search indexes may be cached; by default there is none, and they stay in memory too. It trains no
    quantizer and writes no backups. Made by `MemoryBackend`, or by itself for a collection that nobody shares.
    """

    def __init__(
        self,
        name: str = "default",
        *,
        folder: Path | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        collection: _Collection | None = None,
    ) -> None:
        self.name = name
        self.folder = folder or Path(os.devnull) / name  # a folder that can't exist
        self._clock = clock
        self._collection = collection or _Collection(name)
        self._closed = False

    @contextmanager
    def read(self) -> Iterator[MemoryReader]:
        """Open one committed state, which later writes do not change."""
        self._check_usable()
        reader = MemoryReader(self._collection.state)
        try:
            yield reader
        finally:
            reader.expire()

    @contextmanager
    def write(
        self,
        *,
        kind: str,
        fingerprint: Fingerprint | None,
        settings: Mapping[str, Any],
        extractor: str = "",
        wait: float = 0.0,
    ) -> Iterator[MemoryWriter]:
        """Hold the writer lock and write, as one generation; a run that changes nothing leaves none."""
        self._check_usable()
        with self._collection.locked(wait=wait):
            self._check_usable()
            writer = MemoryWriter(
                self._collection, run=(kind, extractor, settings), fingerprint=fingerprint, clock=self._clock
            )
            with writer.run():
                yield writer

    def writer_holder(self, *, alone: bool = False) -> str:  # noqa: ARG002 (every holder is alone)
        """Return who holds the writer lock, in words; "" when nobody does."""
        self._check_usable()
        return self._collection.holder

    def verify(self) -> list[Problem]:
        """Check every chunk against its document, and every ingested file that still exists."""
        with self.read() as reader:
            problems = []
            for document in reader.documents.iterate():
                chunks = [row.chunk for row in reader.chunks.of_document(document.source)]
                try:
                    check_chunks(document, chunks)
                except InputError as error:
                    problems.append(Problem("chunk", document.source, error.message))
            return [*problems, *verify_files(reader.files, reader.documents.sources())]

    def doctor(self) -> dict[str, Any]:
        """Return the counts; nothing in memory can contradict them."""
        with self.read() as reader:
            counts = reader.counts()
            return {
                "documents": counts.documents,
                "chunks": counts.chunks,
                "vectors": counts.vectors,
                "revision": reader.revision,
                "problems": [],
            }

    def backup(self, target: Path) -> dict[str, Any]:
        """Raise StoreError: a collection in memory has no backup."""
        raise StoreError(f"{target} can't be written: {self.name!r} is in memory", cure="use a store on disk")

    def size(self) -> int:
        """Return the bytes of texts and vectors."""
        self._check_usable()
        state = self._collection.state
        texts = sum(len(item.document.text.encode()) for item in state.documents.values())
        return texts + sum(item.vector.nbytes for item in state.vectors.values())

    def follow_files(self) -> bool:
        """Return False: no other machine has these files."""
        return False

    def close(self) -> None:
        """Forbid further use of this object; the collection stays in its back end."""
        self._closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _check_usable(self) -> None:
        if self._closed:
            raise StoreError("this store is closed", cure="open it again")
        if self._collection.deleted:
            raise NotFoundError(f"the collection {self.name!r} was deleted", cure="create it again, or use another one")


class MemoryBackend:
    """Collections in the memory of this process, by location and name; see `ragkit.store.base.Backend`.

    Use it with `ragkit.store.opening.register_backend("memory", MemoryBackend())`, then `ragkit.open("memory://x")`.
    """

    def __init__(self, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._collections: dict[tuple[str, str], _Collection] = {}

    def open(self, location: str, name: str, *, create: bool = False) -> MemoryStore:
        """Open a collection. Raises InputError (bad name), NotFoundError (missing, `create` false)."""
        key = (location, check_name(name))
        with self._lock:
            if create:
                self._collections.setdefault(key, _Collection(name))
            if key not in self._collections:
                raise NotFoundError(f"there is no collection {name!r} in {location}", cure="create it")
            return MemoryStore(name, clock=self._clock, collection=self._collections[key])

    def create(self, location: str, name: str) -> None:
        """Make an empty collection. Raises InputError for a bad name, ConflictError if it exists."""
        key = (location, check_name(name))
        with self._lock:
            if key in self._collections:
                raise ConflictError(f"there is a collection {name!r} in {location} already", cure="choose another name")
            self._collections[key] = _Collection(name)

    def folder(self, location: str) -> Path:
        """Return a folder that does not exist: nothing of a collection in memory is in files."""
        return Path(os.devnull) / location.rpartition("://")[2]

    def identity(self, location: str, name: str) -> str | None:
        """Return what names a collection; None when there is none."""
        with self._lock:
            found = self._collections.get((location, name))
            return found.state.identity if found else None

    def names(self, location: str) -> list[str]:
        """Return the names of the collections, sorted."""
        with self._lock:
            return sorted(name for place, name in self._collections if place == location)

    def delete(self, location: str, name: str) -> None:
        """Delete a collection. Raises NotFoundError, and LockedError while it is written."""
        key = (location, check_name(name))
        with self._lock:
            if key not in self._collections:
                raise NotFoundError(f"there is no collection {name!r} in {location}", cure="create it")
            with self._collections[key].locked(wait=0):
                self._collections.pop(key).deleted = True

    def restore(self, file: Path, location: str, name: str) -> None:
        """Raise StoreError: there are no backups of collections in memory."""
        raise StoreError(f"{file} can't be restored as {name!r} in {location}: it is in memory", cure="use a folder")

    def database(self, location: str) -> None:
        """Return None: no other process sees what is in memory."""
        del location
