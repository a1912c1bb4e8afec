"""What the indexes in PostgreSQL ask of the store: SQL on a reader's transaction, and sessions for upkeep."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final, Protocol

from ragkit.index.base import ChunkSource

Row = tuple[Any, ...]

TABLES: Final = """
CREATE TABLE lexicons (
  collection integer PRIMARY KEY REFERENCES collections (id), built bigint NOT NULL, last bigint NOT NULL
);
CREATE TABLE chunk_terms (
  collection integer NOT NULL, chunk_id bigint NOT NULL, packed bytea NOT NULL, PRIMARY KEY (collection, chunk_id),
  FOREIGN KEY (collection, chunk_id) REFERENCES chunks (collection, id) ON DELETE CASCADE
);
CREATE TABLE postings (
  collection integer NOT NULL REFERENCES collections (id), field smallint NOT NULL, term text COLLATE "C" NOT NULL,
  high integer NOT NULL, size bigint NOT NULL, body bytea NOT NULL
);
ALTER TABLE postings ALTER COLUMN body SET STORAGE EXTERNAL;
CREATE INDEX postings_term ON postings (collection, field, term) INCLUDE (size);
CREATE TABLE term_totals (
  collection integer NOT NULL REFERENCES collections (id), language text COLLATE "C" NOT NULL, chunks bigint NOT NULL,
  body bigint NOT NULL, context bigint NOT NULL
);
CREATE INDEX term_totals_collection ON term_totals (collection);
"""
"""A row of `lexicons` says that a collection has its terms in these tables: writers keep those of all chunks after
`last`, and those of the earlier ones are built up to `built`. Without a row, writers keep none.

chunk_terms: `Terms.packed` of each chunk. postings: where a term occurs (see `postings.encode`), a few chunks a row
when they are written, and thousands after `upkeep.merge`; a row of negative size and without a body takes deleted
chunks off a term's count. term_totals: chunks and terms by language, in rows that add up. Rows are only ever added by
writers, so that no writer waits for another.
"""
TABLE_NAMES: Final = ("chunk_terms", "postings", "term_totals", "lexicons")
"""In the order in which the rows of a collection can be deleted, before those of its chunks."""


class Sql(Protocol):
    """Statements of a transaction; the id of the collection is $1 in each, before what is bound."""

    def rows(self, sql: str, bindings: Sequence[Any] = ()) -> list[Row]:
        """Return all rows of a query, bytea and halfvec in their binary form."""

    def run(self, sql: str, bindings: Sequence[Any] = ()) -> int:
        """Run a statement and return how many rows it changed."""

    def command(self, sql: str) -> None:
        """Run a statement that takes no bound values, such as one that makes an index."""


class Session(Sql, Protocol):
    """A connection for the upkeep of an index, outside of transactions unless it opens one."""

    def begin(self) -> AbstractContextManager[None]:
        """Run a body in a transaction while no writer is in one of its own; any error rolls all of it back."""

    def source(self) -> SqlSource:
        """Return the chunks of the committed state that the next statements see."""


class SqlSource(ChunkSource, Protocol):
    """A ChunkSource whose state can be asked by SQL."""

    @property
    def collection(self) -> int:
        """The id of the collection in the database."""

    @property
    def fingerprint_id(self) -> int | None:
        """The id of the fingerprint's row, None before the first write."""

    def query(self, sql: str, bindings: Sequence[Any] = ()) -> list[Row]:
        """Return all rows of a query on this state, as `Sql.rows` does."""

    def query_each(self, queries: Sequence[tuple[str, Sequence[Any]]]) -> list[list[Row]]:
        """Return the rows of some queries as `query` does, in one round trip where that is possible."""


Sessions = Callable[[], AbstractContextManager[Session]]
"""Opens a session for upkeep."""


def keeps_terms(sql: Sql) -> bool:
    """Return whether writers keep the terms of a collection in the tables."""
    return bool(sql.rows("SELECT 1 FROM lexicons WHERE collection = $1"))
