"""SQL on one collection, outside of a reader's transaction: its id is $1 in every statement."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ragkit.store.postgres.connection import Connection, rolled_back
from ragkit.store.postgres.location import Location
from ragkit.store.postgres.lock import begin_turn
from ragkit.store.postgres.reading.chunks import ChunkReader
from ragkit.store.postgres.reading.kept import Kept
from ragkit.store.postgres.reading.snapshot import Row, Snapshot


class CollectionSql:
    """Runs statements on a connection with the id of a collection as the first bound value."""

    def __init__(self, connection: Connection, number: int) -> None:
        """number: the id of the collection in this database."""
        self.connection = connection
        self._id = number

    def run(self, sql: str, bindings: Sequence[Any] = ()) -> int:
        """Run a statement and return how many rows it changed."""
        return self.connection.execute(sql, (self._id, *bindings)).rowcount

    def run_for_each(self, sql: str, rows: Sequence[Sequence[Any]]) -> int:
        """Run a statement for each of some rows and return how many rows it changed in all."""
        if not rows:
            return 0
        with self.connection.cursor() as cursor:
            cursor.executemany(sql, [(self._id, *row) for row in rows])
            return cursor.rowcount

    def rows(self, sql: str, bindings: Sequence[Any] = ()) -> list[Row]:
        """Return all rows of a query."""
        return self.connection.execute(sql, (self._id, *bindings), binary=True).fetchall()

    def command(self, sql: str) -> None:
        """Run a statement that takes no bound values, such as one that makes an index."""
        self.connection.execute(sql)


class UpkeepSession(CollectionSql):
    """A connection for the upkeep of an index; see `ragkit.index.pgvector.sql.Session`."""

    def __init__(self, connection: Connection, location: Location, collection: tuple[int, str]) -> None:
        """collection: its id in this database, and its name."""
        super().__init__(connection, collection[0])
        self._place = location, collection

    @contextmanager
    def begin(self) -> Iterator[None]:
        """Run a body in a transaction when it is this session's turn; any error rolls all of it back."""
        with rolled_back(self.connection, begin=""):
            begin_turn(self.connection, self._id, self._place[1][1])
            yield

    def source(self) -> ChunkReader:
        """Return the chunks of the committed state that the next statements see."""
        return ChunkReader(Snapshot(self.connection, *self._place), kept=Kept())
