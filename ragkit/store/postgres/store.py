"""One collection in PostgreSQL. Readers see one committed state and never wait; writers take turns to commit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Self

import psycopg

from ragkit.errors import StoreError
from ragkit.store.audit import verify_reader
from ragkit.store.checks import check_name
from ragkit.store.pool import ReadPool
from ragkit.store.postgres.catalog import find_collection, local_folder, session
from ragkit.store.postgres.collection_sql import UpkeepSession
from ragkit.store.postgres.connection import Connection, connect, translated
from ragkit.store.postgres.integrity import collection_size, doctor_store
from ragkit.store.postgres.location import Location
from ragkit.store.postgres.lock import limit_turns, lock_for_writing, present_holders, release, writer_role
from ragkit.store.postgres.portable.backup import backup
from ragkit.store.postgres.reading.kept import Kept, UnitBodies
from ragkit.store.postgres.reading.reader import Reader
from ragkit.store.postgres.reading.snapshot import Snapshot
from ragkit.store.postgres.schema import check_version
from ragkit.store.postgres.session import Session
from ragkit.store.postgres.sharing.database import Database
from ragkit.store.postgres.sharing.files import OwnFiles
from ragkit.store.postgres.statements import PostgresStatements
from ragkit.store.rows import Problem
from ragkit.store.runs import Run
from ragkit.store.sharing.mirror import Mirror
from ragkit.store.source_files import verify_files
from ragkit.store.writer import Writer
from ragkit.types.collection import Fingerprint


def utc_now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)


class _Ended(StoreError):
    """The server has ended this connection."""


class Store:
    """One collection of a database, for many threads, processes and machines at once.

    Raises NotFoundError when there is none and `create` is False, SchemaVersionError when a newer ragkit wrote it. An
    older version is migrated. clock: for tests; returns an aware datetime.
    """

    def __init__(
        self, location: Location, name: str, *, create: bool = False, clock: Callable[[], datetime] = utc_now
    ) -> None:
        self.name = check_name(name)
        self.location = location
        self._pool: ReadPool[Connection] = ReadPool(partial(connect, location))
        connection = self._pool.take()
        try:
            with translated(location):
                number, identity = find_collection(connection, location, name, create=create)
        except BaseException:
            connection.close()
            raise
        self._pool.give(connection, intact=True)
        self.folder: Path = local_folder(identity)
        _make_folder(self.folder)
        self._collection = (number, name)
        self._files_database = Database(location)
        self._mirror = Mirror(self.folder, OwnFiles(self._files_database, number))
        self._clock = clock
        self._kept = Kept()

    @contextmanager
    def read(self) -> Iterator[Reader]:
        """Open one read transaction; its Reader returns one committed state, whatever is written in the meantime."""
        with self._reading() as (_, snapshot):
            yield Reader(snapshot, kept=self._kept)

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

        Several runs share the lock, but for one that rebuilds, clears or compacts: it holds the collection alone. The
        lock belongs to the session that writes: when its connection is lost, the server undoes the open transaction and
        releases the lock. See `ragkit.store.base.Store.write` for the parameters and errors.
        """
        self._pool.check_open()
        run = Run(kind, extractor, settings, fingerprint, self._clock)
        with session(self.location, role=writer_role()) as connection:
            lock_for_writing(connection, *self._collection, alone=run.rebuilds, wait=wait)
            try:
                limit_turns(connection)
                check_version(connection, self.location)
                writing = Session(connection, self.location, self._collection, run=run)
                writer = Writer(writing, PostgresStatements(writing))
                with writer.run():
                    yield writer
            finally:
                release(connection)

    def hold_units(self, files: UnitBodies) -> None:
        """Take the vectors of units from files of this machine where they have them; the others from the server."""
        self._kept.hold_units(files)

    @contextmanager
    def upkeep(self) -> Iterator[UpkeepSession]:
        """Open a session for the upkeep of search indexes in the database."""
        self._pool.check_open()
        with session(self.location, role="index") as connection:
            yield UpkeepSession(connection, self.location, self._collection)

    def writer_holder(self, *, alone: bool = False) -> str:
        """Return who writes, in words; "" when nobody does. alone: only a run that keeps others out."""
        with self._reading() as (connection, _):
            return present_holders(connection, self._collection[0], alone=alone)

    def verify(self) -> list[Problem]:
        """Check every document and every ingested file that still exists; see `audit.verify_reader`."""
        with self.read() as reader:
            return [*verify_reader(reader), *verify_files(reader.files, reader.documents.sources())]

    def doctor(self) -> dict[str, Any]:
        """Check the collection's rows against each other; see `integrity.doctor_store`."""
        return doctor_store(self)

    def backup(self, target: Path) -> dict[str, Any]:
        """Write the last committed state to one verified file, which either store restores; see `backup.backup`."""
        self.follow_files()
        return backup(self, target)

    def size(self) -> int:
        """Return the collection's share of the bytes of ragkit's tables; see `integrity.collection_size`."""
        with self.read() as reader:
            return collection_size(reader)

    def follow_files(self) -> bool:
        """Bring the collection's own files in line with those of other machines; see `Mirror.follow`."""
        self._pool.check_open()
        try:
            return self._mirror.follow()
        except OSError as error:
            raise StoreError(
                f"the files in {self.folder} can't be shared ({error.strerror or error})", cure="make it writable"
            ) from error

    def close(self) -> None:
        """Close every idle connection; those in use are closed when their reader ends. Later use raises StoreError."""
        self._pool.close()
        self._files_database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @contextmanager
    def _reading(self) -> Iterator[tuple[Connection, Snapshot]]:
        """Open one read transaction; its connection is used again, unless the server has ended it."""
        with translated(self.location):
            connection, snapshot = self._begin()
            try:
                yield connection, snapshot
            finally:
                snapshot.expire()
                with suppress(psycopg.Error):  # the error that ended the connection is the one to raise
                    if not connection.closed:
                        connection.execute("ROLLBACK")
                self._pool.give(connection, intact=not connection.closed)

    def _begin(self) -> tuple[Connection, Snapshot]:
        """Begin a read transaction; idle connections that the server has ended meanwhile are replaced."""
        while (idle := self._pool.take_idle()) is not None:
            with suppress(_Ended):
                return idle, self._snapshot(idle)
        connection = connect(self.location)
        return connection, self._snapshot(connection)

    def _snapshot(self, connection: Connection) -> Snapshot:
        """Begin a transaction. Raises _Ended for a connection that the server has ended, which is closed then."""
        try:
            return Snapshot(connection, self.location, self._collection, begin=True)
        except BaseException as error:
            ended = connection.closed
            connection.close()
            if ended and isinstance(error, StoreError):
                raise _Ended(error.message, cure=error.cure) from error
            raise


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"{folder} can't be created ({error.strerror})", cure="name another folder in RAGKIT_LOCAL"
        ) from error
