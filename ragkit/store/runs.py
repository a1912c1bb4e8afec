"""A run of writing, in every back end: what its transactions carry, and what a Writer needs of a back end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from ragkit.store.base import Outcome
from ragkit.store.encoding import DocumentRecord, dump_settings
from ragkit.store.rows import embedded_hash
from ragkit.types.collection import FileState, Fingerprint
from ragkit.types.documents import Chunk, Document

Vectors = NDArray[np.float32]
Statement = tuple[str, Sequence[Any]]
"""SQL of a back end, and its bound values."""
Stamp = tuple[int, str, int]
"""Generation, time as ISO 8601, time as microseconds since 1970: the values that a document row is stamped with."""

LOG_SLACK: Final = 1_000
"""The log of deleted chunks is kept while it is at most this much longer than the collection: a cache that is farther
behind is rebuilt faster than it catches up."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Run:
    """What is written, by what, and when. settings: kept with the generation; the collection pins some of them."""

    kind: str
    extractor: str
    settings: Mapping[str, Any]
    fingerprint: Fingerprint | None
    clock: Callable[[], datetime]

    @property
    def rebuilds(self) -> bool:
        """Whether it may change what the collection has pinned, so that no other run may write at the same time."""
        return self.kind == "rebuild"


@dataclass(frozen=True, slots=True)
class OpenGeneration:
    """The row of a generation that has begun. model, fingerprint: "" for a run without a model. settings: JSON."""

    number: int
    started_at: str
    kind: str
    model: str
    fingerprint: str
    extractor: str
    settings: str

    @classmethod
    def of(cls, run: Run, *, number: int, started: datetime) -> OpenGeneration:
        """Return the row of a run."""
        model, digest = ("", "") if run.fingerprint is None else (run.fingerprint.model, run.fingerprint.id)
        return cls(number, iso(started), run.kind, model, digest, run.extractor, dump_settings(run.settings))


@dataclass(frozen=True, slots=True)
class ChunkedDocument:
    """A document's chunks with their unit vectors (n, d); units: vectors (m, d) of each chunk's m units, or ()."""

    chunks: Sequence[Chunk]
    vectors: Vectors
    units: Sequence[Vectors | None] = ()

    @property
    def hashes(self) -> list[bytes]:
        """The key of each vector."""
        return [embedded_hash(chunk) for chunk in self.chunks]


class Change:
    """Changes of one transaction to the totals. `touched`: documents changed, so the commit makes a new revision."""

    def __init__(self) -> None:
        self.touched = False
        self.documents = self.chunks = self.characters = self.pages = self.vectors = 0
        self.added = self.changed = self.removed = 0
        self.forgets_log = False

    def include(self, inner: Change) -> None:
        """Add the changes of a savepoint, once it is released."""
        for name, value in vars(inner).items():
            before = getattr(self, name)
            setattr(self, name, before or value if isinstance(value, bool) else before + value)


def stamp_of(generation: int, moment: datetime) -> Stamp:
    """Return the stamp of a document that a run stores at a moment."""
    return generation, iso(moment), (moment - _EPOCH) // timedelta(microseconds=1)


def iso(moment: datetime) -> str:
    """Return a moment as ISO 8601 in UTC, to the millisecond."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Statements(Protocol):
    """What a Writer changes, in the SQL of one back end; each call is within a transaction of the session."""

    def can_hold(self, text: str) -> bool:
        """Tell whether the back end can hold a text."""

    def check(self, source: str, record: DocumentRecord, chunks: Sequence[Chunk]) -> None:
        """Raise InputError for a document that the back end can't hold."""

    def find(self, source: str) -> tuple[int, int, int] | None:
        """Return the id, the characters and the pages of a document; None when there is none."""

    def put(self, change: Change, document: Document, record: DocumentRecord, *, cut: ChunkedDocument) -> Outcome:
        """Insert or replace a document; an equal document that is stored already is not written."""

    def delete_document(self, change: Change, document_id: int) -> None:
        """Delete a document with its chunks, and log their ids."""

    def rename(self, old: str, new: str, *, stamp: Stamp) -> None:
        """Give a document another source."""

    def delete_all_documents(self) -> None:
        """Delete every document with its chunks."""

    def totals(self) -> tuple[int, int, int, int]:
        """Return the documents, chunks, characters and pages of the last commit."""

    def known_vectors(self, hashes: Sequence[bytes]) -> dict[bytes, Vectors]:
        """Return stored unit vectors (d,) of the run's model by hash; it needs no transaction."""

    def store_vectors(
        self, change: Change, hashes: Sequence[bytes], vectors: Vectors, units: Sequence[Vectors | None]
    ) -> None:
        """Store the vectors that are missing, and those of units."""

    def delete_unused(self) -> int:
        """Delete vectors that no chunk uses, and fingerprints without vectors; return how many vectors."""

    def give_space_back(self) -> None:
        """Shrink the files of the back end, after the transaction."""

    def store_adapter(self, matrix: Vectors, evidence: Mapping[str, Any]) -> None:
        """Insert the query adapter."""

    def delete_adapters(self, *, but: str = "") -> int:
        """Delete the query adapters but those of a fingerprint; return how many."""

    def record_file(self, state: FileState) -> Statement:
        """Return the statement that stores a file's state; the detail of its report is made text."""

    def forget_file(self, root: str, path: bytes) -> Statement:
        """Return the statement that deletes a file's state."""

    def forget_files_of(self, source: str) -> None:
        """Delete the states of the files of a document."""

    def forget_all_files(self) -> None:
        """Delete the states of all files."""

    def execute(self, statement: Statement) -> None:
        """Run a statement of `record_file` or `forget_file`."""
