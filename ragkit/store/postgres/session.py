"""The transactions of one run: each commit updates totals, revision, generation, pinned settings and the log."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from ragkit.errors import ModelMismatchError, StoreError
from ragkit.index.dense.quantizer import Quantizer
from ragkit.store.checks import mismatch
from ragkit.store.encoding import decode_fingerprint, dump_settings, encode_fingerprint
from ragkit.store.postgres.connection import Connection, rolled_back, savepoint, translated
from ragkit.store.postgres.location import Location
from ragkit.store.postgres.quantizers import is_quantizer_due
from ragkit.store.postgres.reading.reader import Reader
from ragkit.store.postgres.reading.snapshot import Row, Snapshot
from ragkit.store.quantizers import encode_quantizer, train_for
from ragkit.store.runs import LOG_SLACK, Change, Stamp, iso, stamp_of
from ragkit.text.cleaning import show
from ragkit.types.collection import Fingerprint

Statement = tuple[str, Sequence[Any]]
_COUNTERS: Final = ("document", "chunk", "vector", "adapter", "quantizer")


@dataclass(frozen=True, slots=True)
class Run:
    """What is written, by what, and when. settings: kept with the generation; the collection pins some of them."""

    kind: str
    extractor: str
    settings: Mapping[str, Any]
    fingerprint: Fingerprint | None
    clock: Callable[[], datetime]


class Session:
    """The connection of a writer, which holds the writer lock of a collection, and the run that it is used for.

    It is not thread-safe: the Writer's lock guards it. Every statement has the collection as $1.
    """

    def __init__(self, connection: Connection, location: Location, collection: tuple[int, str], *, run: Run) -> None:
        """collection: its id in this database, and its name."""
        self.connection = connection
        self.fingerprint = run.fingerprint
        self.outer: Change | None = None
        self.pending: list[Statement] = []
        self.repinned = False
        self.ended = False
        self._location, self._run, self._collection = location, run, collection
        self._settings = dump_settings(run.settings)
        self._pins = {name: run.settings[name] for name in ("chunk", "model") if name in run.settings}
        self._opened = False
        state = Snapshot(connection, location, collection)
        self.revision = state.revision
        self.generation: int = state.generation + 1
        self._started = run.clock()
        self._mismatched = self._mismatch() is not None
        if run.kind != "rebuild":
            self.check_model()

    # ------------------------------------------------------------------ transactions

    @contextmanager
    def transaction(self) -> Iterator[Change]:
        """Open a transaction, or a savepoint within `atomic`; its end updates totals and revision."""
        if self.ended:
            raise StoreError("this writer's run has ended", cure="use it inside `with store.write(...)`")
        change = Change()
        with translated(self._location):
            if self.outer is not None:
                with savepoint(self.connection):
                    yield change
                self.outer.include(change)
                return
            pending, revision = len(self.pending), self.revision
            try:
                with rolled_back(self.connection):
                    for sql, bindings in self.pending[:pending]:
                        self.run(sql, bindings)
                    yield change
                    revision += change.touched
                    self._settle(change, revision)
            finally:  # a later transaction must not write what a failed one was to write
                del self.pending[:pending]
            self.revision = revision
            self._opened = self._opened or change.touched

    @contextmanager
    def atomic(self) -> Iterator[None]:
        """Make every transaction within the body part of one."""
        if self.outer is not None:
            raise StoreError("atomic() is open already", cure="don't nest it")
        try:
            with self.transaction() as change:
                self.outer = change
                try:
                    yield
                finally:
                    self.outer = None
        finally:
            self.repinned = False
        self._mismatched = self._mismatch() is not None

    def touch(self, change: Change) -> Stamp:
        """Open the generation, and pin the model if none is pinned, at the first change of a transaction."""
        if not change.touched:
            change.touched = True
            model, digest = ("", "") if self.fingerprint is None else (self.fingerprint.model, self.fingerprint.id)
            self.run(
                """INSERT INTO generations VALUES ($1, $2, $3, '', $4, 0, 0, 0, $5, $6, $7, $8)
                ON CONFLICT DO NOTHING""",
                (
                    self.generation,
                    iso(self._started),
                    self._run.kind,
                    model,
                    digest,
                    self._run.extractor,
                    self._settings,
                ),
            )
            if self.fingerprint is not None:
                self.pin(only_if_free=True)
        return stamp_of(self.generation, self._run.clock())

    def _settle(self, change: Change, revision: int) -> None:
        if self.repinned:
            self._check_rebuilt()
        if change.touched:
            self.run(
                "INSERT INTO revisions SELECT $1::integer, $2::bigint, last_chunk FROM collections WHERE id = $1",
                (revision,),
            )
            self.run("UPDATE collections SET revision = $2, generation = $3 WHERE id = $1", (revision, self.generation))
            self.run(
                """UPDATE generations SET added = added + $3, changed = changed + $4, removed = removed + $5
                WHERE collection = $1 AND number = $2""",
                (self.generation, change.added, change.changed, change.removed),
            )
        if change.touched or change.vectors:
            self.run(
                """UPDATE collections SET documents = documents + $2, chunks = chunks + $3,
                characters = characters + $4, pages = pages + $5, vectors = vectors + $6 WHERE id = $1""",
                (change.documents, change.chunks, change.characters, change.pages, change.vectors),
            )
        if change.forgets_log:
            self.forget_log(revision)

    def finish(self) -> None:
        """Mark the generation as finished, train a quantizer when the collection has outgrown its own, and keep the
        log of deleted chunks no longer than the collection."""
        if not self._opened:
            return
        with translated(self._location):
            state = Snapshot(self.connection, self._location, self._collection)
            chunks = Reader(state).chunks  # this session is the only writer, so it needs no transaction of its own
            renewed = is_quantizer_due(state, chunks)
            quantizer = train_for(chunks) if renewed else None
            with rolled_back(self.connection):
                if renewed:
                    self._store_quantizer(quantizer, state.fingerprint)
                self.run(
                    "UPDATE generations SET finished_at = $3 WHERE collection = $1 AND number = $2",
                    (self.generation, iso(self._run.clock())),
                )
                logged = self.rows("SELECT count(*) FROM removed_chunks WHERE collection = $1")[0][0]
                if logged > state.counts.chunks + LOG_SLACK:
                    self.forget_log(self.revision)

    def _store_quantizer(self, quantizer: Quantizer | None, fingerprint: Fingerprint | None) -> None:
        """Store a quantizer and delete any other; None only deletes."""
        self.run("DELETE FROM quantizers WHERE collection = $1")
        if quantizer is not None and fingerprint is not None:
            (number,) = self.new_ids("quantizer", 1)
            self.run(
                "INSERT INTO quantizers VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                (number, fingerprint.id, *encode_quantizer(quantizer)),
            )

    def forget_log(self, revision: int) -> None:
        """Delete the log of chunks deleted before a revision: caches of an earlier one must rebuild."""
        self.run("DELETE FROM removed_chunks WHERE collection = $1")
        self.run("DELETE FROM revisions WHERE collection = $1 AND revision < $2", (revision,))
        self.run("UPDATE collections SET floor = $2 WHERE id = $1", (revision,))

    # ------------------------------------------------------------------ statements

    def run(self, sql: str, bindings: Sequence[Any] = ()) -> int:
        """Run a statement and return how many rows it changed."""
        return self.connection.execute(sql, (self._collection[0], *bindings)).rowcount

    def run_for_each(self, sql: str, rows: Sequence[Sequence[Any]]) -> int:
        """Run a statement for each of some rows and return how many rows it changed in all."""
        if not rows:
            return 0
        with self.connection.cursor() as cursor:
            cursor.executemany(sql, [(self._collection[0], *row) for row in rows])
            return cursor.rowcount

    def rows(self, sql: str, bindings: Sequence[Any] = ()) -> list[Row]:
        """Return all rows of a query."""
        return self.connection.execute(sql, (self._collection[0], *bindings), binary=True).fetchall()

    def new_ids(self, kind: str, count: int) -> range:
        """Take ids that were never used in this collection. kind: document, chunk, vector, adapter or quantizer."""
        column = f"last_{_COUNTERS[_COUNTERS.index(kind)]}"
        last = self.rows(f"UPDATE collections SET {column} = {column} + $2 WHERE id = $1 RETURNING {column}", (count,))[
            0
        ][0]
        return range(last - count + 1, last + 1)

    # ------------------------------------------------------------------ the model

    def need_fingerprint(self) -> Fingerprint:
        """Return the run's fingerprint; StoreError when it has none."""
        if self.fingerprint is None:
            raise StoreError("this run has no model", cure="pass a fingerprint to store.write()")
        return self.fingerprint

    def check_model(self) -> None:
        """Raise ModelMismatchError unless the run's model and chunk settings are the collection's."""
        if not self._mismatched or self.repinned:
            return
        found = self._mismatch()  # clear() may have resolved it in this transaction
        if found is not None:
            raise found

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

    def pin(self, *, only_if_free: bool) -> None:
        """Make the run's model and settings the collection's."""
        condition = " AND fingerprint IS NULL" if only_if_free else ""
        self.run(
            f"UPDATE collections SET fingerprint = $2, pinned = $3 WHERE id = $1{condition}",
            (self.fingerprint_id(), dump_settings(self._pins)),
        )

    def _check_rebuilt(self) -> None:
        sql = "SELECT source FROM documents WHERE collection = $1 AND generation <> $2 LIMIT 1"
        left = self.rows(sql, (self.generation,))
        if left:
            raise StoreError(
                f"the rebuild left out {show(left[0][0], 120)!r}, so the collection stays as it was",
                cure="run: ragkit rebuild",
            )

    def _mismatch(self) -> ModelMismatchError | None:
        """Return why the run's vectors or chunks don't fit those of the collection; None when they do."""
        rows = self.rows(
            """SELECT s.pinned, f.body FROM collections AS s
            JOIN fingerprints AS f ON f.collection = s.id AND f.id = s.fingerprint WHERE s.id = $1"""
        )
        if not rows or self.fingerprint is None:
            return None
        pinned, stored = json.loads(rows[0][0]), decode_fingerprint(rows[0][1])
        wanted = json.loads(dump_settings(self._pins))
        return mismatch(self._collection[1], stored=(stored, pinned), wanted=(self.fingerprint, wanted))
