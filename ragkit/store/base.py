"""The seam of the store: the protocols of a back end. The suites of tests/store/contract.py check each one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Literal, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from ragkit.index.dense.quantizer import Quantizer
from ragkit.store.filters import Filter
from ragkit.store.rows import AdapterRow, Changes, ChunkRow, Counts, DocumentRow, Problem, StructureRow
from ragkit.store.sharing.database import SharedDatabase
from ragkit.types.collection import DocumentInfo, FileState, Fingerprint, Generation
from ragkit.types.documents import Chunk, ChunkText, Document, Page

Ids = NDArray[np.int64]
Vectors = NDArray[np.float32]
Outcome = Literal["added", "changed", "unchanged"]


class DocumentReader(Protocol):
    """The documents of one committed state."""

    def infos(
        self,
        *,
        prefix: str = "",
        where: Filter | None = None,
        newest: bool = False,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[DocumentInfo]:
        """Return documents by source, in code-point order; `prefix` is of the source, `limit` None means all.

        newest: those that were written last come first, and of the same microsecond those with the greatest id. Raises
        FilterError for a `where` about pages: those are of chunks.
        """

    def info(self, source: str) -> DocumentInfo:
        """Return the listing entry of one document; raises NotFoundError."""

    def get(self, source: str) -> Document:
        """Return a whole document, equal to the one that was put; NotFoundError, or CorruptError by its hash."""

    def sources(self) -> list[str]:
        """Return the source of every document, in the order they were first stored."""

    def digests(self) -> dict[str, str]:
        """Return the hex SHA-256 of every document's file, by source."""

    def metadata_keys(self) -> list[str]:
        """Return the metadata keys that filters can find documents by, each once, sorted."""

    def iterate(self) -> Iterator[Document]:
        """Yield every document whole, in the order they were first stored, one in memory at a time."""

    def rows(self, ids: Sequence[int]) -> dict[int, DocumentRow]:
        """Return documents by id, without their text; unknown ids are left out."""

    def text(self, document_id: int) -> str:
        """Return the text of a document; raises NotFoundError."""

    def text_slice(self, document_id: int, start: int, end: int) -> str:
        """Return `document.text[start:end]` without reading the whole text; raises NotFoundError."""

    def pages(self, document_id: int) -> tuple[Page, ...]:
        """Return the page table of a document; raises NotFoundError."""

    def structure(self, source: str) -> StructureRow:
        """Return the pages, headings and blocks of a document without its text; raises NotFoundError."""


class FileReader(Protocol):
    """The states of ingested files, in one committed state."""

    def below(self, root: str) -> dict[bytes, FileState]:
        """Return the recorded states of the files below a root, by path."""

    def of(self, source: str) -> list[FileState]:
        """Return the recorded states of the files of the document `source`, usually one."""

    def roots(self) -> list[str]:
        """Return the roots that files were ingested from."""


class ChunkReader(Protocol):
    """The chunks and vectors of one committed state. It is also what search indexes are built from.

    Chunk ids ascend with revisions and are never used twice; a chunk that stays the same keeps its id.
    """

    @property
    def identity(self) -> str:
        """Names the collection; see `Reader.identity`."""

    @property
    def revision(self) -> int:
        """Grows by one with every committed transaction that changed documents."""

    @property
    def generation(self) -> int:
        """The last run that has committed something: the greatest number, where several write at once."""

    @property
    def fingerprint(self) -> Fingerprint | None:
        """The embedding model of the collection, None before the first write."""

    def rows(self, ids: Sequence[int] | Ids) -> dict[int, ChunkRow]:
        """Return chunks by id; unknown ids are left out."""

    def documents_of(self, ids: Sequence[int] | Ids) -> list[int]:
        """Return the id of each chunk's document, in the order of the ids; 0 for an unknown one."""

    def of_document(self, source: str) -> list[ChunkRow]:
        """Return the chunks of a document in their order; raises NotFoundError."""

    def select(self, where: Filter) -> Ids:
        """Return the ids of the chunks that match a filter, ascending."""

    def count(self, where: Filter) -> int:
        """Return how many chunks match a filter."""

    def holding(self, parts: Sequence[str], *, limit: int) -> Ids:
        """Return the ids of chunks whose text has any of some strings, as written: the first `limit`, ascending."""

    def all_chunk_ids(self) -> Ids:
        """Return the id of every chunk, ascending."""

    def vectors(self, ids: Sequence[int] | Ids) -> Vectors:
        """Return unit vectors (n, d), rounded to float16, in the order of `ids`; NotFoundError for an unknown id."""

    def iter_vectors(self, batch: int = 4096) -> Iterator[tuple[Ids, Vectors]]:
        """Yield (ids, unit vectors (n, d)) of all chunks by ascending id, `batch` at a time."""

    def texts(self, ids: Sequence[int] | Ids) -> list[ChunkText]:
        """Return the searched texts of chunks, in the order of `ids`; raises NotFoundError."""

    def iter_texts(self, batch: int = 4096) -> Iterator[tuple[Ids, list[ChunkText]]]:
        """Yield ids and searched texts of all chunks by ascending id, `batch` at a time."""

    def unit_vectors(self, ids: Sequence[int] | Ids) -> tuple[Vectors, NDArray[np.intp]]:
        """Return the vectors (m, d) of all units of some chunks, and for each the index into `ids` of its chunk.

        They may be rounded to 8 bits. Chunks without units, and unknown ones, have no rows.
        """

    def unit_cosines(self, query: Vectors, ids: Sequence[int] | Ids) -> tuple[Vectors, Ids]:
        """Return the cosine of a query (d,) with every unit of some chunks, float32 (m,), and int64 (n + 1,) bounds.

        Those of chunk ids[i] are between bounds[i] and bounds[i + 1], in their order; ids must not repeat.
        """

    def unit_bodies(self, ids: Sequence[int] | Ids) -> Sequence[bytes]:
        """Return the stored bytes of the vectors of each chunk's units, for copies; empty for a chunk without any."""

    def known_vectors(self, hashes: Sequence[bytes]) -> dict[bytes, Vectors]:
        """Return the stored unit vectors (d,) of the collection's model, by the SHA-256 of `Chunk.embedded`."""

    def changes_since(self, revision: int) -> Changes | None:
        """Return the chunks that were added and deleted since a revision; None when it is not logged any more."""

    def quantizer(self) -> Quantizer | None:
        """Return the quantizer for the collection's model, None when there is none; CorruptError by its checksum."""

    def quantizer_number(self) -> int:
        """Return the number of the quantizer for the collection's model, 0 when there is none."""


class Reader(Protocol):
    """One committed state of a collection. It is valid inside `with store.read()`, on any one thread at a time."""

    @property
    def identity(self) -> str:
        """Names this collection, wherever its data is moved to; a new or restored one has another."""

    @property
    def created_at(self) -> str:
        """When the collection was made: UTC, ISO 8601."""

    @property
    def revision(self) -> int:
        """Grows by one with every committed transaction that changed documents."""

    @property
    def generation(self) -> int:
        """The last run that has committed something: the greatest number, where several write at once."""

    @property
    def pinned(self) -> Mapping[str, Any] | None:
        """The chunk settings and model name of the first write, None before it."""

    @property
    def fingerprint(self) -> Fingerprint | None:
        """The embedding model of the collection, None before the first write."""

    @property
    def documents(self) -> DocumentReader:
        """The documents of this state."""

    @property
    def files(self) -> FileReader:
        """The states of ingested files."""

    @property
    def chunks(self) -> ChunkReader:
        """The chunks and vectors of this state."""

    def counts(self) -> Counts:
        """Return the totals of the collection."""

    def generations(self) -> list[Generation]:
        """Return every run that changed the collection, oldest first."""

    def adapter_id(self) -> int | None:
        """Return the id of the query adapter for the collection's model, None when there is none."""

    def adapter(self) -> AdapterRow | None:
        """Return the query adapter (d, d) for the collection's model, None when there is none; CorruptError when it
        is damaged. It maps a query vector q to matrix @ q."""


class Writer(Protocol):
    """Writes to one collection as one generation, inside `with store.write(...)`, which holds the writer lock.

    Every method commits before it returns, or changes nothing; `atomic` makes several calls one transaction. It is safe
    for several threads: their calls run one at a time. Use after the run raises StoreError.

    In a back end of several writers, other runs may commit between two calls, never during one or within `atomic`: a
    call finds all that was committed before it, and waits for those that are at it (LockedError when that takes too
    long). `repin`, `clear` and `compact` hold the collection alone from then to the end of the run, or raise
    LockedError.
    """

    @property
    def generation(self) -> int:
        """The number that this run has, or would have: a run that changes nothing leaves no trace.

        It is the run's own from its first commit on; runs are numbered in the order of their first commits.
        """

    def atomic(self) -> AbstractContextManager[None]:
        """Make every call within the body one transaction; an error undoes all of them. It can't be nested."""

    def known_vectors(self, hashes: Sequence[bytes]) -> dict[bytes, Vectors]:
        """Return stored unit vectors (d,) of this run's model by the SHA-256 of `Chunk.embedded`."""

    def keep_vectors(self, hashes: Sequence[bytes], vectors: Vectors, *, units: Sequence[Vectors | None] = ()) -> None:
        """Store unit vectors (n, d) before the chunks that will use them; raises EmbeddingError for bad ones."""

    def put(
        self,
        document: Document,
        chunks: Sequence[Chunk],
        vectors: Vectors,
        *,
        units: Sequence[Vectors | None] = (),
        file: FileState | None = None,
    ) -> Outcome:
        """Store a document with its chunks and their unit vectors (n, d), in place of the one of the same source.

        units: for each chunk the vectors (m, d) of its m units, or None where the chunk has none or they are stored
        with its vector already. Raises InputError when a chunk is not the slice of the text that it says or metadata
        can't be stored, EmbeddingError for bad vectors, ModelMismatchError when the collection has another model.
        """

    def remove(self, source: str) -> bool:
        """Delete a document and the states of its files; False when there is none."""

    def rename(self, old: str, new: str) -> None:
        """Give a document another source; its chunks keep ids and vectors, and the state of its file is deleted.

        Raises NotFoundError, InputError for a name that no document may have, ConflictError when the new one exists.
        """

    def record_file(self, state: FileState) -> None:
        """Record a file's state. Written with the next transaction, or at the end; the collection's revision stays."""

    def forget_file(self, root: str, path: bytes) -> None:
        """Delete a file's state. Written with the next transaction, or at the end; the collection's revision stays."""

    def flush(self) -> None:
        """Write the pending changes of `record_file` and `forget_file`."""

    def repin(self) -> None:
        """Make this run's model and chunk settings the collection's; only within `atomic`, of a "rebuild" run.

        Every document must be put again before `atomic` ends, or it raises StoreError and nothing has changed.
        """

    def set_adapter(self, matrix: Vectors, evidence: Mapping[str, Any]) -> None:
        """Store the query adapter (d, d) in place of any other; InputError unless it is finite and of that shape."""

    def drop_adapter(self) -> bool:
        """Delete the query adapter; False when there is none."""

    def clear(self) -> None:
        """Delete every document, the states of files, the adapter and the pinned settings; keep vectors."""

    def compact(self) -> int:
        """Delete vectors that no chunk uses and the log of deleted chunks; return how many vectors. Not in `atomic`."""


class Store(Protocol):
    """One collection, for many threads and processes at once. Use after `close` raises StoreError."""

    @property
    def name(self) -> str:
        """The collection's name."""

    @property
    def folder(self) -> Path:
        """Where this machine keeps files of the collection; search indexes are cached below it."""

    def read(self) -> AbstractContextManager[Reader]:
        """Open one committed state, which later writes do not change. NotFoundError: it was deleted."""

    def write(
        self,
        *,
        kind: str,
        fingerprint: Fingerprint | None,
        settings: Mapping[str, Any],
        extractor: str = "",
        wait: float = 0.0,
    ) -> AbstractContextManager[Writer]:
        """Hold the writer lock and write, as one generation; a run that changes nothing leaves none.

        A back end says whether several runs may share the lock; one of the kind "rebuild" holds it alone everywhere.
        fingerprint: of the model whose vectors will be put, None when none will be (removals, renames, compaction).
        settings: what the collection pins, `Settings.pinned()`; kept with the generation. wait: seconds to wait for
        the lock. Raises LockedError, and ModelMismatchError when the collection was built with another model or other
        chunk settings, unless kind is "rebuild" (see `Writer.repin`).
        """

    def writer_holder(self, *, alone: bool = False) -> str:
        """Return who holds the writer lock, in words, as LockedError names it; "" when nobody does.

        alone: only who keeps every other run out.
        """

    def verify(self) -> list[Problem]:
        """Check every text, chunk, page and vector, and every ingested file that still exists; return the problems."""

    def doctor(self) -> dict[str, Any]:
        """Check the database's consistency; return the findings as JSON, with faults under "problems"."""

    def backup(self, target: Path) -> dict[str, Any]:
        """Write the last committed state to one new file; return what it holds, as JSON.

        Raises ConflictError (the file exists), NotFoundError (its folder does not), StoreError (no back-up of this
        back end).
        """

    def size(self) -> int:
        """Return the bytes that the collection takes in the store."""

    def follow_files(self) -> bool:
        """Bring its prompts, examples, feedback and originals in line with other machines; False: nothing to do."""

    def close(self) -> None:
        """Close what is open and idle; readers in use stay valid."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...


class Backend(Protocol):
    """The collections at one kind of place: what `ragkit.store.opening` finds by the scheme of a location."""

    def open(self, location: str, name: str, *, create: bool = False) -> Store:
        """Open a collection. Raises InputError (bad name), NotFoundError (missing, `create` false), CorruptError,
        SchemaVersionError."""

    def create(self, location: str, name: str) -> None:
        """Make an empty collection. Raises InputError for a bad name, ConflictError if it exists."""

    def folder(self, location: str) -> Path:
        """Return where this machine keeps files for a location; nothing need exist there yet."""

    def identity(self, location: str, name: str) -> str | None:
        """Return what names a collection of a location among all that ever had its name; None when there is none."""

    def names(self, location: str) -> list[str]:
        """Return the names of the collections, sorted."""

    def delete(self, location: str, name: str) -> None:
        """Delete a collection with everything in it. Raises NotFoundError, and LockedError while it is written."""

    def restore(self, file: Path, location: str, name: str) -> None:
        """Make a collection from a backup file. Raises NotFoundError, CorruptError, ConflictError."""

    def database(self, location: str) -> SharedDatabase | None:
        """Return the database that holds the collections, for tables of other programs; None where there is none."""
