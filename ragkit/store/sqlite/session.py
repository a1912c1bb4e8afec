"""The transactions of one run: each commit updates totals, revision, generation, pinned settings and the log."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import apsw

from ragkit.errors import ModelMismatchError, StoreError
from ragkit.store.checks import mismatch
from ragkit.store.encoding import decode_fingerprint, dump_settings, encode_fingerprint
from ragkit.store.quantizers import train_for
from ragkit.store.runs import LOG_SLACK, Change, Stamp, iso, stamp_of
from ragkit.store.sqlite.connection import one, rolled_back, savepoint, translated
from ragkit.store.sqlite.quantizers import is_quantizer_due, store_quantizer
from ragkit.store.sqlite.reading.reader import Reader
from ragkit.text.cleaning import show
from ragkit.types.collection import Fingerprint

Statement = tuple[str, Sequence[Any]]


class Session:
    """A writing connection and the run that it is used for. It is not thread-safe: the Writer's lock guards it."""

    def __init__(
        self,
        connection: apsw.Connection,
        *,
        run: tuple[str, str, Mapping[str, Any]],
        fingerprint: Fingerprint | None,
        path: Path,
        clock: Callable[[], datetime],
    ) -> None:
        """run: kind, extractor and settings."""
        self.connection = connection
        self.fingerprint = fingerprint
        self.outer: Change | None = None
        self.pending: list[Statement] = []
        self.repinned = False
        self.ended = False
        self._path, self._clock = path, clock
        self._collection = path.parent.name
        self._kind, self._extractor, settings = run
        self._settings = dump_settings(settings)
        self._pins = {name: settings[name] for name in ("chunk", "model") if name in settings}
        self._opened = False
        self.revision, generation = one(connection, "SELECT revision, generation FROM state")
        self.generation: int = generation + 1
        self._started = clock()
        self._mismatched = self._mismatch() is not None
        if self._kind != "rebuild":
            self.check_model()

    # ------------------------------------------------------------------ transactions

    @contextmanager
    def transaction(self) -> Iterator[Change]:
        """Open a transaction, or a savepoint within `atomic`; its end updates totals and revision."""
        if self.ended:
            raise StoreError("this writer's run has ended", cure="use it inside `with store.write(...)`")
        change = Change()
        with translated(self._path, writing=True):
            if self.outer is not None:
                with savepoint(self.connection):
                    yield change
                self.outer.include(change)
                return
            pending, revision = len(self.pending), self.revision
            try:
                with rolled_back(self.connection):
                    for sql, bindings in self.pending[:pending]:
                        self.connection.execute(sql, bindings)
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
        now = self._clock()
        if not change.touched:
            change.touched = True
            model, digest = ("", "") if self.fingerprint is None else (self.fingerprint.model, self.fingerprint.id)
            self.connection.execute(
                "INSERT OR IGNORE INTO generations VALUES (?, ?, '', ?, 0, 0, 0, ?, ?, ?, ?)",
                (self.generation, iso(self._started), self._kind, model, digest, self._extractor, self._settings),
            )
            if self.fingerprint is not None:
                self.pin(only_if_free=True)
        return stamp_of(self.generation, now)

    def _settle(self, change: Change, revision: int) -> None:
        run = self.connection.execute
        if self.repinned:
            self._check_rebuilt()
        if change.touched:
            last = self.rows("SELECT seq FROM sqlite_sequence WHERE name = 'chunks'")
            run("INSERT INTO revisions VALUES (?, ?)", (revision, last[0][0] if last else 0))
            run("UPDATE state SET revision = ?, generation = ? WHERE id = 1", (revision, self.generation))
            run(
                """UPDATE generations SET added = added + ?, changed = changed + ?, removed = removed + ?
                WHERE number = ?""",
                (change.added, change.changed, change.removed, self.generation),
            )
        if change.touched or change.vectors:
            run(
                """UPDATE state SET documents = documents + ?, chunks = chunks + ?, characters = characters + ?,
                pages = pages + ?, vectors = vectors + ? WHERE id = 1""",
                (change.documents, change.chunks, change.characters, change.pages, change.vectors),
            )
        if change.forgets_log:
            self.forget_log(revision)

    def finish(self) -> None:
        """Mark the generation as finished, train a quantizer when the collection has outgrown its own, and keep the
        log of deleted chunks no longer than the collection."""
        if not self._opened:
            return
        reader = Reader(
            self.connection, self._path
        )  # this process is the only writer, so it needs no transaction of its own
        renewed = is_quantizer_due(self.connection, reader.chunks)
        quantizer = train_for(reader.chunks) if renewed else None
        with rolled_back(self.connection):
            if renewed:
                store_quantizer(self.connection, quantizer, reader.fingerprint)
            self.connection.execute(
                "UPDATE generations SET finished_at = ? WHERE number = ?", (iso(self._clock()), self.generation)
            )
            logged = one(self.connection, "SELECT count(*) FROM removed_chunks")[0]
            chunks = one(self.connection, "SELECT chunks FROM state")[0]
            if logged > chunks + LOG_SLACK:  # a cache that is so far behind is rebuilt faster than it catches up
                self.forget_log(self.revision)

    def forget_log(self, revision: int) -> None:
        """Delete the log of chunks deleted before a revision: caches of an earlier one must rebuild."""
        self.connection.execute("DELETE FROM removed_chunks")
        self.connection.execute("DELETE FROM revisions WHERE revision < ?", (revision,))
        self.connection.execute("UPDATE state SET floor = ? WHERE id = 1", (revision,))

    def rows(self, sql: str, bindings: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return all rows of a query."""
        return self.connection.execute(sql, bindings).fetchall()

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
        mismatch = self._mismatch()  # clear() may have resolved it in this transaction
        if mismatch is not None:
            raise mismatch

    def fingerprint_id(self) -> int:
        """Return the id of the fingerprint's row, inserted when it is missing; within a transaction."""
        fingerprint = self.need_fingerprint()
        rows = self.rows("SELECT id FROM fingerprints WHERE digest = ?", (fingerprint.id,))
        if rows:
            return int(rows[0][0])
        self.connection.execute(
            "INSERT INTO fingerprints (digest, body) VALUES (?, ?)", (fingerprint.id, encode_fingerprint(fingerprint))
        )
        return int(self.connection.last_insert_rowid())

    def pin(self, *, only_if_free: bool) -> None:
        """Make the run's model and settings the collection's."""
        condition = " AND fingerprint IS NULL" if only_if_free else ""
        self.connection.execute(
            f"UPDATE state SET fingerprint = ?, pinned = ? WHERE id = 1{condition}",
            (self.fingerprint_id(), dump_settings(self._pins)),
        )

    def _check_rebuilt(self) -> None:
        left = self.rows("SELECT source FROM documents WHERE generation <> ? LIMIT 1", (self.generation,))
        if left:
            raise StoreError(
                f"the rebuild left out {show(left[0][0], 120)!r}, so the collection stays as it was",
                cure="run: ragkit rebuild",
            )

    def _mismatch(self) -> ModelMismatchError | None:
        """Return why the run's vectors or chunks don't fit those of the collection; None when they do."""
        rows = self.rows("SELECT s.pinned, f.body FROM state AS s JOIN fingerprints AS f ON f.id = s.fingerprint")
        if not rows or self.fingerprint is None:
            return None
        pinned, stored = json.loads(rows[0][0]), decode_fingerprint(rows[0][1])
        wanted = json.loads(dump_settings(self._pins))
        return mismatch(self._collection, stored=(stored, pinned), wanted=(self.fingerprint, wanted))
