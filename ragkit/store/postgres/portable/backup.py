"""Back up a collection to the portable file that every store restores, a sealed SQLite file, and restore it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import apsw

from ragkit.errors import ConflictError, StoreError
from ragkit.store.checks import check_name
from ragkit.store.postgres.catalog import insert_collection, local_folder, session
from ragkit.store.postgres.connection import rolled_back
from ragkit.store.postgres.location import Location
from ragkit.store.postgres.portable.tables import fill_collection, fill_file
from ragkit.store.postgres.reading.reader import Reader
from ragkit.store.postgres.schema import create_tables, migrate
from ragkit.store.postgres.sharing.database import Database
from ragkit.store.postgres.sharing.files import OwnFiles
from ragkit.store.sharing.mirror import FILES, FOLDERS, Mirror
from ragkit.store.sqlite import backup as sqlite_backup
from ragkit.store.sqlite.connection import open_reader, open_writer, translated
from ragkit.store.sqlite.schema import FILE_NAME
from ragkit.store.sqlite.schema import create_tables as create_file_tables

_BUILDING: Final = "collection"


class Copyable(Protocol):
    """A PostgreSQL store, as far as a backup needs it."""

    @property
    def folder(self) -> Path:
        """The folder of the collection's files on this machine."""

    def read(self) -> AbstractContextManager[Reader]:
        """Open one committed state."""


@dataclass(frozen=True, slots=True)
class _File:
    """A committed state, copied into a SQLite file. folder: where the collection's other files are."""

    folder: Path
    path: Path

    @contextmanager
    def copying(self) -> Iterator[apsw.Connection]:
        """Hand out a connection to the file."""
        with closing(open_reader(self.path)) as connection:
            yield connection


def backup(store: Copyable, target: Path) -> dict[str, Any]:
    """Write a collection's last committed state to one file; return what it holds, as JSON.

    See `ragkit.store.sqlite.backup.backup`: the file is the same, and what is true of it is true of this one. The
    own files of the collection are those of all machines. It takes the space of two such files while it is made.
    """
    target = Path(target)
    sqlite_backup.check_target(target)
    try:
        with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as building:
            path = Path(building) / FILE_NAME
            with translated(path, writing=True), closing(open_writer(path, create=True)) as file:
                create_file_tables(file)
                with store.read() as reader:
                    fill_file(reader, file)
            return sqlite_backup.backup(_File(store.folder, path), target)
    except OSError as error:
        raise StoreError(f"{target} can't be written ({error.strerror})", cure="choose another place") from error


def restore(file: Path, location: Location, name: str) -> None:
    """Make the collection `name` of a database from a backup of any store, in one transaction.

    The file is verified and restored to a temporary folder first. Raises NotFoundError (no such file), CorruptError
    (damaged, or no backup), SchemaVersionError (of a newer ragkit), ConflictError (a collection of that name exists).
    """
    check_name(name)
    try:
        with tempfile.TemporaryDirectory(prefix="ragkit-restore-") as data:
            folder = sqlite_backup.restore(file, Path(data), _BUILDING)
            _copy(folder, location, name)
    except OSError as error:
        raise StoreError(f"{file} can't be restored ({error.strerror})", cure="free some space") from error


def _copy(folder: Path, location: Location, name: str) -> None:
    """Copy a collection of a SQLite folder into a new collection of a database."""
    path = folder / FILE_NAME
    with session(location) as connection, translated(path, writing=False), closing(open_reader(path)) as file:
        create_tables(connection, location)
        migrate(connection, location)
        with rolled_back(connection):
            made = insert_collection(connection, name)
            if made is None:
                raise ConflictError(f"there is a collection {name!r} in {location} already", cure="choose another name")
            number, identity = made
            fill_collection(connection, number, file)
            _copy_files(folder, local_folder(identity))
    with closing(Database(location)) as database:  # other machines find the files from now on
        Mirror(local_folder(identity), OwnFiles(database, number)).follow()


def _copy_files(folder: Path, target: Path) -> None:
    """Copy the prompts, examples, chains, feedback, traces and originals of a collection."""
    target.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        if (folder / name).exists():
            shutil.copy2(folder / name, target / name)
    for name in FOLDERS:
        if (folder / name).is_dir():
            shutil.copytree(folder / name, target / name, dirs_exist_ok=True)
