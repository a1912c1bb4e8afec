"""What a Writer changes, in PostgreSQL's SQL; $1 is the collection in every statement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ragkit.errors import InputError
from ragkit.index.pgvector.sql import keeps_terms
from ragkit.index.pgvector.writing import drop_all_terms
from ragkit.store.base import Outcome
from ragkit.store.encoding import DocumentRecord, encode_root
from ragkit.store.postgres.documents import drop_chunks, put_document, store_adapter, store_vectors
from ragkit.store.postgres.encoding import check_storable, file_key, file_values, is_storable, source_key
from ragkit.store.postgres.reading.chunks import known_vectors
from ragkit.store.postgres.session import Session
from ragkit.store.runs import Change, ChunkedDocument, Stamp, Statement, Vectors
from ragkit.types.collection import FileState
from ragkit.types.documents import Chunk, Document

_PUT_FILE: Final = """INSERT INTO files VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
ON CONFLICT (collection, file_key) DO UPDATE SET source_key = excluded.source_key, source = excluded.source,
  size = excluded.size, mtime_ns = excluded.mtime_ns, ctime_ns = excluded.ctime_ns, sha256 = excluded.sha256,
  extractor = excluded.extractor, reason = excluded.reason, detail = excluded.detail"""
_UNUSED_VECTORS: Final = """DELETE FROM vectors AS v WHERE v.collection = $1 AND NOT EXISTS (
  SELECT 1 FROM chunks AS c WHERE c.collection = v.collection AND c.vector_id = v.id)"""
_UNUSED_FINGERPRINTS: Final = """DELETE FROM fingerprints AS f USING collections AS s
WHERE f.collection = $1 AND s.id = $1 AND f.id IS DISTINCT FROM s.fingerprint AND NOT EXISTS (
  SELECT 1 FROM vectors AS v WHERE v.collection = f.collection AND v.fingerprint = f.id)"""


class PostgresStatements:
    """The statements of one session; see `ragkit.store.runs.Statements`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def can_hold(self, text: str) -> bool:
        """Tell whether a text is free of NUL and surrogates."""
        return is_storable(text)

    def check(self, source: str, record: DocumentRecord, chunks: Sequence[Chunk]) -> None:
        """Raise InputError for a NUL, which PostgreSQL can't store."""
        check_storable(source, record, chunks)

    def find(self, source: str) -> tuple[int, int, int] | None:
        """Return the id, the characters and the pages of a document; None when there is none."""
        rows = self._session.rows(
            "SELECT id, characters, pages FROM documents WHERE collection = $1 AND source_key = $2",
            (source_key(source),),
        )
        return (rows[0][0], rows[0][1], rows[0][2]) if rows else None

    def put(self, change: Change, document: Document, record: DocumentRecord, *, cut: ChunkedDocument) -> Outcome:
        """Insert or replace a document; an equal document that is stored already is not written."""
        return put_document(self._session, change, document, record, cut=cut)

    def delete_document(self, change: Change, document_id: int) -> None:
        """Delete a document with its chunks, and log their ids."""
        drop_chunks(self._session, change, document_id)
        self._session.run("DELETE FROM documents WHERE collection = $1 AND id = $2", (document_id,))

    def rename(self, old: str, new: str, *, stamp: Stamp) -> None:
        """Give a document another source."""
        self._session.run(
            """UPDATE documents SET source_key = $3, source = $4, generation = $5, updated_at = $6, updated_us = $7
            WHERE collection = $1 AND source_key = $2""",
            (source_key(old), source_key(new), new, *stamp),
        )

    def delete_all_documents(self) -> None:
        """Delete every document with its chunks."""
        if keeps_terms(self._session):
            drop_all_terms(self._session)
        self._session.run("DELETE FROM documents WHERE collection = $1")

    def totals(self) -> tuple[int, int, int, int]:
        """Return the documents, chunks, characters and pages of the last commit."""
        rows = self._session.rows("SELECT documents, chunks, characters, pages FROM collections WHERE id = $1")
        documents, chunks, characters, pages = rows[0]
        return documents, chunks, characters, pages

    def known_vectors(self, hashes: Sequence[bytes]) -> dict[bytes, Vectors]:
        """Return stored unit vectors (d,) of the run's model by hash; it needs no transaction."""
        session = self._session
        number, dimension = session.known_fingerprint_id(), session.need_fingerprint().dimension
        if number is None:
            return {}
        return known_vectors(session.rows, hashes, fingerprint_id=number, dimension=dimension)

    def store_vectors(
        self, change: Change, hashes: Sequence[bytes], vectors: Vectors, units: Sequence[Vectors | None]
    ) -> None:
        """Store the vectors that are missing, and those of units."""
        store_vectors(self._session, change, hashes, vectors, units)

    def delete_unused(self) -> int:
        """Delete vectors that no chunk uses, and fingerprints without vectors; return how many vectors."""
        dropped = self._session.run(_UNUSED_VECTORS)
        self._session.run(_UNUSED_FINGERPRINTS)
        return dropped

    def give_space_back(self) -> None:
        """Leave that to the server's autovacuum."""

    def store_adapter(self, matrix: Vectors, evidence: Mapping[str, Any]) -> None:
        """Insert the query adapter."""
        store_adapter(self._session, matrix, evidence)

    def delete_adapters(self, *, but: str = "") -> int:
        """Delete the query adapters but those of a fingerprint; return how many."""
        return self._session.run("DELETE FROM adapters WHERE collection = $1 AND fingerprint <> $2", (but,))

    def record_file(self, state: FileState) -> Statement:
        """Return the statement that stores a file's state; InputError for a source with a NUL."""
        if "\0" in state.source + state.reason + state.extractor:
            raise InputError(f"the source {state.source!r} of a file is not text", cure="name it otherwise")
        return _PUT_FILE, file_values(state)

    def forget_file(self, root: str, path: bytes) -> Statement:
        """Return the statement that deletes a file's state."""
        return "DELETE FROM files WHERE collection = $1 AND file_key = $2", (file_key(encode_root(root), path),)

    def forget_files_of(self, source: str) -> None:
        """Delete the states of the files of a document."""
        self._session.run("DELETE FROM files WHERE collection = $1 AND source_key = $2", (source_key(source),))

    def forget_all_files(self) -> None:
        """Delete the states of all files."""
        self._session.run("DELETE FROM files WHERE collection = $1")

    def execute(self, statement: Statement) -> None:
        """Run a statement of `record_file` or `forget_file`."""
        self._session.run(*statement)
