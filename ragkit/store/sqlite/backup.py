"""Back up a whole collection to one verified file while others read and write, and restore it."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Protocol

import apsw

from ragkit.errors import ConflictError, CorruptError, NotFoundError, StoreError
from ragkit.files import fsync_path
from ragkit.store.audit import verify_reader
from ragkit.store.sqlite.catalog import collection_folder, sync_folder
from ragkit.store.sqlite.connection import one, open_reader, rolled_back, translated
from ragkit.store.sqlite.integrity import check_file
from ragkit.store.sqlite.kept_files import pack, unpack
from ragkit.store.sqlite.reading.reader import Reader
from ragkit.store.sqlite.schema import FILE_NAME, SCHEMA_VERSION, check_version, migrate

_SEAL: Final = "CREATE TABLE backup (id INTEGER PRIMARY KEY CHECK (id = 1), body TEXT NOT NULL) STRICT"


class Copyable(Protocol):
    """A SQLite store, as far as a backup needs it."""

    @property
    def folder(self) -> Path:
        """The folder of the collection's files."""

    def copying(self) -> AbstractContextManager[apsw.Connection]:
        """Open a read transaction and hand out its connection."""


def backup(store: Copyable, target: Path) -> dict[str, Any]:
    """Write a collection's last committed state to one file; return what it holds, as JSON.

    The copy is checked by SQLite's integrity check, sealed with a SHA-256 over every row, fsynced and only then given
    its name, which must not be taken (ConflictError). Writers and readers continue. The collection's own prompts,
    examples, chains, feedback, traces and kept originals are in it (`files`; `left_out`: those that are no regular file
    or too large). The search indexes are not: they are rebuilt from the rest.
    """
    target = Path(target)
    check_target(target)
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        with store.copying() as source:
            _copy(source, temporary)
        report = _seal(temporary, store.folder)
        fsync_path(temporary)
        os.link(temporary, target)  # unlike a rename, it never replaces a file that was created in between
        temporary.unlink()
        sync_folder(target.parent)
    except FileExistsError as error:
        raise ConflictError(f"{target} exists already", cure="choose another name, or remove it") from error
    except OSError as error:
        raise StoreError(f"{target} can't be written ({error.strerror})", cure="choose another place") from error
    finally:
        _unlink(temporary)
    return {"file": str(target), "bytes": target.stat().st_size, **report}


def check_target(target: Path) -> None:
    """Raise ConflictError when a new file's name is taken, NotFoundError when its folder is missing."""
    if target.exists() or target.is_symlink():
        raise ConflictError(f"{target} exists already", cure="choose another name, or remove it")
    if not target.parent.is_dir():
        raise NotFoundError(f"there is no folder {target.parent}", cure="create it")


def restore(file: Path, data: Path, name: str) -> Path:
    """Make the collection `name` from a backup and return its folder.

    The file is verified first: integrity, the SHA-256 of its rows, every text, chunk and vector. Raises NotFoundError
    (no such file), CorruptError (damaged, or no backup), SchemaVersionError (of a newer ragkit), ConflictError (a
    collection of that name exists; nothing is overwritten).
    """
    folder = collection_folder(data, name)
    if folder.exists():
        raise ConflictError(f"there is a collection {name!r} in {data} already", cure="choose another name")
    _check_seal(Path(file))
    parent = folder.parent
    building = parent / f".restore-{name}-{secrets.token_hex(4)}"
    try:
        building.mkdir(parents=True)
        with translated(Path(file), writing=True), _reading(Path(file)) as source:
            _copy(source, building / FILE_NAME)
        _unseal(building / FILE_NAME, shown=Path(file))
        _audit(building / FILE_NAME, shown=Path(file))
        fsync_path(building / FILE_NAME)
        sync_folder(building)
        building.rename(folder)  # fails when a folder that is not empty was created in between
        sync_folder(parent)
    except OSError as error:
        raise StoreError(f"{folder} can't be made ({error.strerror})", cure="choose another name or place") from error
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return folder


def verify_backup(file: Path) -> dict[str, Any]:
    """Check a backup file without changing anything; return what it holds. Raises NotFoundError or CorruptError."""
    report = _check_seal(Path(file))
    with translated(Path(file), writing=False), _reading(Path(file)) as connection:
        current = check_version(connection, Path(file)) == SCHEMA_VERSION
    if current:
        _audit(Path(file), shown=Path(file))
    return report


def _check_seal(file: Path) -> dict[str, Any]:
    """Check a backup of this or an older version: SQLite's integrity checks, then its digest; return what it holds."""
    if not file.is_file():
        raise NotFoundError(f"there is no file {file}", cure="name a file that ragkit backup wrote")
    with translated(file, writing=False), _reading(file) as connection:
        try:
            check_version(connection, file)
        except NotFoundError as error:
            raise _no_backup(file, "it is empty") from error
        problems = check_file(connection)
        if problems:
            raise _no_backup(file, problems[0])
        if not connection.table_exists("main", "backup"):
            raise _no_backup(file, "it is not sealed")
        report: dict[str, Any] = json.loads(one(connection, "SELECT body FROM backup")[0])
        if report["sha256"] != _digest(connection):
            raise _no_backup(file, "its rows do not have their SHA-256")
    return report


def _audit(file: Path, *, shown: Path) -> None:
    """Check every text, chunk and vector of a database that nobody else uses. shown: the name in the error message."""
    with translated(shown, writing=False), _reading(file) as connection:
        connection.execute("BEGIN")
        for problem in verify_reader(Reader(connection, shown)):
            raise _no_backup(shown, str(problem))


def _copy(source: apsw.Connection, target: Path) -> None:
    """Copy all pages of a connection's snapshot into one file without a write-ahead log."""
    with translated(target, writing=True):
        copy = apsw.Connection(str(target))
        try:
            with copy.backup("main", source, "main") as pages:
                while not pages.done:
                    pages.step(1024)
            copy.execute("PRAGMA journal_mode = DELETE").fetchall()
        finally:
            copy.close()


def _seal(file: Path, folder: Path) -> dict[str, Any]:
    """Check a copy, add the collection's files, and write into it what it holds, with the digest of every row."""
    with translated(file, writing=True):
        connection = apsw.Connection(str(file), flags=apsw.SQLITE_OPEN_READWRITE)
        try:
            problems = check_file(connection)
            if problems:
                raise CorruptError(f"the collection is damaged ({problems[0]})", cure="run: ragkit doctor")
            documents, chunks, revision, generation = one(
                connection, "SELECT documents, chunks, revision, generation FROM state"
            )
            report = {
                "documents": documents,
                "chunks": chunks,
                "revision": revision,
                "generation": generation,
                "created_at": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            }
            with rolled_back(connection):
                connection.execute("DROP TABLE IF EXISTS backup")
                report["files"], report["left_out"] = pack(folder, connection)
                report["sha256"] = _digest(connection)
                connection.execute(_SEAL)
                connection.execute("INSERT INTO backup VALUES (1, ?)", (json.dumps(report),))
            return report
        finally:
            connection.close()


def _unseal(file: Path, *, shown: Path) -> None:
    with translated(file, writing=True):
        connection = apsw.Connection(str(file), flags=apsw.SQLITE_OPEN_READWRITE)
        try:
            with rolled_back(connection):
                connection.execute("DROP TABLE backup")
                unpack(connection, file.parent, shown=shown)
                connection.execute("UPDATE state SET identity = ?", (uuid.uuid4().hex,))  # no cache of another fits
            migrate(connection, file)
        finally:
            connection.close()


def _digest(connection: apsw.Connection) -> str:
    """Return a SHA-256 over the schema and every row of every table, in the order of their keys."""
    digest = hashlib.sha256()
    schema = connection.execute(
        """SELECT type, name, sql FROM sqlite_schema WHERE name NOT IN ('backup', 'sqlite_stat1', 'sqlite_stat4')
        ORDER BY name"""
    ).fetchall()
    digest.update(ascii(schema).encode())
    for name in (name for kind, name, _ in schema if kind == "table"):
        for row in connection.execute(f'SELECT * FROM "{name}"'):
            digest.update(ascii(row).encode())  # repr differs between versions of Unicode
    return digest.hexdigest()


@contextmanager
def _reading(file: Path) -> Iterator[apsw.Connection]:
    connection = open_reader(file)
    try:
        yield connection
    finally:
        connection.close()


def _no_backup(file: Path, why: str) -> CorruptError:
    return CorruptError(f"{file} is damaged or is no backup ({why})", cure="use another backup")


def _unlink(path: Path) -> None:
    with suppress(OSError):
        path.unlink(missing_ok=True)
        path.with_name(path.name + "-journal").unlink(missing_ok=True)
