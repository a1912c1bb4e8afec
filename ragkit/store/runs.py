"""A run of writing, in every back end: what its transactions carry, and what a Writer needs of a back end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from ragkit.store.base import Outcome
from ragkit.store.chunked import ChunkedDocument
from ragkit.store.encoding import DocumentRecord
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


class WritingSession(Protocol):
    """The transactions of one run, on one connection. It is not thread-safe: the Writer's lock guards it.

    outer: the changes of the open `atomic`, None outside of it. pending: statements for the next transaction.
    """

    generation: int
    revision: int
    outer: Change | None
    pending: list[Statement]
    repinned: bool
    ended: bool

    def transaction(self) -> AbstractContextManager[Change]:
        """Open a transaction, or a savepoint within `atomic`; its end updates totals and revision."""

    def atomic(self) -> AbstractContextManager[None]:
        """Make every transaction within the body part of one."""

    def touch(self, change: Change) -> Stamp:
        """Open the generation, and pin the model if none is pinned, at the first change of a transaction."""

    def need_fingerprint(self) -> Fingerprint:
        """Return the run's fingerprint; StoreError when it has none."""

    def check_model(self) -> None:
        """Raise ModelMismatchError unless the run's model and chunk settings are the collection's."""

    def pin(self, *, only_if_free: bool) -> None:
        """Make the run's model and settings the collection's."""

    def forget_log(self, revision: int) -> None:
        """Delete the log of chunks deleted before a revision."""

    def finish(self) -> None:
        """Mark the generation as finished."""


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

    def unpin(self) -> None:
        """Let the next run pin its model and settings."""

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
