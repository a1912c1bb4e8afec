"""What a Writer changes, in SQLite's SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import apsw

from ragkit.store.base import Outcome
from ragkit.store.checks import is_text
from ragkit.store.encoding import DocumentRecord, encode_root
from ragkit.store.runs import Change, ChunkedDocument, Stamp, Statement, Vectors
from ragkit.store.sqlite.connection import one
from ragkit.store.sqlite.documents import drop_chunks, put_document, store_adapter, store_vectors
from ragkit.store.sqlite.reading.chunks import known_vectors
from ragkit.store.sqlite.session import Session
from ragkit.types.collection import FileState
from ragkit.types.documents import Chunk, Document

_VACUUM_PAGES: Final = 1_000


class SqliteStatements:
    """The statements of one session; see `ragkit.store.runs.Statements`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def can_hold(self, text: str) -> bool:
        """Tell whether a text is free of surrogates."""
        return is_text(text)

    def check(self, source: str, record: DocumentRecord, chunks: Sequence[Chunk]) -> None:
        """Accept every document that could be encoded."""

    def find(self, source: str) -> tuple[int, int, int] | None:
        """Return the id, the characters and the pages of a document; None when there is none."""
        rows = self._session.rows("SELECT id, characters, pages FROM documents WHERE source = ?", (source,))
        return (rows[0][0], rows[0][1], rows[0][2]) if rows else None

    def put(self, change: Change, document: Document, record: DocumentRecord, *, cut: ChunkedDocument) -> Outcome:
        """Insert or replace a document; an equal document that is stored already is not written."""
        return put_document(self._session, change, document, record, cut=cut)

    def delete_document(self, change: Change, document_id: int) -> None:
        """Delete a document with its chunks, and log their ids."""
        drop_chunks(self._session, change, document_id)
        self._run("DELETE FROM documents WHERE id = ?", (document_id,))

    def rename(self, old: str, new: str, *, stamp: Stamp) -> None:
        """Give a document another source."""
        self._run(
            "UPDATE documents SET source = ?, generation = ?, updated_at = ?, updated_us = ? WHERE source = ?",
            (new, *stamp, old),
        )

    def delete_all_documents(self) -> None:
        """Delete every document with its chunks."""
        self._run("DELETE FROM documents")

    def totals(self) -> tuple[int, int, int, int]:
        """Return the documents, chunks, characters and pages of the last commit."""
        documents, chunks, characters, pages = one(
            self._session.connection, "SELECT documents, chunks, characters, pages FROM state"
        )
        return documents, chunks, characters, pages

    def known_vectors(self, hashes: Sequence[bytes]) -> dict[bytes, Vectors]:
        """Return stored unit vectors (d,) of the run's model by hash; it needs no transaction."""
        session = self._session
        fingerprint = session.need_fingerprint()
        rows = session.rows("SELECT id FROM fingerprints WHERE digest = ?", (fingerprint.id,))
        if not rows:
            return {}
        return known_vectors(session.rows, hashes, fingerprint_id=rows[0][0], dimension=fingerprint.dimension)

    def store_vectors(
        self, change: Change, hashes: Sequence[bytes], vectors: Vectors, units: Sequence[Vectors | None]
    ) -> None:
        """Store the vectors that are missing, and those of units."""
        store_vectors(self._session, change, hashes, vectors, units)

    def delete_unused(self) -> int:
        """Delete vectors that no chunk uses, and fingerprints without vectors; return how many vectors."""
        dropped = self._run("DELETE FROM vectors WHERE NOT EXISTS (SELECT 1 FROM chunks WHERE vector_id = vectors.id)")
        self._run(
            """DELETE FROM fingerprints WHERE id NOT IN (SELECT fingerprint FROM vectors)
            AND id NOT IN (SELECT fingerprint FROM state WHERE fingerprint IS NOT NULL)"""
        )
        return dropped

    def give_space_back(self) -> None:
        """Shrink the file, when a quarter of it is free, and empty the write-ahead log."""
        connection = self._session.connection
        free = one(connection, "PRAGMA freelist_count")[0]
        if free > _VACUUM_PAGES and free * 4 > one(connection, "PRAGMA page_count")[0]:
            connection.execute("VACUUM")
        timeout = int(one(connection, "PRAGMA busy_timeout")[0])
        try:
            connection.set_busy_timeout(100)
            with suppress(apsw.BusyError):  # a reader still needs the log; a later checkpoint empties it
                connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        finally:
            connection.set_busy_timeout(timeout)

    def store_adapter(self, matrix: Vectors, evidence: Mapping[str, Any]) -> None:
        """Insert the query adapter."""
        store_adapter(self._session, matrix, evidence)

    def delete_adapters(self, *, but: str = "") -> int:
        """Delete the query adapters but those of a fingerprint; return how many."""
        return self._run("DELETE FROM adapters WHERE fingerprint <> ?", (but,))

    def record_file(self, state: FileState) -> Statement:
        """Return the statement that stores a file's state; the detail of its report is made valid UTF-8."""
        row = (state.source, state.size, state.mtime_ns, state.ctime_ns, state.sha256, state.extractor, state.reason)
        detail = state.detail.encode("utf-8", "backslashreplace").decode()
        return (
            "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (encode_root(state.root), state.path, *row, detail),
        )

    def forget_file(self, root: str, path: bytes) -> Statement:
        """Return the statement that deletes a file's state."""
        return "DELETE FROM files WHERE root = ? AND path = ?", (encode_root(root), path)

    def forget_files_of(self, source: str) -> None:
        """Delete the states of the files of a document."""
        self._run("DELETE FROM files WHERE source = ?", (source,))

    def forget_all_files(self) -> None:
        """Delete the states of all files."""
        self._run("DELETE FROM files")

    def execute(self, statement: Statement) -> None:
        """Run a statement of `record_file` or `forget_file`."""
        self._run(*statement)

    def _run(self, sql: str, bindings: Sequence[Any] = ()) -> int:
        """Run a statement and return how many rows it changed."""
        self._session.connection.execute(sql, bindings)
        return self._session.connection.changes()
