"""Writing the in-memory store: a transaction works on a copy of the state, which replaces it at the commit."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ragkit.errors import ConflictError, NotFoundError, RagkitError, StoreError
from ragkit.numeric.vectors import check_vectors
from ragkit.store.base import Outcome
from ragkit.store.checks import check_adapter, check_chunks, check_fields, check_file, check_units
from ragkit.store.metadata import decode_metadata, encode_metadata
from ragkit.store.rows import AdapterRow, ChunkRow, embedded_hash
from ragkit.testing.memory_run import Held, MemoryRun, iso_time
from ragkit.testing.memory_state import State, StoredChunk, StoredDocument, StoredVector
from ragkit.text.cleaning import show
from ragkit.types.collection import FileState, Fingerprint
from ragkit.types.documents import Chunk, Document

Vectors = NDArray[np.float32]
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LOG_SLACK: Final = 1_000


class MemoryWriter:
    """Writes to one collection; see `ragkit.store.base.Writer`. run: kind, extractor version and settings."""

    def __init__(
        self,
        collection: Held,
        *,
        run: tuple[str, str, Mapping[str, Any]],
        fingerprint: Fingerprint | None,
        clock: Callable[[], datetime],
    ) -> None:
        self._run = MemoryRun(collection, run=run, fingerprint=fingerprint, clock=clock)
        self._clock = clock

    @property
    def generation(self) -> int:
        """The number that this run has, or would have: a run that changes nothing leaves no trace."""
        return self._run.generation

    @contextmanager
    def run(self) -> Iterator[None]:
        """Bracket the run. One that raises stays unfinished; what it committed stays."""
        try:
            yield
            self.flush()
            self._run.finish()
        except BaseException:
            with suppress(RagkitError):  # the first error is the one to raise
                self.flush()
            raise
        finally:
            self._run.ended = True

    @contextmanager
    def atomic(self) -> Iterator[None]:
        """Make every call within the body one transaction; an error undoes all of them."""
        with self._run.lock:
            if self._run.draft is not None:
                raise StoreError("atomic() is open already", cure="don't nest it")
            try:
                with self._run.transaction():
                    yield
            finally:
                self._run.repinned = False

    def known_vectors(self, hashes: Sequence[bytes]) -> dict[bytes, Vectors]:
        """Return stored unit vectors (d,) of this run's model by the SHA-256 of `Chunk.embedded`."""
        with self._run.lock:
            vectors, model = (self._run.state).vectors, self._run.model().id
            return {item: vectors[model, item].vector for item in hashes if (model, item) in vectors}

    def keep_vectors(self, hashes: Sequence[bytes], vectors: Vectors, *, units: Sequence[Vectors | None] = ()) -> None:
        """Store unit vectors (n, d) before the chunks that will use them."""
        unit = self._checked(vectors, units, count=len(hashes))
        with self._run.transaction() as state:
            self._store_vectors(state, hashes, unit, units)

    def put(
        self,
        document: Document,
        chunks: Sequence[Chunk],
        vectors: Vectors,
        *,
        units: Sequence[Vectors | None] = (),
        file: FileState | None = None,
    ) -> Outcome:
        """Store a document with its chunks and their unit vectors (n, d), in place of the one of the same source."""
        check_chunks(document, chunks)
        unit = self._checked(vectors, units, count=len(chunks))
        metadata = encode_metadata(document.metadata, document.source)
        check_fields(document)
        document = replace(document, metadata=decode_metadata(metadata))
        if file is not None:
            check_file(file)
        with self._run.transaction() as state:
            self._run.check_model(state)
            old = state.find(document.source)
            keeps = old is not None and self._keeps_chunks(state, old, document, chunks)
            outcome: Outcome = "unchanged"
            if old is None or not keeps or (old.document, old.metadata) != (document, metadata):
                outcome = self._write(state, old, document, metadata)
                stored = state.find(document.source)
                if stored is not None and not keeps:
                    self._replace_chunks(state, stored.id, chunks, unit, units)
            if file is not None:
                state.files[file.root, file.path] = _printable(file)
        return outcome

    def remove(self, source: str) -> bool:
        """Delete a document and the states of its files; False when there is none."""
        with self._run.transaction() as state:
            old = state.find(source)
            self._forget_files_of(state, source)
            if old is None:
                return False
            self._run.touch(state, removed=1)
            self._drop_chunks(state, old.id)
            del state.documents[old.id]
            return True

    def rename(self, old: str, new: str) -> None:
        """Give a document another source; its chunks keep their ids and vectors."""
        Document(source=new, text="")  # checks the name
        with self._run.transaction() as state:
            stored = state.find(old)
            if stored is None:
                raise NotFoundError(f"there is no document {show(old, 120)!r}", cure="list them with: ragkit documents")
            if old == new:
                return
            if state.find(new):
                raise ConflictError(f"there is a document {show(new, 120)!r} already", cure="remove it first")
            self._write(state, stored, replace(stored.document, source=new), stored.metadata)
            self._forget_files_of(state, old)

    def record_file(self, state: FileState) -> None:
        """Record a file's state. Written with the next transaction, or at the end."""
        check_file(state)
        self._run.put_off((state.root, state.path), _printable(state))

    def forget_file(self, root: str, path: bytes) -> None:
        """Delete a file's state. Written with the next transaction, or at the end."""
        self._run.put_off((root, path), None)

    def flush(self) -> None:
        """Write the pending changes of `record_file` and `forget_file`."""
        with self._run.lock:
            if self._run.pending and self._run.draft is None:
                with self._run.transaction():
                    pass

    def repin(self) -> None:
        """Make this run's model and chunk settings the collection's; only within `atomic`."""
        with self._run.lock:
            model = self._run.model()
            if self._run.draft is None:
                raise StoreError("repin() is outside atomic()", cure="put every document again in the same transaction")
            with self._run.transaction() as state:
                self._run.touch(state)
                self._run.forgets = self._run.repinned = True
                self._run.pin(state)
                if state.adapter and state.adapter.fingerprint != model.id:
                    state.adapter = None

    def set_adapter(self, matrix: Vectors, evidence: Mapping[str, Any]) -> None:
        """Store the query adapter (d, d) in place of any other."""
        model = self._run.model()
        check_adapter(matrix, dimension=model.dimension)
        with self._run.transaction() as state:
            self._run.check_model(state)
            state.adapters += 1
            copied = json.loads(json.dumps(dict(evidence)))
            created = str(evidence["created_at"])
            state.adapter = AdapterRow(state.adapters, model.id, created, copied, matrix.astype(np.float32))

    def drop_adapter(self) -> bool:
        """Delete the query adapter; False when there is none."""
        with self._run.transaction() as state:
            found, state.adapter = state.adapter, None
            return found is not None

    def clear(self) -> None:
        """Delete every document, the states of files, the adapter and the pinned settings; keep vectors."""
        with self._run.transaction() as state:
            state.files.clear()
            state.adapter = None
            if state.documents:
                self._run.touch(state, removed=len(state.documents))
                self._run.forgets = True
                state.documents.clear()
                state.chunks.clear()
            state.pinned = state.fingerprint = None

    def compact(self) -> int:
        """Delete vectors that no chunk uses and the log of deleted chunks; return how many vectors."""
        with self._run.lock:
            if self._run.draft is not None:
                raise StoreError("compact() is within atomic()", cure="call it by itself")
            with self._run.transaction() as state:
                used = {item.key for item in state.chunks.values()}
                dropped = [key for key in state.vectors if key not in used]
                for key in dropped:
                    del state.vectors[key]
                state.forget_log()
            return len(dropped)

    # ------------------------------------------------------------------ documents

    def _write(self, state: State, old: StoredDocument | None, document: Document, metadata: str) -> Outcome:
        """Insert a document, or give an old one new contents."""
        self._run.touch(state, added=int(old is None), changed=int(old is not None))
        now = self._clock()
        if old is None:
            state.last_document += 1
        number = old.id if old else state.last_document
        state.documents[number] = StoredDocument(
            id=number,
            document=document,
            metadata=metadata,
            generation=self._run.generation,
            updated_at=iso_time(now),
            updated_us=(now - _EPOCH) // timedelta(microseconds=1),
        )
        return "changed" if old else "added"

    def _keeps_chunks(self, state: State, old: StoredDocument, document: Document, chunks: Sequence[Chunk]) -> bool:
        same = (old.document.text, old.document.title) == (document.text, document.title)
        return same and not self._run.repinned and [item.row.chunk for item in state.chunks_of(old.id)] == list(chunks)

    def _replace_chunks(
        self,
        state: State,
        document_id: int,
        chunks: Sequence[Chunk],
        vectors: Vectors,
        units: Sequence[Vectors | None],
    ) -> None:
        self._drop_chunks(state, document_id)
        hashes = [embedded_hash(chunk) for chunk in chunks]
        self._store_vectors(state, hashes, vectors, units)
        for chunk, item in zip(chunks, hashes, strict=True):
            state.last_chunk += 1
            row = ChunkRow(
                id=state.last_chunk,
                document_id=document_id,
                ordinal=chunk.ordinal,
                start=chunk.start,
                end=chunk.end,
                text=chunk.text,
                context=chunk.context,
                heading=chunk.heading,
                page=chunk.page,
                page_end=chunk.page_end,
                tokens=chunk.tokens,
                units=tuple(chunk.units),
            )
            state.chunks[row.id] = StoredChunk(row, (self._run.model().id, item))

    def _drop_chunks(self, state: State, document_id: int) -> None:
        for item in state.chunks_of(document_id):
            state.log.append((state.revision + 1, item.row.id))
            del state.chunks[item.row.id]

    def _store_vectors(
        self, state: State, hashes: Sequence[bytes], vectors: Vectors, units: Sequence[Vectors | None]
    ) -> None:
        for at, item in enumerate(hashes):
            key = (self._run.model().id, item)
            known = state.vectors.get(key) or StoredVector(_rounded(vectors[at]))
            own = units[at] if units else None
            state.vectors[key] = known if own is None or not len(own) else replace(known, units=own.copy())

    def _checked(self, vectors: Vectors, units: Sequence[Vectors | None], *, count: int) -> Vectors:
        dimension = self._run.model().dimension
        unit = check_vectors(vectors, count=count, dimension=dimension)
        check_units(units, count=count, dimension=dimension)
        return unit

    def _forget_files_of(self, state: State, source: str) -> None:
        for key in [key for key, item in state.files.items() if source and item.source == source]:
            del state.files[key]


def _printable(state: FileState) -> FileState:
    """Return a file's state with a report that is text, whatever the file's name."""
    return replace(state, detail=state.detail.encode("utf-8", "backslashreplace").decode())


def _rounded(vector: Vectors) -> Vectors:
    """Return a unit vector as every back end keeps it: rounded to float16, then of norm 1 again."""
    row: Vectors = vector.astype(np.float16).astype(np.float32)
    unit: Vectors = row / np.linalg.norm(row)
    return unit
