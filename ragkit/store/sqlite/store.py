"""One collection on disk, in SQLite. Readers see one committed state and never wait; there is one writer at a time."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final, Self

import apsw

from ragkit.errors import ConflictError, LockedError, NotFoundError, StorageFullError, StoreError
from ragkit.store.pool import ReadPool, Selections
from ragkit.store.rows import Problem
from ragkit.store.runs import Run
from ragkit.store.sqlite.backup import backup
from ragkit.store.sqlite.catalog import collection_folder, sync_folder
from ragkit.store.sqlite.connection import has_log, is_immutable, open_reader, open_writer, translated
from ragkit.store.sqlite.integrity import doctor_store, verify_store
from ragkit.store.sqlite.lock import present_holder, writer_lock
from ragkit.store.sqlite.reading.reader import Reader
from ragkit.store.sqlite.schema import FILE_NAME, SCHEMA_VERSION, check_version, create_tables, migrate
from ragkit.store.sqlite.session import Session
from ragkit.store.sqlite.statements import SqliteStatements
from ragkit.store.writer import Writer
from ragkit.types.collection import Fingerprint

_SETUP_TURNS: Final = 120
_SETUP_WAIT: Final = 0.25


def utc_now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)


class Store:
    """The database of one collection, for many threads and processes at once.

    folder is DATA/collections/NAME. Raises NotFoundError when there is none and `create` is False, SchemaVersionError
    when a newer ragkit wrote it, CorruptError when it is damaged. An older version is migrated.
    clock: for tests; returns an aware datetime.
    """

    def __init__(self, folder: Path, *, create: bool = False, clock: Callable[[], datetime] = utc_now) -> None:
        self.folder = Path(folder)
        self.name = self.folder.name
        self.path = self.folder / FILE_NAME
        self._clock = clock
        self._pool = ReadPool(partial(open_reader, self.path))
        self._units: dict[int, bytes] = {}
        self._selections = Selections()
        if create and not self._is_ready():
            self._prepare(create=True)
        elif self._version() < SCHEMA_VERSION:
            self._prepare(create=False)
        self._inode = self._stat()

    @contextmanager
    def read(self) -> Iterator[Reader]:
        """Open one read transaction; its Reader returns one committed state, whatever is written in the meantime."""
        with translated(self.path, writing=False):
            self._check_alive()
            connection = self._pool.take()
            reader = None
            try:
                guard = _frozen(self.path) if is_immutable(connection) else nullcontext()
                with guard:
                    connection.execute("BEGIN")
                    reader = Reader(connection, self.path, units=self._units, selections=self._selections)
                    yield reader
            finally:
                intact = reader is not None and not reader.broken
                if reader is not None:
                    reader.expire()
                if intact:
                    connection.execute("ROLLBACK")
                self._pool.give(connection, intact=intact and not is_immutable(connection))

    @contextmanager
    def copying(self) -> Iterator[apsw.Connection]:
        """Open a read transaction and hand out its connection, for a backup of that committed state."""
        with translated(self.path, writing=False):
            self._check_alive()
            connection = open_reader(self.path)
            try:
                connection.execute("BEGIN")
                Reader(connection, self.path).expire()  # fixes the snapshot
                yield connection
            finally:
                connection.close()

    @contextmanager
    def write(
        self,
        *,
        kind: str,
        fingerprint: Fingerprint | None,
        settings: Mapping[str, Any],
        extractor: str = "",
        wait: float = 0.0,
    ) -> Iterator[Writer]:
        """Hold the writer lock and write, as one generation; a run that changes nothing leaves none.

        fingerprint: of the model whose vectors will be put, None when none will be (removals, renames, compaction).
        settings: what the collection pins, `Settings.pinned()`; kept with the generation. wait: seconds to wait for
        the lock. Raises LockedError, and ModelMismatchError when the collection was built with another model or other
        chunk settings, unless kind is "rebuild" (see `Writer.repin`).
        """
        self._pool.check_open()
        with writer_lock(self.folder, wait=wait), translated(self.path, writing=True):
            self._check_alive()
            connection = open_writer(self.path)
            try:
                check_version(connection, self.path)
                run = Run(kind, extractor, settings, fingerprint, self._clock)
                session = Session(connection, self.path, run=run)
                writer = Writer(session, SqliteStatements(session))
                with writer.run():
                    yield writer
            finally:
                connection.close()

    def writer_holder(self, *, alone: bool = False) -> str:  # noqa: ARG002 (every holder is alone)
        """Return who holds the writer lock, in words; "" when nobody does."""
        self._pool.check_open()
        return present_holder(self.folder)

    def verify(self) -> list[Problem]:
        """Check every document and every ingested file that still exists; see `integrity.verify_store`."""
        return verify_store(self)

    def doctor(self) -> dict[str, Any]:
        """Check the database's consistency; see `integrity.doctor_store`."""
        return doctor_store(self)

    def backup(self, target: Path) -> dict[str, Any]:
        """Write the last committed state to one verified file; see `backup.backup`."""
        return backup(self, target)

    def size(self) -> int:
        """Return the bytes that the database takes on the disk, its write-ahead log included."""
        total = 0
        for suffix in ("", "-wal"):
            with suppress(FileNotFoundError):
                total += self.path.with_name(FILE_NAME + suffix).stat().st_size
        return total

    def follow_files(self) -> bool:
        """Return False: no other machine has these files."""
        return False

    def close(self) -> None:
        """Close every idle connection; those in use are closed when their reader ends. Later use raises StoreError."""
        self._pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _is_ready(self) -> bool:
        try:
            return self._version() == SCHEMA_VERSION
        except NotFoundError:
            return False

    def _version(self) -> int:
        with translated(self.path, writing=False):
            if not self.path.is_file():
                raise NotFoundError(
                    f"there is no collection {self.name!r} in {self.folder.parent.parent}",
                    cure="ingest a folder to make it, or list the collections with: ragkit collections",
                )
            try:
                connection = open_reader(self.path)
            except apsw.ReadOnlyError as error:
                # Only before its first commit has a collection a rollback journal, which a reader can't play back.
                if not self.path.with_name(f"{FILE_NAME}-journal").exists():
                    raise
                raise NotFoundError(
                    f"the creation of {self.path} was interrupted", cure="create the collection again"
                ) from error
            try:
                return check_version(connection, self.path)
            finally:
                connection.close()

    def _prepare(self, *, create: bool) -> None:
        """Create or migrate under the writer lock, unless another process has done it while this one waited."""
        if create:
            _make_folder(self.folder)
        for turn in range(_SETUP_TURNS):
            try:
                self._prepare_once(create=create)
                return
            except LockedError:
                if self._is_ready():
                    return
                if turn == _SETUP_TURNS - 1:
                    raise

    def _prepare_once(self, *, create: bool) -> None:
        with writer_lock(self.folder, wait=_SETUP_WAIT), translated(self.path, writing=True):
            try:
                connection = open_writer(self.path, create=create)
                try:
                    if create:
                        create_tables(connection)
                    migrate(connection, self.path)
                finally:
                    connection.close()
            except BaseException:
                if create:
                    _unmake(self.path)
                raise
        if create:
            sync_folder(self.folder)
            sync_folder(self.folder.parent)

    def _stat(self) -> tuple[int, int]:
        try:
            found = self.path.stat()
        except FileNotFoundError as error:
            raise NotFoundError(
                f"the collection {self.name!r} was deleted", cure="create it again, or use another one"
            ) from error
        return found.st_dev, found.st_ino

    def _check_alive(self) -> None:
        if self._stat() != self._inode:
            raise NotFoundError(f"the collection {self.name!r} was replaced by another", cure="open it again")


def create_collection(data: str | Path, name: str) -> None:
    """Make an empty collection in a data folder. Raises InputError for a bad name, ConflictError if it exists."""
    folder = collection_folder(data, name)
    if (folder / FILE_NAME).is_file():
        raise ConflictError(f"there is a collection {name!r} in {data} already", cure="use it, or choose another name")
    Store(folder, create=True).close()


def _make_folder(folder: Path) -> None:
    """Create a folder and its parents, and flush each new name to the disk."""
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for place in missing:
            sync_folder(place.parent)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFullError(f"the disk of {folder} is full", cure="free some space") from error
        raise StoreError(
            f"{folder} can't be created ({error.strerror})", cure="check the path and its permissions"
        ) from error


def _unmake(path: Path) -> None:
    """Delete a database whose creation failed before its first commit; the caller holds the writer lock."""
    try:
        connection = open_reader(path)
    except apsw.Error:
        born = path.exists() and path.stat().st_size > 0 and not path.with_name(f"{path.name}-journal").exists()
    else:
        with closing(connection):
            born = bool(connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()[0][0])
    if born:
        return
    for suffix in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


@contextmanager
def _frozen(path: Path) -> Iterator[None]:
    """Raise StoreError when a database that is read without locks, on read-only media, changed during the body."""
    before = path.stat()
    yield
    after = path.stat()
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns) or has_log(path):
        raise StoreError(
            f"{path} was changed while it was read without locks",
            cure="try again, or make its folder writable, so that locks can be taken",
        )
