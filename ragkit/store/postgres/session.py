"""The statements of a run's transactions, in PostgreSQL's SQL; $1 is the collection in every statement."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple
from typing import Literal

from ragkit.index.dense.quantizer import Quantizer
from ragkit.store.base import ChunkReader
from ragkit.store.encoding import encode_fingerprint
from ragkit.store.postgres.collection_sql import CollectionSql
from ragkit.store.postgres.connection import BEGIN_READING, Connection, rolled_back, savepoint, translated
from ragkit.store.postgres.location import Location
from ragkit.store.postgres.lock import begin_turn, lock_for_writing
from ragkit.store.postgres.reading.reader import Reader
from ragkit.store.postgres.reading.snapshot import Snapshot
from ragkit.store.postgres.sharing.commits import NOTICE
from ragkit.store.quantizers import encode_quantizer, is_due
from ragkit.store.runs import Change, OpenGeneration, Run, Statement
from ragkit.store.session import WritingSession
from ragkit.types.collection import Fingerprint

Counter = Literal["document", "chunk", "vector", "adapter", "quantizer"]
"""What has ids that are never used twice in a collection; the last one is in the column last_…"""


class Session(CollectionSql, WritingSession):
    """A session of the server that holds the writer lock, and the run that it is used for; see `WritingSession`.

    Each transaction begins by waiting for its turn (see `lock`), so it finds what all earlier ones committed, its
    revision is the next, and the ids of its chunks are greater than those of every revision before.
    """

    def __init__(self, connection: Connection, location: Location, collection: tuple[int, str], *, run: Run) -> None:
        """collection: its id in this database, and its name. Raises NotFoundError when it was deleted."""
        CollectionSql.__init__(self, connection, collection[0])
        self._location = location
        self._place = location, collection
        WritingSession.__init__(self, collection[1], run)

    @contextmanager
    def begin(self) -> Iterator[None]:
        """Run a body in a transaction, when it is this run's turn; any error, in the commit too, rolls all of it back.

        Errors are ragkit's; LockedError when another run does not end its turn in time.
        """
        with translated(self._location), rolled_back(self.connection, begin=""):
            self.revision, generation = begin_turn(self.connection, self._id, self._collection)
            if not self.opened:
                self.generation = generation + 1
            yield

    def hold_alone(self) -> None:
        """Keep every other run out until this session ends; LockedError names those that write now."""
        with translated(self._location):
            lock_for_writing(self.connection, self._id, self._collection, alone=True)

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Run a body as a part of the open transaction that can be undone by itself."""
        with translated(self._location), savepoint(self.connection):
            yield

    def execute(self, statement: Statement) -> None:
        """Run a statement."""
        self.run(*statement)

    def new_ids(self, kind: Counter, count: int) -> range:
        """Take ids that were never used in this collection, ascending."""
        last = f"last_{kind}"
        rows = self.rows(f"UPDATE collections SET {last} = {last} + $2 WHERE id = $1 RETURNING {last}", (count,))
        return range(rows[0][0] - count + 1, rows[0][0] + 1)

    def state(self) -> tuple[int, int]:
        """Return the revision and the generation of the last commit; NotFoundError when the collection was deleted."""
        state = Snapshot(self.connection, *self._place)
        return state.revision, state.generation

    def pins(self) -> tuple[str, str] | None:
        """Return the pinned settings and the fingerprint, both as JSON; None when nothing is pinned."""
        rows = self.rows(
            """SELECT s.pinned, f.body FROM collections AS s
            JOIN fingerprints AS f ON f.collection = s.id AND f.id = s.fingerprint WHERE s.id = $1"""
        )
        return (rows[0][0], rows[0][1]) if rows else None

    def store_pins(self, pins: str, *, only_if_free: bool) -> None:
        """Pin settings (JSON) and the run's fingerprint, or only where nothing is pinned."""
        condition = " AND fingerprint IS NULL" if only_if_free else ""
        self.run(
            f"UPDATE collections SET fingerprint = $2, pinned = $3 WHERE id = $1{condition}",
            (self.fingerprint_id(), pins),
        )

    def forget_pins(self) -> None:
        """Delete what is pinned."""
        self.run("UPDATE collections SET pinned = NULL, fingerprint = NULL WHERE id = $1")

    def known_fingerprint_id(self) -> int | None:
        """Return the id of the fingerprint's row, None when there is none."""
        sql = "SELECT id FROM fingerprints WHERE collection = $1 AND digest = $2"
        rows = self.rows(sql, (self.need_fingerprint().id,))
        return int(rows[0][0]) if rows else None

    def fingerprint_id(self) -> int:
        """Return the id of the fingerprint's row, inserted when it is missing; within a transaction."""
        known = self.known_fingerprint_id()
        if known is not None:
            return known
        fingerprint = self.need_fingerprint()
        rows = self.rows(
            """INSERT INTO fingerprints SELECT $1::integer, coalesce(max(id), 0) + 1, $2::text, $3::text
            FROM fingerprints WHERE collection = $1 RETURNING id""",
            (fingerprint.id, encode_fingerprint(fingerprint)),
        )
        return int(rows[0][0])

    def open_generation(self, values: OpenGeneration) -> None:
        """Insert the run's generation, unless it is there."""
        self.run(
            """INSERT INTO generations (collection, number, started_at, kind, model, fingerprint, extractor, settings,
            finished_at, added, changed, removed) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, '', 0, 0, 0)
            ON CONFLICT DO NOTHING""",
            astuple(values),
        )

    def count_revision(self, change: Change, revision: int) -> None:
        """Make a new revision of the run's generation, and add to what the generation added, changed and removed.

        The processes that listen are sent a notice with the commit.
        """
        self.run(
            "INSERT INTO revisions SELECT $1::integer, $2::bigint, last_chunk FROM collections WHERE id = $1",
            (revision,),
        )
        self.run(
            f"""UPDATE collections SET revision = $2, generation = greatest(generation, $3::bigint) WHERE id = $1
            RETURNING {NOTICE}""",
            (revision, self.generation),
        )
        self.run(
            """UPDATE generations SET added = added + $3, changed = changed + $4, removed = removed + $5
            WHERE collection = $1 AND number = $2""",
            (self.generation, change.added, change.changed, change.removed),
        )

    def add_to_totals(self, change: Change) -> None:
        """Add a transaction's changes to the totals of the collection."""
        self.run(
            """UPDATE collections SET documents = documents + $2, chunks = chunks + $3,
            characters = characters + $4, pages = pages + $5, vectors = vectors + $6 WHERE id = $1""",
            (change.documents, change.chunks, change.characters, change.pages, change.vectors),
        )

    def finish_generation(self, at: str) -> None:
        """Write when the run's generation was finished; ISO 8601."""
        self.run("UPDATE generations SET finished_at = $3 WHERE collection = $1 AND number = $2", (self.generation, at))

    def log_size(self) -> tuple[int, int]:
        """Return how many deleted chunks are logged, and how many chunks there are."""
        logged, chunks = self.rows(
            """SELECT (SELECT count(*) FROM removed_chunks WHERE collection = $1), chunks
            FROM collections WHERE id = $1"""
        )[0]
        return logged, chunks

    def forget_log(self, revision: int) -> None:
        """Delete the log of chunks deleted before a revision: caches of an earlier one must rebuild."""
        self.run("DELETE FROM removed_chunks WHERE collection = $1")
        self.run("DELETE FROM revisions WHERE collection = $1 AND revision < $2", (revision,))
        self.run("UPDATE collections SET floor = $2 WHERE id = $1", (revision,))

    def left_out(self) -> str | None:
        """Return the source of a document that the run's generation has not put; None when it has put all."""
        sql = "SELECT source FROM documents WHERE collection = $1 AND generation <> $2 LIMIT 1"
        left = self.rows(sql, (self.generation,))
        return left[0][0] if left else None

    @contextmanager
    def chunks(self) -> Iterator[ChunkReader]:
        """Open a reader of the chunks of the last commit, whatever other runs commit meanwhile."""
        with translated(self._location), rolled_back(self.connection, begin=BEGIN_READING):
            yield Reader(Snapshot(self.connection, *self._place)).chunks

    def is_quantizer_due(self, chunks: ChunkReader) -> bool:
        """Tell whether a collection lacks a quantizer that it needs, or has one that it can't use or does not need."""
        rows = self.rows("SELECT count, fingerprint FROM quantizers WHERE collection = $1")
        trained, trained_for = rows[0] if rows else (0, "")
        model = chunks.fingerprint.id if chunks.fingerprint else ""
        return is_due(chunks, chunks=self.log_size()[1], trained=trained, fits=trained_for == model)

    def store_quantizer(self, quantizer: Quantizer | None, fingerprint: Fingerprint | None) -> None:
        """Store a quantizer and delete any other, within a transaction; None only deletes."""
        self.run("DELETE FROM quantizers WHERE collection = $1")
        if quantizer is not None and fingerprint is not None:
            (number,) = self.new_ids("quantizer", 1)
            self.run(
                "INSERT INTO quantizers VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                (number, fingerprint.id, *encode_quantizer(quantizer)),
            )
