"""What the store keeps of a document, as values: rows, counts, changes, and the JSON of its structure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragkit.types.documents import Chunk, Metadata


@dataclass(frozen=True, slots=True)
class ChunkRow:
    """A stored chunk. Spans, pages and tokens are those of `Chunk`; id is never used for another chunk."""

    id: int
    document_id: int
    ordinal: int
    start: int
    end: int
    text: str
    context: str
    heading: str
    page: int | None
    page_end: int | None
    tokens: int
    units: tuple[tuple[int, int], ...] = ()

    @property
    def chunk(self) -> Chunk:
        """Return the chunk that was stored."""
        return Chunk(
            ordinal=self.ordinal,
            start=self.start,
            end=self.end,
            text=self.text,
            context=self.context,
            tokens=self.tokens,
            heading=self.heading,
            page=self.page,
            page_end=self.page_end,
            units=self.units,
        )


@dataclass(frozen=True, slots=True)
class AdapterRow:
    """A stored query adapter. id is never used for another; matrix is float32 (d, d); evidence is JSON."""

    id: int
    fingerprint: str
    created_at: str
    evidence: Mapping[str, Any]
    matrix: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """A stored document without its text."""

    id: int
    source: str
    title: str
    sha256: str
    media_type: str
    metadata: Metadata = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Counts:
    """Totals of a collection. vectors: chunks that have a vector, which is every chunk; stored_vectors: different
    vectors kept, those that no chunk uses any more included. characters: code points of text."""

    documents: int
    chunks: int
    vectors: int
    characters: int
    pages: int
    stored_vectors: int


@dataclass(frozen=True, slots=True)
class Changes:
    """What happened to chunks since a revision. removed, added: int64 chunk ids, ascending; a chunk that came and went
    in between is in neither."""

    revision: int
    generation: int
    removed: NDArray[np.int64]
    added: NDArray[np.int64]


def text_digest(text: str) -> bytes:
    """Return the SHA-256 of a text's UTF-8."""
    return hashlib.sha256(text.encode()).digest()


def embedded_hash(chunk: Chunk) -> bytes:
    """Return the key of a chunk's vector: the SHA-256 of what is embedded, its context line included."""
    return text_digest(chunk.embedded)


def embedded_hashes(chunk: Chunk) -> tuple[bytes, ...]:
    """Return the keys that a chunk's vector may have: today's, and the one of before addresses were left out."""
    return embedded_hash(chunk), text_digest(chunk.embedded_whole)
