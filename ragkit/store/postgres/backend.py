"""The PostgreSQL back end: collections in one database, postgresql://USER@HOST:PORT/DATABASE."""

from __future__ import annotations

from pathlib import Path

from ragkit.store.postgres.catalog import collection_identity, create_collection, delete_collection, list_collections
from ragkit.store.postgres.location import parse_location
from ragkit.store.postgres.portable.backup import restore
from ragkit.store.postgres.sharing.database import Database
from ragkit.store.postgres.store import Store


class PostgresBackend:
    """Collections in one database, in its schema `ragkit`, for any number of machines."""

    def open(self, location: str, name: str, *, create: bool = False) -> Store:
        """Open a collection; see `Store`. Raises InputError for a bad name, ConfigError for a bad address."""
        return Store(parse_location(location), name, create=create)

    def create(self, location: str, name: str) -> None:
        """Make an empty collection. Raises InputError for a bad name, ConflictError if it exists."""
        create_collection(parse_location(location), name)

    def folder(self, location: str) -> Path:
        """Return where this machine keeps files for a database; see `Location.folder`."""
        return parse_location(location).folder

    def identity(self, location: str, name: str) -> str | None:
        """Return the identity of a collection; None when there is none of that name."""
        return collection_identity(parse_location(location), name)

    def names(self, location: str) -> list[str]:
        """Return the names of the collections, sorted; none when the database has none of ragkit's tables."""
        return list_collections(parse_location(location))

    def delete(self, location: str, name: str) -> None:
        """Delete a collection with everything in it. Raises NotFoundError, and LockedError while it is written."""
        delete_collection(parse_location(location), name)

    def restore(self, file: Path, location: str, name: str) -> None:
        """Make a collection from a backup file. Raises NotFoundError, CorruptError, ConflictError."""
        restore(file, parse_location(location), name)

    def database(self, location: str) -> Database:
        """Return the database, for tables of other programs."""
        return Database(parse_location(location))
