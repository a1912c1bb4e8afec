"""Write a collection, in every back end: each call is one transaction, all transactions of a run are one generation."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ragkit.errors import ConflictError, NotFoundError, RagkitError, StoreError
from ragkit.numeric.vectors import check_vectors
from ragkit.store.base import Outcome
from ragkit.store.checks import check_adapter, check_chunks, check_file, check_units
from ragkit.store.encoding import encode_document
from ragkit.store.runs import Change, ChunkedDocument, Statement, Statements
from ragkit.store.session import WritingSession
from ragkit.text.cleaning import show
from ragkit.types.collection import FileState
from ragkit.types.documents import Chunk, Document

_PENDING_FILES: Final = 1_000


class Writer:
    """Writes to one collection, inside `with store.write(...)`, which holds the writer lock; see `base.Writer`.

    Every method commits before it returns, or changes nothing; `atomic` makes several calls one transaction. It is
    safe for several threads: their calls run one at a time.
    """

    def __init__(self, session: WritingSession, statements: Statements) -> None:
        self._lock = threading.RLock()
        self._session = session
        self._statements = statements

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
            with suppress(RagkitError):  # the first error is the one to raise
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
            return self._statements.known_vectors(hashes)

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
            self._statements.store_vectors(change, hashes, unit, units)

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
        self._statements.check(document.source, record, chunks)
        statement = self._file_statement(file) if file is not None else None
        with self._lock, self._session.transaction() as change:
            self._session.check_model()
            outcome = self._statements.put(change, document, record, cut=ChunkedDocument(chunks, unit, units))
            if statement is not None:
                self._statements.execute(statement)
        return outcome

    def remove(self, source: str) -> bool:
        """Delete a document and the states of its files; False when there is none."""
        statements = self._statements
        if not source or not statements.can_hold(source):
            return False
        with self._lock, self._session.transaction() as change:
            statements.forget_files_of(source)
            found = statements.find(source)
            if found is None:
                return False
            document_id, characters, pages = found
            self._session.touch(change)
            statements.delete_document(change, document_id)
            change.documents -= 1
            change.characters -= characters
            change.pages -= pages
            change.removed += 1
        return True

    def rename(self, old: str, new: str) -> None:
        """Give a document another source; its title and chunks stay, with their ids and vectors.

        What is known of the file that gave the old one is deleted. Raises NotFoundError, InputError for a name that
        no document may have, and ConflictError when there is a document of the new name.
        """
        Document(source=new, text="")  # checks the name
        statements = self._statements
        with self._lock, self._session.transaction() as change:
            if not statements.can_hold(old) or statements.find(old) is None:
                raise NotFoundError(f"there is no document {show(old, 120)!r}", cure="list them with: ragkit documents")
            if old == new:
                return
            if statements.find(new) is not None:
                raise ConflictError(f"there is a document {show(new, 120)!r} already", cure="remove it first")
            statements.rename(old, new, stamp=self._session.touch(change))
            statements.forget_files_of(old)
            change.changed += 1

    def record_file(self, state: FileState) -> None:
        """Record a file's state. Written with the next transaction, or at the end; the collection's revision stays."""
        self._remember(self._file_statement(state))

    def forget_file(self, root: str, path: bytes) -> None:
        """Delete a file's state. Written with the next transaction, or at the end; the collection's revision stays."""
        self._remember(self._statements.forget_file(root, path))

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
            session.hold_alone()
            with session.transaction() as change:
                session.touch(change)
                change.forgets_log = True
                session.repinned = True
                session.pin(only_if_free=False)
                self._statements.delete_adapters(but=fingerprint.id)

    def set_adapter(self, matrix: NDArray[np.float32], evidence: Mapping[str, Any]) -> None:
        """Store the collection's query adapter (d, d) and delete any other; the revision stays."""
        check_adapter(matrix, dimension=self._session.need_fingerprint().dimension)
        with self._lock, self._session.transaction():
            self._session.check_model()
            self._statements.delete_adapters()
            self._statements.store_adapter(matrix, evidence)

    def drop_adapter(self) -> bool:
        """Delete the query adapter; False when there is none."""
        with self._lock, self._session.transaction():
            return self._statements.delete_adapters() > 0

    def clear(self) -> None:
        """Delete every document, the states of files, the adapter and the pinned settings; keep vectors."""
        statements = self._statements
        with self._lock, self._session.transaction() as change:
            self._session.hold_alone()
            statements.forget_all_files()
            statements.delete_adapters()
            documents, chunks, characters, pages = statements.totals()
            before = self._session.outer or Change()
            if documents + before.documents:
                self._session.touch(change)
                statements.delete_all_documents()
                change.documents = -(documents + before.documents)
                change.chunks = -(chunks + before.chunks)
                change.characters = -(characters + before.characters)
                change.pages = -(pages + before.pages)
                change.removed -= change.documents
                change.forgets_log = True
            self._session.unpin()

    def compact(self) -> int:
        """Delete vectors that no chunk uses and the log of deleted chunks, give space back; return how many vectors.

        Caches of an older revision will rebuild. Not within `atomic`.
        """
        with self._lock:
            session = self._session
            if session.outer is not None:
                raise StoreError("compact() is within atomic()", cure="call it by itself")
            session.hold_alone()  # vectors that another run counts on are not in use yet
            with session.transaction() as change:
                dropped = self._statements.delete_unused()
                change.vectors -= dropped
                session.forget_log(session.revision)
            self._statements.give_space_back()
            return dropped

    def _file_statement(self, state: FileState) -> Statement:
        check_file(state)
        return self._statements.record_file(state)

    def _remember(self, statement: Statement) -> None:
        with self._lock:
            if self._session.outer is not None:
                with self._session.transaction():
                    self._statements.execute(statement)
                return
            self._session.pending.append(statement)
            if len(self._session.pending) >= _PENDING_FILES:
                self.flush()
