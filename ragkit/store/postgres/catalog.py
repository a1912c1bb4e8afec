"""The collections of a database: find, list, make and delete them."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from ragkit.errors import ConflictError, NotFoundError
from ragkit.index.pgvector.hnsw import drop_hnsw
from ragkit.store.checks import check_name
from ragkit.store.postgres.collection_sql import CollectionSql
from ragkit.store.postgres.connection import Connection, connect, rolled_back, translated
from ragkit.store.postgres.location import FOLDER, Location, local_root
from ragkit.store.postgres.lock import begin_turn, lock_for_writing, writer_role
from ragkit.store.postgres.schema import CHILDREN_FIRST, check_version, create_tables, has_tables, migrate
from ragkit.store.runs import iso


def find_collection(connection: Connection, location: Location, name: str, *, create: bool) -> tuple[int, str]:
    """Return the id and the identity of a collection; make it, and the tables, when missing and `create` is true.

    An older version of the tables is migrated. Raises NotFoundError, SchemaVersionError.
    """
    if create:
        create_tables(connection, location)
    migrate(connection, location)
    found = _look_up(connection, name)
    if found is None and create:
        with rolled_back(connection):
            insert_collection(connection, name)
        found = _look_up(connection, name)
    if found is None:
        raise NotFoundError(
            f"there is no collection {name!r} in {location}",
            cure="ingest a folder to make it, or list the collections with: ragkit collections",
        )
    return found


def create_collection(location: Location, name: str) -> None:
    """Make an empty collection. Raises InputError for a bad name, ConflictError if it exists."""
    check_name(name)
    with session(location) as connection:
        create_tables(connection, location)
        migrate(connection, location)
        with rolled_back(connection):
            made = insert_collection(connection, name)
        if made is None:
            raise ConflictError(
                f"there is a collection {name!r} in {location} already", cure="use it, or choose another name"
            )


def insert_collection(connection: Connection, name: str) -> tuple[int, str] | None:
    """Insert an empty collection and return its id and identity; None when there is one of that name.

    Within a transaction.
    """
    identity = uuid.uuid4().hex
    rows = connection.execute(
        """INSERT INTO collections (name, identity, created_at, revision, generation, floor, documents, chunks,
        characters, pages, vectors) VALUES ($1, $2, $3, 0, 0, 0, 0, 0, 0, 0, 0) ON CONFLICT DO NOTHING RETURNING id""",
        (name, identity, iso(datetime.now(UTC))),
    ).fetchall()
    if not rows:
        return None
    connection.execute("INSERT INTO revisions VALUES ($1, 0, 0)", rows[0])
    return int(rows[0][0]), identity


def list_collections(location: Location) -> list[str]:
    """Return the names of the collections, sorted; none when the database has none of ragkit's tables."""
    with session(location) as connection:
        if not has_tables(connection):
            return []
        check_version(connection, location)
        return [row[0] for row in connection.execute("SELECT name FROM collections ORDER BY name").fetchall()]


def collection_identity(location: Location, name: str) -> str | None:
    """Return the identity of a collection; None when there is none of that name."""
    with session(location) as connection:
        found = _look_up(connection, name) if has_tables(connection) else None
    return found[1] if found else None


def delete_collection(location: Location, name: str) -> None:
    """Delete a collection with everything in it, in one transaction, and its files on this machine.

    Raises NotFoundError, and LockedError while it is being written. A process that has it open gets NotFoundError.
    """
    check_name(name)
    with session(location, role=writer_role()) as connection:
        found = _look_up(connection, name) if has_tables(connection) else None
        if found is None:
            raise NotFoundError(
                f"there is no collection {name!r} in {location}", cure="list them with: ragkit collections"
            )
        number, identity = found
        lock_for_writing(connection, number, name, alone=True)
        with rolled_back(connection, begin=""):
            begin_turn(connection, number, name)
            for table in CHILDREN_FIRST:
                connection.execute(f"DELETE FROM {table} WHERE collection = $1", (number,))
            connection.execute("DELETE FROM collections WHERE id = $1", (number,))
        drop_hnsw(CollectionSql(connection, number))
    shutil.rmtree(local_folder(identity), ignore_errors=True)


def local_folder(identity: str) -> Path:
    """Return where this machine keeps the files of a collection: its caches, prompts, examples and originals."""
    return local_root(os.environ) / FOLDER / "collections" / identity


@contextmanager
def session(location: Location, *, role: str = "reader") -> Iterator[Connection]:
    """Open a connection for the body; errors of PostgreSQL become ragkit's."""
    with translated(location), closing(connect(location, role=role)) as connection:
        yield connection


def _look_up(connection: Connection, name: str) -> tuple[int, str] | None:
    rows = connection.execute("SELECT id, identity FROM collections WHERE name = $1", (name,)).fetchall()
    return (int(rows[0][0]), str(rows[0][1])) if rows else None
