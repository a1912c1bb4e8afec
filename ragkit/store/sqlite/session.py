"""The statements of a run's transactions, in SQLite's SQL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple
from pathlib import Path
from typing import Any

import apsw

from ragkit.index.dense.quantizer import Quantizer
from ragkit.store.base import ChunkReader
from ragkit.store.encoding import encode_fingerprint
from ragkit.store.runs import Change, OpenGeneration, Run, Statement
from ragkit.store.session import WritingSession
from ragkit.store.sqlite.connection import one, rolled_back, savepoint, translated
from ragkit.store.sqlite.quantizers import is_quantizer_due, store_quantizer
from ragkit.store.sqlite.reading.reader import Reader
from ragkit.types.collection import Fingerprint


class Session(WritingSession):
    """A writing connection and the run that it is used for; see `WritingSession` for what it does when."""

    def __init__(self, connection: apsw.Connection, path: Path, *, run: Run) -> None:
        self.connection = connection
        self._path = path
        super().__init__(path.parent.name, run)

    @contextmanager
    def begin(self) -> Iterator[None]:
        """Run a body in a transaction; any error, in the commit too, rolls all of it back and is one of ragkit's."""
        with translated(self._path, writing=True), rolled_back(self.connection):
            yield

    def hold_alone(self) -> None:
        """Do nothing: the writer lock keeps every other run out."""

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Run a body as a part of the open transaction that can be undone by itself."""
        with translated(self._path, writing=True), savepoint(self.connection):
            yield

    def execute(self, statement: Statement) -> None:
        """Run a statement."""
        self.connection.execute(*statement)

    def rows(self, sql: str, bindings: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return all rows of a query."""
        return self.connection.execute(sql, bindings).fetchall()

    def state(self) -> tuple[int, int]:
        """Return the revision and the generation of the last commit."""
        revision, generation = one(self.connection, "SELECT revision, generation FROM state")
        return revision, generation

    def pins(self) -> tuple[str, str] | None:
        """Return the pinned settings and the fingerprint, both as JSON; None when nothing is pinned."""
        rows = self.rows("SELECT s.pinned, f.body FROM state AS s JOIN fingerprints AS f ON f.id = s.fingerprint")
        return (rows[0][0], rows[0][1]) if rows else None

    def store_pins(self, pins: str, *, only_if_free: bool) -> None:
        """Pin settings (JSON) and the run's fingerprint, or only where nothing is pinned."""
        condition = " AND fingerprint IS NULL" if only_if_free else ""
        self.connection.execute(
            f"UPDATE state SET fingerprint = ?, pinned = ? WHERE id = 1{condition}", (self.fingerprint_id(), pins)
        )

    def forget_pins(self) -> None:
        """Delete what is pinned."""
        self.connection.execute("UPDATE state SET pinned = NULL, fingerprint = NULL WHERE id = 1")

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

    def open_generation(self, values: OpenGeneration) -> None:
        """Insert the run's generation, unless it is there."""
        self.connection.execute(
            """INSERT OR IGNORE INTO generations (number, started_at, kind, model, fingerprint, extractor, settings,
            finished_at, added, changed, removed) VALUES (?, ?, ?, ?, ?, ?, ?, '', 0, 0, 0)""",
            astuple(values),
        )

    def count_revision(self, change: Change, revision: int) -> None:
        """Make a new revision of the run's generation, and add to what the generation added, changed and removed."""
        run = self.connection.execute
        last = self.rows("SELECT seq FROM sqlite_sequence WHERE name = 'chunks'")
        run("INSERT INTO revisions VALUES (?, ?)", (revision, last[0][0] if last else 0))
        run("UPDATE state SET revision = ?, generation = ? WHERE id = 1", (revision, self.generation))
        run(
            """UPDATE generations SET added = added + ?, changed = changed + ?, removed = removed + ?
            WHERE number = ?""",
            (change.added, change.changed, change.removed, self.generation),
        )

    def add_to_totals(self, change: Change) -> None:
        """Add a transaction's changes to the totals of the collection."""
        self.connection.execute(
            """UPDATE state SET documents = documents + ?, chunks = chunks + ?, characters = characters + ?,
            pages = pages + ?, vectors = vectors + ? WHERE id = 1""",
            (change.documents, change.chunks, change.characters, change.pages, change.vectors),
        )

    def finish_generation(self, at: str) -> None:
        """Write when the run's generation was finished; ISO 8601."""
        self.connection.execute("UPDATE generations SET finished_at = ? WHERE number = ?", (at, self.generation))

    def log_size(self) -> tuple[int, int]:
        """Return how many deleted chunks are logged, and how many chunks there are."""
        logged, chunks = one(self.connection, "SELECT (SELECT count(*) FROM removed_chunks), chunks FROM state")
        return logged, chunks

    def forget_log(self, revision: int) -> None:
        """Delete the log of chunks deleted before a revision: caches of an earlier one must rebuild."""
        self.connection.execute("DELETE FROM removed_chunks")
        self.connection.execute("DELETE FROM revisions WHERE revision < ?", (revision,))
        self.connection.execute("UPDATE state SET floor = ? WHERE id = 1", (revision,))

    def left_out(self) -> str | None:
        """Return the source of a document that the run's generation has not put; None when it has put all."""
        left = self.rows("SELECT source FROM documents WHERE generation <> ? LIMIT 1", (self.generation,))
        return left[0][0] if left else None

    @contextmanager
    def chunks(self) -> Iterator[ChunkReader]:
        """Open a reader of the chunks of the last commit; there is no other writer, so it needs no transaction."""
        yield Reader(self.connection, self._path).chunks

    def is_quantizer_due(self, chunks: ChunkReader) -> bool:
        """Tell whether a collection lacks a quantizer that it needs, or has one that it can't use or does not need."""
        return is_quantizer_due(self.connection, chunks)

    def store_quantizer(self, quantizer: Quantizer | None, fingerprint: Fingerprint | None) -> None:
        """Store a quantizer and delete any other, within a transaction; None only deletes."""
        store_quantizer(self.connection, quantizer, fingerprint)
