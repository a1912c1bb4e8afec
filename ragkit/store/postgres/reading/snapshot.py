"""One read transaction: the committed state of a collection that it sees, and SQL on it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from typing import Any, Final

import numpy as np
import psycopg
from numpy.typing import NDArray

from ragkit.errors import NotFoundError, StoreError
from ragkit.store.encoding import StoredState
from ragkit.store.postgres.connection import BEGIN_READING, Connection, translate
from ragkit.store.postgres.encoding import is_storable, source_key
from ragkit.store.postgres.location import Location
from ragkit.text.cleaning import show

Row = tuple[Any, ...]

_STREAMED: Final = 2_000
_STATE: Final = """
SELECT s.identity, s.revision, s.generation, s.floor, s.documents, s.chunks, s.characters, s.pages, s.vectors,
  s.pinned, f.id, f.body, s.created_at,
  (SELECT a.id FROM adapters AS a WHERE a.collection = s.id AND a.fingerprint = f.digest)
FROM collections AS s LEFT JOIN fingerprints AS f ON f.collection = s.id AND f.id = s.fingerprint WHERE s.id = $1
"""


class Snapshot(StoredState):
    """A read transaction and the state of one collection in the commit that it sees.

    adapter_id: of the query adapter for the collection's model, None when there is none. documents: rows by id that
    were fetched before they are asked for: id, source, title, SHA-256, media type, metadata, pages.
    Raises NotFoundError when the collection was deleted.
    """

    def __init__(
        self, connection: Connection, location: Location, collection: tuple[int, str], *, begin: bool = False
    ) -> None:
        """collection: its id in this database, and its name. begin: the transaction, with the first read."""
        self._connection: Connection | None = connection
        self._lock = threading.Lock()  # an index in the database is searched by several threads, a pipeline is of one
        self._location = location
        self.collection, name = collection
        self.documents: dict[int, Row] = {}
        # The first read of the transaction fixes what all later ones see.
        rows = self.rows_of_each([(_STATE, ())], begin=begin)[0]
        if not rows:
            raise NotFoundError(f"the collection {name!r} was deleted", cure="create it again, or use another one")
        super().__init__(rows[0])
        self.adapter_id: int | None = rows[0][13]

    def expire(self) -> None:
        """Forbid further use, because the transaction has ended."""
        self._connection = None

    def rows(self, sql: str, bindings: Sequence[Any] = ()) -> list[Row]:
        """Return all rows of a query whose first bound value is the collection; errors become ragkit's."""
        connection = self._using()
        try:
            with self._lock:
                return connection.execute(sql, (self.collection, *bindings), binary=True).fetchall()
        except psycopg.Error as error:
            raise translate(error, self._location) from error

    def rows_of_each(self, queries: Sequence[tuple[str, Sequence[Any]]], *, begin: bool = False) -> list[list[Row]]:
        """Return the rows of some queries as `rows` does, in one round trip where libpq can. begin: a transaction."""
        connection = self._using()
        try:
            with self._lock, connection.pipeline() if psycopg.Pipeline.is_supported() else nullcontext():
                if begin:
                    connection.execute(BEGIN_READING)
                cursors = [
                    connection.execute(sql, (self.collection, *bindings), binary=True) for sql, bindings in queries
                ]
            return [cursor.fetchall() for cursor in cursors]
        except psycopg.Error as error:
            raise translate(error, self._location) from error

    def stream(self, sql: str) -> Iterator[Row]:
        """Yield the rows of a query whose $1 is the collection, some thousand in memory at a time."""
        connection = self._using()
        try:
            with psycopg.RawServerCursor(connection, "stream") as cursor:
                cursor.itersize = _STREAMED
                yield from cursor.execute(sql, (self.collection,), binary=True)
        except psycopg.Error as error:
            raise translate(error, self._location) from error

    def ids(self, sql: str, bindings: Sequence[Any] = ()) -> NDArray[np.int64]:
        """Return the ids of a query whose one column is named id, ascending; as text, they arrive faster."""
        joined = self.rows(f"SELECT string_agg(id::text, ',') FROM ({sql}) AS found", bindings)[0][0]
        if joined is None:
            return np.empty(0, dtype=np.int64)
        ids = np.fromstring(str(joined), dtype=np.int64, sep=",")
        ids.sort()
        return ids

    def _using(self) -> Connection:
        if self._connection is None:
            raise StoreError("this reader's transaction has ended", cure="use it inside `with store.read()`")
        return self._connection

    def document_row(self, sql: str, bindings: Sequence[Any], document: str | int) -> Row:
        """Return the row of one document, given by source or id; NotFoundError when there is none."""
        rows = self.rows(sql, bindings) if not isinstance(document, str) or is_storable(document) else []
        if not rows:
            name = repr(show(document, 120)) if isinstance(document, str) else f"number {document}"
            raise NotFoundError(f"there is no document {name}", cure="list them with: ragkit documents")
        return rows[0]

    def document_id(self, source: str) -> int:
        """Return the id of a document; raises NotFoundError."""
        key = source_key(source) if is_storable(source) else b""
        sql = "SELECT id FROM documents WHERE collection = $1 AND source_key = $2"
        return int(self.document_row(sql, (key,), source)[0])


def plain_ids(ids: Sequence[int] | NDArray[np.int64]) -> list[int]:
    """Return ids as the list that is bound to ANY."""
    return ids.tolist() if isinstance(ids, np.ndarray) else [int(item) for item in ids]
