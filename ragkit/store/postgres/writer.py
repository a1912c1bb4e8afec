"""Write a collection: each call is one transaction, and all transactions of a run are one generation."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final

import numpy as np
import psycopg
from numpy.typing import NDArray

from ragkit.errors import ConflictError, InputError, NotFoundError, RagkitError, StoreError
from ragkit.numeric.vectors import check_vectors
from ragkit.store.base import Outcome
from ragkit.store.checks import check_adapter, check_chunks, check_file, check_units
from ragkit.store.chunked import ChunkedDocument
from ragkit.store.encoding import encode_document, encode_root
from ragkit.store.postgres.documents import drop_chunks, put_document, store_adapter, store_vectors
from ragkit.store.postgres.encoding import check_storable, file_key, file_values, is_storable, source_key
from ragkit.store.postgres.reading.chunks import known_vectors
from ragkit.store.postgres.session import Session, Statement
from ragkit.store.runs import Change
from ragkit.text.cleaning import show
from ragkit.types.collection import FileState
from ragkit.types.documents import Chunk, Document

_PENDING_FILES: Final = 1_000
_PUT_FILE: Final = """INSERT INTO files VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
ON CONFLICT (collection, file_key) DO UPDATE SET source_key = excluded.source_key, source = excluded.source,
  size = excluded.size, mtime_ns = excluded.mtime_ns, ctime_ns = excluded.ctime_ns, sha256 = excluded.sha256,
  extractor = excluded.extractor, reason = excluded.reason, detail = excluded.detail"""
_IS_THERE: Final = "SELECT 1 FROM documents WHERE collection = $1 AND source_key = $2"


class Writer:
    """Writes to one collection, inside `with store.write(...)`, which holds the writer lock.

    See `ragkit.store.base.Writer`. It is safe for several threads: their calls run one at a time.
    """

    def __init__(self, session: Session) -> None:
        self._lock = threading.RLock()
        self._session = session

    @property
    def generation(self) -> int:
        """The number that this run has, or would have: a run that changes nothing leaves no trace."""
        return self._session.generation

    @contextmanager
    def run(self) -> Iterator[None]:
        """Bracket the run: `Store.write` enters it. A run that raises stays unfinished; what it committed stays."""
        try:
            yield
            self.flush()
            with self._lock:
                self._session.finish()
        except BaseException:
            with suppress(RagkitError, psycopg.Error):  # the first error is the one to raise
                self.flush()
            raise
        finally:
            self._session.ended = True

    @contextmanager
    def atomic(self) -> Iterator[None]:
        """Make every call within the body one transaction; an error undoes all of them. Other threads wait."""
        with self._lock, self._session.atomic():
            yield

    def known_vectors(self, hashes: Sequence[bytes]) -> dict[bytes, NDArray[np.float32]]:
        """Return stored unit vectors (d,) of this run's model by the SHA-256 of `Chunk.embedded`."""
        with self._lock:
            session = self._session
            number, dimension = session.known_fingerprint_id(), session.need_fingerprint().dimension
            if number is None:
                return {}
            return known_vectors(session.rows, hashes, fingerprint_id=number, dimension=dimension)

    def keep_vectors(
        self,
        hashes: Sequence[bytes],
        vectors: NDArray[np.float32],
        *,
        units: Sequence[NDArray[np.float32] | None] = (),
    ) -> None:
        """Store vectors before the chunks that will use them, so that an interrupted run need not embed them again."""
        unit = check_vectors(vectors, count=len(hashes), dimension=self._session.need_fingerprint().dimension)
        check_units(units, count=len(hashes), dimension=unit.shape[1])
        with self._lock, self._session.transaction() as change:
            store_vectors(self._session, change, hashes, unit, units)

    def put(
        self,
        document: Document,
        chunks: Sequence[Chunk],
        vectors: NDArray[np.float32],
        *,
        units: Sequence[NDArray[np.float32] | None] = (),
        file: FileState | None = None,
    ) -> Outcome:
        """Store a document with its chunks and their unit vectors (n, d), in place of the one of the same source.

        A document that is stored already, with equal chunks, is "unchanged": only `file` is written. Chunks that
        stay the same keep their ids. See `ragkit.store.base.Writer.put` for `units` and the errors; InputError also
        for a NUL in a title or a heading, which PostgreSQL can't store.
        """
        dimension = self._session.need_fingerprint().dimension
        check_chunks(document, chunks)
        unit = check_vectors(vectors, count=len(chunks), dimension=dimension)
        check_units(units, count=len(chunks), dimension=dimension)
        record = encode_document(document)
        check_storable(document.source, record, chunks)
        statement = _file_row(file) if file is not None else None
        with self._lock, self._session.transaction() as change:
            self._session.check_model()
            cut = ChunkedDocument(chunks, unit, units)
            outcome = put_document(self._session, change, document, record, cut=cut)
            if statement is not None:
                self._session.run(*statement)
        return outcome

    def remove(self, source: str) -> bool:
        """Delete a document and the states of its files; False when there is none."""
        if not source or not is_storable(source):
            return False
        key = source_key(source)
        with self._lock, self._session.transaction() as change:
            session = self._session
            session.run("DELETE FROM files WHERE collection = $1 AND source_key = $2", (key,))
            rows = session.rows(
                "SELECT id, characters, pages FROM documents WHERE collection = $1 AND source_key = $2", (key,)
            )
            for document_id, characters, pages in rows:
                session.touch(change)
                drop_chunks(session, change, document_id)
                session.run("DELETE FROM documents WHERE collection = $1 AND id = $2", (document_id,))
                change.documents -= 1
                change.characters -= characters
                change.pages -= pages
                change.removed += 1
        return bool(rows)

    def rename(self, old: str, new: str) -> None:
        """Give a document another source; its title and chunks stay, with their ids and vectors.

        What is known of the file that gave the old one is deleted. Raises NotFoundError, InputError for a name that
        no document may have, and ConflictError when there is a document of the new name.
        """
        Document(source=new, text="")  # checks the name
        with self._lock, self._session.transaction() as change:
            session = self._session
            if not is_storable(old) or not session.rows(_IS_THERE, (source_key(old),)):
                raise NotFoundError(f"there is no document {show(old, 120)!r}", cure="list them with: ragkit documents")
            if old == new:
                return
            if session.rows(_IS_THERE, (source_key(new),)):
                raise ConflictError(f"there is a document {show(new, 120)!r} already", cure="remove it first")
            stamp = session.touch(change)
            session.run(
                """UPDATE documents SET source_key = $3, source = $4, generation = $5, updated_at = $6, updated_us = $7
                WHERE collection = $1 AND source_key = $2""",
                (source_key(old), source_key(new), new, *stamp),
            )
            session.run("DELETE FROM files WHERE collection = $1 AND source_key = $2", (source_key(old),))
            change.changed += 1

    def record_file(self, state: FileState) -> None:
        """Record a file's state. Written with the next transaction, or at the end; the collection's revision stays."""
        self._remember(_file_row(state))

    def forget_file(self, root: str, path: bytes) -> None:
        """Delete a file's state. Written with the next transaction, or at the end; the collection's revision stays."""
        self._remember(
            ("DELETE FROM files WHERE collection = $1 AND file_key = $2", (file_key(encode_root(root), path),))
        )

    def flush(self) -> None:
        """Write the pending changes of `record_file` and `forget_file`."""
        with self._lock:
            if self._session.pending and self._session.outer is None:
                with self._session.transaction():
                    pass

    def repin(self) -> None:
        """Make this run's model and chunk settings the collection's; only within `atomic`, of a "rebuild" run.

        Every document must be put again before `atomic` ends, or it raises StoreError and nothing has changed.
        """
        with self._lock:
            session = self._session
            fingerprint = session.need_fingerprint()
            if session.outer is None:
                raise StoreError("repin() is outside atomic()", cure="put every document again in the same transaction")
            with session.transaction() as change:
                session.touch(change)
                change.forgets_log = True
                session.repinned = True
                session.pin(only_if_free=False)
                session.run("DELETE FROM adapters WHERE collection = $1 AND fingerprint <> $2", (fingerprint.id,))

    def set_adapter(self, matrix: NDArray[np.float32], evidence: Mapping[str, Any]) -> None:
        """Store the collection's query adapter (d, d) and delete any other; the revision stays."""
        check_adapter(matrix, dimension=self._session.need_fingerprint().dimension)
        with self._lock, self._session.transaction():
            self._session.check_model()
            store_adapter(self._session, matrix, evidence)

    def drop_adapter(self) -> bool:
        """Delete the query adapter; False when there is none."""
        with self._lock, self._session.transaction():
            return self._session.run("DELETE FROM adapters WHERE collection = $1") > 0

    def clear(self) -> None:
        """Delete every document, the states of files, the adapter and the pinned settings; keep vectors."""
        with self._lock, self._session.transaction() as change:
            session = self._session
            session.run("DELETE FROM files WHERE collection = $1")
            session.run("DELETE FROM adapters WHERE collection = $1")
            documents, chunks, characters, pages = session.rows(
                "SELECT documents, chunks, characters, pages FROM collections WHERE id = $1"
            )[0]
            before = session.outer or Change()
            if documents + before.documents:
                session.touch(change)
                session.run("DELETE FROM documents WHERE collection = $1")
                change.documents = -(documents + before.documents)
                change.chunks = -(chunks + before.chunks)
                change.characters = -(characters + before.characters)
                change.pages = -(pages + before.pages)
                change.removed -= change.documents
                change.forgets_log = True
            session.run("UPDATE collections SET pinned = NULL, fingerprint = NULL WHERE id = $1")

    def compact(self) -> int:
        """Delete vectors that no chunk uses and the log of deleted chunks; return how many vectors.

        Caches of an older revision will rebuild. The server's autovacuum reuses the space. Not within `atomic`.
        """
        with self._lock:
            session = self._session
            if session.outer is not None:
                raise StoreError("compact() is within atomic()", cure="call it by itself")
            with session.transaction() as change:
                dropped = session.run(
                    """DELETE FROM vectors AS v WHERE v.collection = $1 AND NOT EXISTS (
                    SELECT 1 FROM chunks AS c WHERE c.collection = v.collection AND c.vector_id = v.id)"""
                )
                change.vectors -= dropped
                session.run(
                    """DELETE FROM fingerprints AS f USING collections AS s WHERE f.collection = $1 AND s.id = $1
                    AND f.id IS DISTINCT FROM s.fingerprint AND NOT EXISTS (
                    SELECT 1 FROM vectors AS v WHERE v.collection = f.collection AND v.fingerprint = f.id)"""
                )
                session.forget_log(session.revision)
            return dropped

    def _remember(self, statement: Statement) -> None:
        with self._lock:
            if self._session.outer is not None:
                with self._session.transaction():
                    self._session.run(*statement)
                return
            self._session.pending.append(statement)
            if len(self._session.pending) >= _PENDING_FILES:
                self.flush()


def _file_row(state: FileState) -> Statement:
    """Return the statement that stores a file's state."""
    check_file(state)
    if "\0" in state.source + state.reason + state.extractor:
        raise InputError(f"the source {state.source!r} of a file is not text", cure="name it otherwise")
    return _PUT_FILE, file_values(state)
