"""Reading the in-memory store: documents, files and chunks of one state that never changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragkit.errors import NotFoundError, StoreError
from ragkit.index.dense.quantizer import Quantizer
from ragkit.store.encoding import encode_unit_vectors
from ragkit.store.filters import Filter, check_about_documents
from ragkit.store.rows import AdapterRow, Changes, ChunkRow, Counts, DocumentRow, StructureRow
from ragkit.testing.memory_state import State, StoredChunk, StoredDocument, matches
from ragkit.text.cleaning import show
from ragkit.types.collection import DocumentInfo, FileState, Fingerprint, Generation
from ragkit.types.documents import ChunkText, Document, Page

Ids = NDArray[np.int64]
Vectors = NDArray[np.float32]
Look = Callable[[], State]
"""Returns the state of an open reader; raises StoreError once its transaction has ended."""


class MemoryReader:
    """One committed state; see `ragkit.store.base.Reader`."""

    def __init__(self, state: State) -> None:
        self._state: State | None = state
        self.documents = MemoryDocumentReader(self._look)
        self.files = MemoryFileReader(self._look)
        self.chunks = MemoryChunkReader(self._look)
        self.identity = state.identity
        self.created_at = state.created_at
        self.revision = state.revision
        self.generation = state.generation
        self.pinned: Mapping[str, Any] | None = state.pinned
        self.fingerprint: Fingerprint | None = state.fingerprint

    def expire(self) -> None:
        """Forbid further use, because the transaction has ended."""
        self._state = None

    def counts(self) -> Counts:
        """Return the totals of the collection."""
        state = self._look()
        documents = [item.document for item in state.documents.values()]
        return Counts(
            documents=len(documents),
            chunks=len(state.chunks),
            vectors=len(state.chunks),
            characters=sum(len(document.text) for document in documents),
            pages=sum(len(document.pages) for document in documents),
            stored_vectors=len(state.vectors),
        )

    def generations(self) -> list[Generation]:
        """Return every run that changed the collection, oldest first."""
        return list(self._look().generations)

    def adapter_id(self) -> int | None:
        """Return the id of the query adapter for the collection's model, None when there is none."""
        found = self.adapter()
        return found.id if found else None

    def adapter(self) -> AdapterRow | None:
        """Return the query adapter for the collection's model, None when there is none."""
        state = self._look()
        fits = state.adapter and state.fingerprint and state.adapter.fingerprint == state.fingerprint.id
        return state.adapter if fits else None

    def _look(self) -> State:
        if self._state is None:
            raise StoreError("this reader's transaction has ended", cure="use it inside `with store.read()`")
        return self._state


class MemoryDocumentReader:
    """The documents of one state; see `ragkit.store.base.DocumentReader`."""

    def __init__(self, look: Look) -> None:
        self._look = look

    def infos(
        self,
        *,
        prefix: str = "",
        where: Filter | None = None,
        newest: bool = False,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[DocumentInfo]:
        """Return documents by source, or those that were written last first; `limit` None means all."""
        state = self._look()
        found = [item for item in state.documents.values() if item.document.source.startswith(prefix)]
        if where is not None:
            check_about_documents(where)
            found = [item for item in found if matches(where, item)]
        found.sort(key=lambda item: (-item.updated_us, -item.id) if newest else item.document.source)
        start = max(offset, 0)
        return [_info(state, item) for item in found[start : None if limit is None else start + max(limit, 0)]]

    def info(self, source: str) -> DocumentInfo:
        """Return the listing entry of one document; raises NotFoundError."""
        state = self._look()
        return _info(state, _found(state.find(source), source))

    def get(self, source: str) -> Document:
        """Return a whole document, equal to the one that was put; raises NotFoundError."""
        return _found(self._look().find(source), source).document

    def sources(self) -> list[str]:
        """Return the source of every document, in the order they were first stored."""
        return [item.document.source for _, item in sorted(self._look().documents.items())]

    def digests(self) -> dict[str, str]:
        """Return the hex SHA-256 of every document's file, by source."""
        return {item.document.source: item.document.sha256 for item in self._look().documents.values()}

    def metadata_keys(self) -> list[str]:
        """Return the metadata keys of all documents, each once, sorted."""
        return sorted({key for item in self._look().documents.values() for key in item.document.metadata})

    def iterate(self) -> Iterator[Document]:
        """Yield every document whole, in the order they were first stored."""
        for number in sorted(self._look().documents):
            yield self._look().documents[number].document

    def rows(self, ids: Sequence[int]) -> dict[int, DocumentRow]:
        """Return documents by id, without their text; unknown ids are left out."""
        documents = self._look().documents
        return {number: _row(documents[number]) for number in map(int, ids) if number in documents}

    def text(self, document_id: int) -> str:
        """Return the text of a document; raises NotFoundError."""
        return _found(self._look().documents.get(document_id), document_id).document.text

    def text_slice(self, document_id: int, start: int, end: int) -> str:
        """Return `document.text[start:end]`; raises NotFoundError."""
        return self.text(document_id)[start:end]

    def pages(self, document_id: int) -> tuple[Page, ...]:
        """Return the page table of a document; raises NotFoundError."""
        return _found(self._look().documents.get(document_id), document_id).document.pages

    def structure(self, source: str) -> StructureRow:
        """Return the pages, headings and blocks of a document without its text; raises NotFoundError."""
        item = _found(self._look().find(source), source)
        document = item.document
        return StructureRow(item.id, len(document.text), document.pages, document.headings, document.blocks)


class MemoryFileReader:
    """The states of ingested files, in one state; see `ragkit.store.base.FileReader`."""

    def __init__(self, look: Look) -> None:
        self._look = look

    def below(self, root: str) -> dict[bytes, FileState]:
        """Return the recorded states of the files below a root, by path."""
        return {path: state for (place, path), state in self._look().files.items() if place == root}

    def of(self, source: str) -> list[FileState]:
        """Return the recorded states of the files of the document `source`, usually one."""
        found = [state for state in self._look().files.values() if source and state.source == source]
        return sorted(found, key=lambda state: (state.root, state.path))

    def roots(self) -> list[str]:
        """Return the roots that files were ingested from."""
        return sorted({root for root, _ in self._look().files})


class MemoryChunkReader:
    """The chunks and vectors of one state; see `ragkit.store.base.ChunkReader`."""

    def __init__(self, look: Look) -> None:
        self._look = look

    @property
    def identity(self) -> str:
        """Names the collection."""
        return self._look().identity

    @property
    def revision(self) -> int:
        """Grows by one with every committed transaction that changed documents."""
        return self._look().revision

    @property
    def generation(self) -> int:
        """The last committed run."""
        return self._look().generation

    @property
    def fingerprint(self) -> Fingerprint | None:
        """The embedding model of the collection, None before the first write."""
        return self._look().fingerprint

    def rows(self, ids: Sequence[int] | Ids) -> dict[int, ChunkRow]:
        """Return chunks by id; unknown ids are left out."""
        chunks = self._look().chunks
        return {number: chunks[number].row for number in map(int, ids) if number in chunks}

    def documents_of(self, ids: Sequence[int] | Ids) -> list[int]:
        """Return the id of each chunk's document, in the order of the ids; 0 for an unknown one."""
        chunks = self._look().chunks
        return [chunks[number].row.document_id if number in chunks else 0 for number in map(int, ids)]

    def of_document(self, source: str) -> list[ChunkRow]:
        """Return the chunks of a document in their order; raises NotFoundError."""
        state = self._look()
        return [item.row for item in state.chunks_of(_found(state.find(source), source).id)]

    def select(self, where: Filter) -> Ids:
        """Return the ids of the chunks that match a filter, ascending."""
        state = self._look()
        found = (
            number
            for number, item in sorted(state.chunks.items())
            if matches(where, state.documents[item.row.document_id], item.row)
        )
        return np.fromiter(found, dtype=np.int64)

    def count(self, where: Filter) -> int:
        """Return how many chunks match a filter."""
        return len(self.select(where))

    def holding(self, parts: Sequence[str], *, limit: int) -> Ids:
        """Return the ids of chunks whose text has any of some strings, as written: the first `limit`, ascending."""
        chunks = sorted(self._look().chunks.items())
        found = [number for number, item in chunks if any(part in item.row.text for part in parts)]
        return np.array(found[:limit], dtype=np.int64)

    def all_chunk_ids(self) -> Ids:
        """Return the id of every chunk, ascending."""
        return np.array(sorted(self._look().chunks), dtype=np.int64)

    def vectors(self, ids: Sequence[int] | Ids) -> Vectors:
        """Return unit vectors (n, d) in the order of `ids`; NotFoundError names an unknown id."""
        state = self._look()
        rows = [state.vectors[item.key].vector for item in self._chunks(ids)]
        return np.stack(rows) if rows else np.empty((0, self._dimension()), dtype=np.float32)

    def iter_vectors(self, batch: int = 4096) -> Iterator[tuple[Ids, Vectors]]:
        """Yield (ids, unit vectors (n, d)) of all chunks by ascending id, `batch` at a time."""
        for part in self._batches(batch):
            yield part, self.vectors(part)

    def texts(self, ids: Sequence[int] | Ids) -> list[ChunkText]:
        """Return the searched texts of chunks, in the order of `ids`; raises NotFoundError."""
        documents = self._look().documents
        rows = [item.row for item in self._chunks(ids)]
        return [
            ChunkText(documents[row.document_id].document.title, row.context or row.heading, row.text, row.units)
            for row in rows
        ]

    def iter_texts(self, batch: int = 4096) -> Iterator[tuple[Ids, list[ChunkText]]]:
        """Yield ids and searched texts of all chunks by ascending id, `batch` at a time."""
        for part in self._batches(batch):
            yield part, self.texts(part)

    def unit_vectors(self, ids: Sequence[int] | Ids) -> tuple[Vectors, NDArray[np.intp]]:
        """Return the vectors (m, d) of all units of some chunks, and for each the index into `ids` of its chunk."""
        units = [self._units(int(number)) for number in ids]
        owners = np.repeat(np.arange(len(units)), [len(rows) for rows in units])
        return np.concatenate([np.empty((0, self._dimension()), dtype=np.float32), *units]), owners

    def unit_cosines(self, query: Vectors, ids: Sequence[int] | Ids) -> tuple[Vectors, Ids]:
        """Return the cosine of a query (d,) with every unit of some chunks, float32 (m,), and int64 (n + 1,) bounds."""
        units = [self._units(int(number)) for number in ids]
        found = np.concatenate([np.empty((0, len(query)), dtype=np.float32), *units]) @ query
        bounds = np.concatenate([[0], np.cumsum([len(rows) for rows in units])]).astype(np.int64)
        return found.astype(np.float32), bounds

    def unit_bodies(self, ids: Sequence[int] | Ids) -> list[bytes]:
        """Return the bytes of the vectors of each chunk's units; empty for a chunk without any."""
        units = (self._units(int(number)) for number in ids)
        return [encode_unit_vectors(rows) if len(rows) else b"" for rows in units]

    def known_vectors(self, hashes: Sequence[bytes]) -> dict[bytes, Vectors]:
        """Return the stored unit vectors (d,) of the collection's model, by the SHA-256 of `Chunk.embedded`."""
        state = self._look()
        model = state.fingerprint.id if state.fingerprint else ""
        return {item: state.vectors[model, item].vector for item in hashes if (model, item) in state.vectors}

    def changes_since(self, revision: int) -> Changes | None:
        """Return the chunks that were added and deleted since a revision; None when it is not logged any more."""
        state = self._look()
        if not state.floor <= revision <= state.revision or revision not in state.last_chunks:
            return None
        last = state.last_chunks[revision]
        removed = sorted(number for at, number in state.log if at > revision and number <= last)
        added = sorted(number for number in state.chunks if number > last)
        return Changes(
            state.revision,
            state.generation,
            removed=np.array(removed, dtype=np.int64),
            added=np.array(added, dtype=np.int64),
        )

    def quantizer(self) -> Quantizer | None:
        """Return None: this store trains no quantizer."""
        return None

    def quantizer_number(self) -> int:
        """Return 0: this store trains no quantizer."""
        return 0

    def _dimension(self) -> int:
        fingerprint = self._look().fingerprint
        return fingerprint.dimension if fingerprint else 0

    def _chunks(self, ids: Sequence[int] | Ids) -> list[StoredChunk]:
        chunks = self._look().chunks
        missing = [int(number) for number in ids if int(number) not in chunks]
        if missing:
            raise NotFoundError(f"there is no chunk {missing[0]}", cure="search again: the collection has changed")
        return [chunks[int(number)] for number in ids]

    def _batches(self, batch: int) -> Iterator[Ids]:
        ids = self.all_chunk_ids()
        for start in range(0, len(ids), batch):
            yield ids[start : start + batch]

    def _units(self, number: int) -> Vectors:
        state = self._look()
        chunk = state.chunks.get(number)
        units = state.vectors[chunk.key].units if chunk else None
        return np.empty((0, self._dimension()), dtype=np.float32) if units is None else units


def _found(stored: StoredDocument | None, document: str | int) -> StoredDocument:
    if stored is None:
        name = repr(show(document, 120)) if isinstance(document, str) else f"number {document}"
        raise NotFoundError(f"there is no document {name}", cure="list them with: ragkit documents")
    return stored


def _row(stored: StoredDocument) -> DocumentRow:
    document = stored.document
    return DocumentRow(
        stored.id, document.source, document.title, document.sha256, document.media_type, document.metadata
    )


def _info(state: State, stored: StoredDocument) -> DocumentInfo:
    document = stored.document
    return DocumentInfo(
        source=document.source,
        title=document.title,
        sha256=document.sha256,
        media_type=document.media_type,
        characters=len(document.text),
        pages=len(document.pages),
        chunks=len(state.chunks_of(stored.id)),
        generation=stored.generation,
        updated_at=stored.updated_at,
        metadata=document.metadata,
        warnings=document.warnings,
    )
