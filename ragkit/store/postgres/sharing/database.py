"""Tables of other programs in the schema `ragkit`: transactions over pooled connections, and a version for each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import psycopg

from ragkit.errors import SchemaVersionError
from ragkit.store.pool import ReadPool
from ragkit.store.postgres.connection import SCHEMA, Connection, connect, rolled_back, translated
from ragkit.store.postgres.location import Location
from ragkit.store.postgres.schema import SETUP_LOCK, create_tables, migrate
from ragkit.store.postgres.sharing.commits import CommitListener
from ragkit.store.sharing.database import Row

_VERSIONS: Final = "CREATE TABLE IF NOT EXISTS shared_versions (name text PRIMARY KEY, number integer NOT NULL)"


@dataclass(frozen=True, slots=True)
class OpenStatements:
    """The statements of an open transaction; see `ragkit.store.sharing.database.Statements`."""

    connection: Connection

    def rows(self, sql: str, bindings: Sequence[Any] = ()) -> list[Row]:
        """Return all rows of a query."""
        return self.connection.execute(sql, bindings, binary=True).fetchall()

    def changed(self, sql: str, bindings: Sequence[Any] = ()) -> int:
        """Run a statement and return how many rows it changed."""
        return self.connection.execute(sql, bindings).rowcount


class Database:
    """A database with tables of other programs; see `ragkit.store.sharing.database.SharedDatabase`."""

    def __init__(self, location: Location) -> None:
        self._location = location
        self._pool: ReadPool[Connection] = ReadPool(partial(connect, location, role="service"))

    def prepare(self, name: str, versions: Sequence[str]) -> None:
        """Make the tables of a program, or bring them to their last version; also those of the collections."""
        with self._connection() as connection:
            create_tables(connection, self._location)
            migrate(connection, self._location)
            if self._version(connection, name) == len(versions):
                return
            with rolled_back(connection):
                connection.execute("SELECT pg_advisory_xact_lock($1)", (SETUP_LOCK,))
                connection.execute(_VERSIONS)
                version = self._version(connection, name)
                if version > len(versions):
                    raise SchemaVersionError(
                        f"{self._location} has version {version} of the tables {name!r}, and this ragkit knows "
                        f"{len(versions)}",
                        cure="upgrade ragkit (pip install -U ragkit), or use another database",
                    )
                for script in versions[version:]:
                    connection.execute(script)
                connection.execute(
                    """INSERT INTO shared_versions VALUES ($1, $2)
                    ON CONFLICT (name) DO UPDATE SET number = excluded.number""",
                    (name, len(versions)),
                )

    @contextmanager
    def transaction(self) -> Iterator[OpenStatements]:
        """Run a body in one transaction; any error rolls all of it back."""
        with self._connection() as connection, rolled_back(connection):
            yield OpenStatements(connection)

    def watch_commits(self) -> CommitListener:
        """Return a watch over the commits to all collections, with a connection of its own."""
        return CommitListener(self._location)

    def close(self) -> None:
        """Close the idle connections, and the others when they are given back."""
        self._pool.close()

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        with translated(self._location):
            connection = self._take()
            try:
                yield connection
            finally:
                self._pool.give(connection, intact=not connection.closed)

    def _take(self) -> Connection:
        """Return a connection of the pool; idle ones that the server has ended meanwhile are replaced."""
        while (idle := self._pool.take_idle()) is not None:
            with suppress(psycopg.Error):
                idle.execute("SELECT 1")  # has the server ended this session?
                return idle
            idle.close()
        return connect(self._location, role="service")

    def _version(self, connection: Connection, name: str) -> int:
        """Return the version of a program's tables; 0 when there are none."""
        known = connection.execute("SELECT to_regclass($1) IS NOT NULL", (f"{SCHEMA}.shared_versions",)).fetchall()
        if not known[0][0]:
            return 0
        rows = connection.execute("SELECT number FROM shared_versions WHERE name = $1", (name,)).fetchall()
        return int(rows[0][0]) if rows else 0
