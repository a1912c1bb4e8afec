"""The SQLite back end: collections in folders of this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ragkit.store.sqlite.backup import restore
from ragkit.store.sqlite.catalog import collection_folder, delete_collection, list_collections
from ragkit.store.sqlite.store import Store, create_collection

_PREFIX: Final = "sqlite://"


class SqliteBackend:
    """Collections in folders of this machine: DATA/collections/NAME/collection.sqlite."""

    def open(self, location: str, name: str, *, create: bool = False) -> Store:
        """Open a collection; see `Store`. Raises InputError for a bad name."""
        return Store(collection_folder(_folder(location), name), create=create)

    def create(self, location: str, name: str) -> None:
        """Make an empty collection. Raises InputError for a bad name, ConflictError if it exists."""
        create_collection(_folder(location), name)

    def folder(self, location: str) -> Path:
        """Return the data folder itself."""
        return _folder(location)

    def identity(self, location: str, name: str) -> str | None:
        """Return device and inode of a collection's folder; they change if it is deleted and created again."""
        try:
            found = collection_folder(_folder(location), name).stat()
        except OSError:
            return None
        return f"{found.st_dev}:{found.st_ino}"

    def names(self, location: str) -> list[str]:
        """Return the names of the collections, sorted; none when there is no such folder."""
        return list_collections(_folder(location))

    def delete(self, location: str, name: str) -> None:
        """Delete a collection with everything in it. Raises NotFoundError, and LockedError while it is written."""
        delete_collection(_folder(location), name)

    def restore(self, file: Path, location: str, name: str) -> None:
        """Make a collection from a backup file. Raises NotFoundError, CorruptError, ConflictError."""
        Store(restore(file, _folder(location), name)).close()

    def database(self, location: str) -> None:
        """Return None: each collection is a file of its own, and the folder holds everything else."""
        del location


def _folder(location: str) -> Path:
    """Return the data folder of a location, which may have the scheme before it."""
    return Path(location.removeprefix(_PREFIX))
