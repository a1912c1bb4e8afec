"""Open SQLite connections, run transactions, and translate SQLite's errors into ragkit's."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import apsw

from ragkit.errors import CorruptError, LockedError, NotFoundError, RagkitError, StorageFullError, StoreError

BUSY_TIMEOUT_MS: Final = 5_000
SAFE_SQLITE: Final = (3, 51, 3)
"""Older versions have the WAL-reset bug, which can corrupt a database with several processes."""
_NEEDS_SPACE: Final = frozenset(
    {apsw.SQLITE_IOERR_SHMSIZE, apsw.SQLITE_IOERR_SHMMAP, apsw.SQLITE_IOERR_SHMOPEN, apsw.SQLITE_IOERR_WRITE}
)
"""Errors that a full disk causes in a reader: the first one creates the index of the write-ahead log."""
_MAPPED = 2**40
"""Bytes to map; SQLite caps it at its build limit of 2 GB and reads the rest."""
_CURE = "restore a backup (ragkit restore), or delete the collection and ingest again"


def open_reader(path: Path) -> apsw.Connection:
    """Open a connection that can't write: no row, no checkpoint, no recovery except of the shared memory.

    On read-only media a database without a write-ahead log is opened as immutable (see `is_immutable`).
    """
    try:
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        _harden(connection)
        _map(connection)
        connection.pragma("query_only", True)
        connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchall()
        return connection
    except (apsw.CantOpenError, apsw.ReadOnlyError):
        if not path.is_file() or os.access(path.parent, os.W_OK) or has_log(path):
            raise
    uri = f"file:{quote(os.fsencode(path))}?immutable=1"
    connection = apsw.Connection(uri, flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)
    _harden(connection)
    _map(connection)
    return connection


def has_log(path: Path) -> bool:
    """Tell whether a database has a write-ahead log that is not empty."""
    try:
        return path.with_name(path.name + "-wal").stat().st_size > 0
    except FileNotFoundError:
        return False


def is_immutable(connection: apsw.Connection) -> bool:
    """Tell whether a connection was opened as immutable: it takes no locks, so the file must not change meanwhile."""
    return bool(connection.open_flags & apsw.SQLITE_OPEN_URI)


def open_writer(path: Path, *, create: bool = False) -> apsw.Connection:
    """Open a connection that writes. The caller holds the writer lock until the connection is closed."""
    flags = apsw.SQLITE_OPEN_READWRITE | (apsw.SQLITE_OPEN_CREATE if create else 0)
    connection = apsw.Connection(str(path), flags=flags)
    try:
        _harden(connection)
        if create:
            connection.execute("PRAGMA page_size = 8192")
        connection.execute("PRAGMA journal_mode = WAL").fetchall()
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA journal_size_limit = 67108864").fetchall()
    except BaseException:
        connection.close()
        raise
    return connection


def _harden(connection: apsw.Connection) -> None:
    connection.set_busy_timeout(BUSY_TIMEOUT_MS)
    connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)
    connection.config(apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0)
    connection.config(apsw.SQLITE_DBCONFIG_DQS_DML, 0)
    connection.config(apsw.SQLITE_DBCONFIG_DQS_DDL, 0)
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0)
    connection.execute("PRAGMA cell_size_check = ON")
    connection.execute("PRAGMA mmap_size = 0").fetchall()
    connection.execute("PRAGMA cache_size = -8192")


def _map(connection: apsw.Connection) -> None:
    """Map the database into memory: a question reads some 200 pages, which saves a millisecond.

    SQLite would check every cell of a mapped page on each access, so only writers and `ragkit verify` make that check;
    it never reads past the end of a page either way.
    """
    connection.execute(f"PRAGMA mmap_size = {_MAPPED}").fetchall()
    connection.execute("PRAGMA cell_size_check = OFF")


def one(connection: apsw.Connection, sql: str, bindings: Sequence[Any] = ()) -> tuple[Any, ...]:
    """Return the one row of a query; the statement is finished, so that it holds no transaction open."""
    rows = connection.execute(sql, bindings).fetchall()
    return rows[0]


@contextmanager
def rolled_back(connection: apsw.Connection) -> Iterator[None]:
    """Run a body in BEGIN IMMEDIATE … COMMIT; any error, in the commit too, rolls all of it back."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # SQLite itself rolls back after a full disk and some I/O errors
            connection.execute("ROLLBACK")
        raise


@contextmanager
def savepoint(connection: apsw.Connection) -> Iterator[None]:
    """Run a body as a part of the open transaction that can be undone by itself.

    On a full disk SQLite may roll back the whole transaction by itself: then there is nothing left to undo here, and
    the outer commit fails.
    """
    if not connection.in_transaction:
        raise StoreError("the transaction was rolled back after a disk error", cure="begin it again")
    connection.execute("SAVEPOINT part")
    try:
        yield
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK TO part")
            connection.execute("RELEASE part")
        raise
    connection.execute("RELEASE part")


@contextmanager
def translated(path: Path, *, writing: bool) -> Iterator[None]:
    """Translate an error of SQLite within the body into one of ragkit's, with its cure."""
    try:
        yield
    except apsw.Error as error:
        raise translate(error, path, writing=writing) from error


def translate(error: apsw.Error, path: Path, *, writing: bool) -> RagkitError:
    """Return ragkit's error for an error of SQLite, with the cure."""
    said = str(error).removesuffix("\n") or type(error).__name__
    refused = isinstance(error, apsw.IOError) and (writing or getattr(error, "extendedresult", 0) in _NEEDS_SPACE)
    if refused or isinstance(error, apsw.FullError):
        return StorageFullError(
            f"the disk of {path} refuses writes ({said}); what was committed is kept",
            cure="free some space, then run the command again",
        )
    if isinstance(error, apsw.CorruptError | apsw.NotADBError):
        return CorruptError(f"{path} is damaged ({said})", cure=_CURE)
    if isinstance(error, apsw.BusyError | apsw.LockedError):
        return LockedError(
            f"{path} is locked by a program that is not ragkit ({said})", cure="close that program and try again"
        )
    if isinstance(error, apsw.CantOpenError):
        return _cannot_open(path, said)
    if isinstance(error, apsw.ReadOnlyError):
        return StoreError(f"{path} can't be written ({said})", cure="check the permissions of the data folder")
    if isinstance(error, apsw.IOError):
        return StoreError(f"{path} can't be read ({said})", cure="check the disk; then " + _CURE)
    return StoreError(f"SQLite failed on {path} ({said})", cure="run: ragkit doctor")


def _cannot_open(path: Path, said: str) -> RagkitError:
    if not path.exists():
        return NotFoundError(f"there is no collection at {path.parent}", cure="list them with: ragkit collections")
    if has_log(path):
        return StoreError(
            f"{path} can't be opened ({said}): it has a write-ahead log and its folder is read-only",
            cure="open it once where its folder is writable, then copy it again",
        )
    return StoreError(f"{path} can't be opened ({said})", cure="check the permissions of the data folder")
