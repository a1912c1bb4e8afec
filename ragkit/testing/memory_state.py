"""The state of one collection in memory, and the matching of filters."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ragkit.store.filters import Condition, Filter, Group, Value, is_dated, kind_of, like_glob
from ragkit.store.rows import AdapterRow, ChunkRow
from ragkit.types.collection import FileState, Fingerprint, Generation
from ragkit.types.documents import Document

Vectors = NDArray[np.float32]
VectorKey = tuple[str, bytes]
"""Fingerprint id, and the SHA-256 of what was embedded."""

_ORDERS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "eq": operator.eq,
    "in": operator.eq,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}
_TEXTS: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "prefix": str.startswith,
    "glob": lambda text, pattern: fnmatchcase(text, like_glob(pattern)),
    "contains": lambda text, part: part in text,
    "before": lambda text, bound: is_dated(text) and text < bound,
    "after": lambda text, bound: is_dated(text) and text >= bound,
}


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document, the run that wrote it, and when: ISO 8601 and microseconds since 1970. metadata: its JSON."""

    id: int
    document: Document
    metadata: str
    generation: int
    updated_at: str
    updated_us: int


@dataclass(frozen=True, slots=True)
class StoredChunk:
    """A chunk and the key of its vector."""

    row: ChunkRow
    key: VectorKey


@dataclass(frozen=True, slots=True)
class StoredVector:
    """A unit vector (d,) and the vectors (m, d) of its chunk's units, if any."""

    vector: Vectors
    units: Vectors | None = None


@dataclass(slots=True)
class State:
    """One state of a collection. A committed one is never changed: a transaction works on a copy.

    log: (revision, chunk id) of deleted chunks. last_chunks: the last chunk id of each revision that is known.
    """

    identity: str
    created_at: str
    revision: int = 0
    generation: int = 0
    floor: int = 0
    pinned: Mapping[str, Any] | None = None
    fingerprint: Fingerprint | None = None
    documents: dict[int, StoredDocument] = field(default_factory=dict)
    chunks: dict[int, StoredChunk] = field(default_factory=dict)
    vectors: dict[VectorKey, StoredVector] = field(default_factory=dict)
    files: dict[tuple[str, bytes], FileState] = field(default_factory=dict)
    generations: list[Generation] = field(default_factory=list)
    log: list[tuple[int, int]] = field(default_factory=list)
    last_chunks: dict[int, int] = field(default_factory=lambda: {0: 0})
    adapter: AdapterRow | None = None
    adapters: int = 0
    last_document: int = 0
    last_chunk: int = 0

    def copy(self) -> State:
        """Return a copy that can be changed; the values in it are immutable and shared."""
        return replace(
            self,
            documents=dict(self.documents),
            chunks=dict(self.chunks),
            vectors=dict(self.vectors),
            files=dict(self.files),
            generations=list(self.generations),
            log=list(self.log),
            last_chunks=dict(self.last_chunks),
        )

    def find(self, source: str) -> StoredDocument | None:
        """Return the document of a source."""
        return next((item for item in self.documents.values() if item.document.source == source), None)

    def chunks_of(self, document_id: int) -> list[StoredChunk]:
        """Return the chunks of a document in their order."""
        found = (item for item in self.chunks.values() if item.row.document_id == document_id)
        return sorted(found, key=lambda item: item.row.ordinal)

    def forget_log(self) -> None:
        """Clear the log of deleted chunks: caches of an earlier revision must rebuild."""
        self.log.clear()
        self.last_chunks = {self.revision: self.last_chunks.get(self.revision, self.last_chunk)}
        self.floor = self.revision


def matches(where: Filter, stored: StoredDocument, row: ChunkRow | None = None) -> bool:
    """Tell whether a filter matches a chunk of a document; without a chunk, a document."""
    if isinstance(where, Group):
        found = (matches(item, stored, row) for item in where.filters)
        return all(found) if where.operator == "and" else any(found)
    if where.operator == "missing":
        return not _values(where.key, stored)
    if where.operator in ("ne", "nin"):
        opposite = Condition("eq" if where.operator == "ne" else "in", where.key, where.values)
        return not matches(opposite, stored, row)
    return any(_holds(where, value, stored, row) for value in where.values)


def _holds(condition: Condition, wanted: Value, stored: StoredDocument, row: ChunkRow | None) -> bool:
    if condition.key == "page":
        return _touches(condition.operator, int(wanted or 0), row)
    if condition.operator in _TEXTS:
        test = _TEXTS[condition.operator]
        return any(isinstance(item, str) and test(item, str(wanted)) for item in _values(condition.key, stored))
    compare = _ORDERS[condition.operator]
    kind, value = kind_of(wanted)
    for item in _values(condition.key, stored):
        own_kind, own = kind_of(item)
        if own_kind == kind and compare(own, value):
            return True
    return False


def _touches(comparison: str, page: int, row: ChunkRow | None) -> bool:
    """Tell whether any page of a chunk satisfies a comparison."""
    if row is None or row.page is None or row.page_end is None:
        return False
    if comparison in ("gt", "gte"):
        return _ORDERS[comparison](row.page_end, page)
    if comparison in ("lt", "lte"):
        return _ORDERS[comparison](row.page, page)
    return row.page <= page <= row.page_end


def _values(key: str, stored: StoredDocument) -> Sequence[Value]:
    document = stored.document
    if key in ("source", "title", "media_type", "sha256"):
        return (getattr(document, key),)
    if key == "time":
        return (stored.updated_us,)
    if key not in document.metadata:
        return ()
    value = document.metadata[key]
    return tuple(value) if isinstance(value, tuple | list) else (value,)
