"""Write a collection: each call is one transaction, and all transactions of a run are one generation."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import apsw
import numpy as np
from numpy.typing import NDArray

from ragkit.errors import ConflictError, NotFoundError, RagkitError, StoreError
from ragkit.numeric.vectors import check_vectors
from ragkit.store.base import Outcome
from ragkit.store.checks import check_adapter, check_chunks, check_file, check_units, is_text
from ragkit.store.chunked import ChunkedDocument
from ragkit.store.encoding import encode_document, encode_root
from ragkit.store.runs import Change
from ragkit.store.sqlite.connection import one
from ragkit.store.sqlite.documents import (
    drop_chunks,
    put_document,
    store_adapter,
    store_vectors,
)
from ragkit.store.sqlite.reading.chunks import known_vectors
from ragkit.store.sqlite.session import Session, Statement
from ragkit.text.cleaning import show
from ragkit.types.collection import FileState, Fingerprint
from ragkit.types.documents import Chunk, Document

_PENDING_FILES: Final = 1_000
_VACUUM_PAGES: Final = 1_000


class Writer:
    """Writes to one collection, inside `with store.write(...)`, which holds the writer lock.

    Every method commits before it returns, or changes nothing; `atomic` makes several calls one transaction. It is
    safe for several threads: their calls run one at a time.
    """

    def __init__(
        self,
        connection: apsw.Connection,
        *,
        run: tuple[str, str, Mapping[str, Any]],
        fingerprint: Fingerprint | None,
        path: Path,
        clock: Callable[[], datetime],
    ) -> None:
        """run: kind, extractor version and settings of the generation."""
        self._lock = threading.RLock()
        self._session = Session(connection, run=run, fingerprint=fingerprint, path=path, clock=clock)

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
            with suppress(RagkitError, apsw.Error):  # the first error is the one to raise
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
            fingerprint = session.need_fingerprint()
            rows = session.rows("SELECT id FROM fingerprints WHERE digest = ?", (fingerprint.id,))
            if not rows:
                return {}
            return known_vectors(session.rows, hashes, fingerprint_id=rows[0][0], dimension=fingerprint.dimension)

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
        stay the same keep their ids. units: for each chunk the vectors (m, d) of its m units, or None where the chunk
        has none or they are stored with its vector already. Raises InputError when a chunk is not the slice of the
        text that it says, EmbeddingError for bad vectors, ModelMismatchError when the collection has another model.
        """
        dimension = self._session.need_fingerprint().dimension
        check_chunks(document, chunks)
        unit = check_vectors(vectors, count=len(chunks), dimension=dimension)
        check_units(units, count=len(chunks), dimension=dimension)
        record = encode_document(document)
        statement = _file_row(file) if file is not None else None
        with self._lock, self._session.transaction() as change:
            self._session.check_model()
            cut = ChunkedDocument(chunks, unit, units)
            outcome = put_document(self._session, change, document, record, cut=cut)
            if statement is not None:
                self._session.connection.execute(*statement)
        return outcome

    def remove(self, source: str) -> bool:
        """Delete a document and the states of its files; False when there is none."""
        if not is_text(source):
            return False
        with self._lock, self._session.transaction() as change:
            session = self._session
            session.connection.execute("DELETE FROM files WHERE source = ? AND source <> ''", (source,))
            rows = session.rows("SELECT id, characters, pages FROM documents WHERE source = ?", (source,))
            for document_id, characters, pages in rows:
                session.touch(change)
                drop_chunks(session, change, document_id)
                session.connection.execute("DELETE FROM documents WHERE id = ?", (document_id,))
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
            if not is_text(old) or not session.rows("SELECT 1 FROM documents WHERE source = ?", (old,)):
                raise NotFoundError(f"there is no document {show(old, 120)!r}", cure="list them with: ragkit documents")
            if old == new:
                return
            if session.rows("SELECT 1 FROM documents WHERE source = ?", (new,)):
                raise ConflictError(f"there is a document {show(new, 120)!r} already", cure="remove it first")
            stamp = session.touch(change)
            session.connection.execute(
                "UPDATE documents SET source = ?, generation = ?, updated_at = ?, updated_us = ? WHERE source = ?",
                (new, *stamp, old),
            )
            session.connection.execute("DELETE FROM files WHERE source = ?", (old,))
            change.changed += 1

    def record_file(self, state: FileState) -> None:
        """Record a file's state. Written with the next transaction, or at the end; the collection's revision stays."""
        self._remember(_file_row(state))

    def forget_file(self, root: str, path: bytes) -> None:
        """Delete a file's state. Written with the next transaction, or at the end; the collection's revision stays."""
        self._remember(("DELETE FROM files WHERE root = ? AND path = ?", (encode_root(root), path)))

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
            session.need_fingerprint()
            if session.outer is None:
                raise StoreError("repin() is outside atomic()", cure="put every document again in the same transaction")
            with session.transaction() as change:
                session.touch(change)
                change.forgets_log = True
                session.repinned = True
                session.pin(only_if_free=False)
                session.connection.execute(
                    "DELETE FROM adapters WHERE fingerprint <> ?", (session.need_fingerprint().id,)
                )

    def set_adapter(self, matrix: NDArray[np.float32], evidence: Mapping[str, Any]) -> None:
        """Store the collection's query adapter (d, d) and delete any other; the revision stays."""
        dimension = self._session.need_fingerprint().dimension
        check_adapter(matrix, dimension=dimension)
        with self._lock, self._session.transaction():
            self._session.check_model()
            store_adapter(self._session, matrix, evidence)

    def drop_adapter(self) -> bool:
        """Delete the query adapter; False when there is none."""
        with self._lock, self._session.transaction():
            self._session.connection.execute("DELETE FROM adapters")
            return bool(self._session.connection.changes())

    def clear(self) -> None:
        """Delete every document, the states of files, the adapter and the pinned settings; keep vectors."""
        with self._lock, self._session.transaction() as change:
            session = self._session
            connection = session.connection
            connection.execute("DELETE FROM files")
            connection.execute("DELETE FROM adapters")
            documents, chunks, characters, pages = one(
                connection, "SELECT documents, chunks, characters, pages FROM state"
            )
            before = session.outer or Change()
            if documents + before.documents:
                session.touch(change)
                connection.execute("DELETE FROM documents")
                change.documents = -(documents + before.documents)
                change.chunks = -(chunks + before.chunks)
                change.characters = -(characters + before.characters)
                change.pages = -(pages + before.pages)
                change.removed -= change.documents
                change.forgets_log = True
            connection.execute("UPDATE state SET pinned = NULL, fingerprint = NULL WHERE id = 1")

    def compact(self) -> int:
        """Delete vectors that no chunk uses and the log of deleted chunks, shrink the file; return how many vectors.

        Caches of an older revision will rebuild. Not within `atomic`.
        """
        with self._lock:
            session = self._session
            connection = session.connection
            if session.outer is not None:
                raise StoreError("compact() is within atomic()", cure="call it by itself")
            with session.transaction() as change:
                connection.execute(
                    "DELETE FROM vectors WHERE NOT EXISTS (SELECT 1 FROM chunks WHERE vector_id = vectors.id)"
                )
                dropped = connection.changes()
                change.vectors -= dropped
                connection.execute(
                    """DELETE FROM fingerprints WHERE id NOT IN (SELECT fingerprint FROM vectors)
                    AND id NOT IN (SELECT fingerprint FROM state WHERE fingerprint IS NOT NULL)"""
                )
                session.forget_log(session.revision)
            _give_space_back(connection)
            return dropped

    def _remember(self, statement: Statement) -> None:
        with self._lock:
            if self._session.outer is not None:
                with self._session.transaction():
                    self._session.connection.execute(*statement)
                return
            self._session.pending.append(statement)
            if len(self._session.pending) >= _PENDING_FILES:
                self.flush()


def _give_space_back(connection: apsw.Connection) -> None:
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


def _file_row(state: FileState) -> Statement:
    """Return the statement that stores a file's state; the detail of its report is made valid UTF-8."""
    row = (state.source, state.size, state.mtime_ns, state.ctime_ns, state.sha256, state.extractor, state.reason)
    check_file(state)
    detail = state.detail.encode("utf-8", "backslashreplace").decode()
    return (
        "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (encode_root(state.root), state.path, *row, detail),
    )
