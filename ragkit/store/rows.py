"""Values that a store returns: rows of documents, chunks and adapters, counts, changes and problems."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragkit.text.digests import text_sha256
from ragkit.types.documents import Block, Chunk, Heading, Metadata, Page


@dataclass(frozen=True, slots=True)
class ChunkRow:
    """A stored chunk. Spans, pages and tokens are those of `Chunk`. An id is never used for another chunk."""

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
    """A stored query adapter. An id is never used for another one. matrix: float32 (d, d). evidence: JSON."""

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
class StructureRow:
    """Where the parts of a stored document are. id: of the document; characters: length of its text in code points."""

    id: int
    characters: int
    pages: tuple[Page, ...] = ()
    headings: tuple[Heading, ...] = ()
    blocks: tuple[Block, ...] = ()


@dataclass(frozen=True, slots=True)
class Counts:
    """Totals of a collection. vectors: chunks that have a vector, which is every chunk. stored_vectors: distinct
    vectors, including those that no chunk uses any more. characters: code points of text."""

    documents: int
    chunks: int
    vectors: int
    characters: int
    pages: int
    stored_vectors: int


@dataclass(frozen=True, slots=True)
class Changes:
    """The chunks deleted and added since a revision. removed, added: int64 chunk ids, ascending; a chunk that was
    both added and deleted in between is in neither."""

    revision: int
    generation: int
    removed: NDArray[np.int64]
    added: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Problem:
    """A stored value that differs from the one that was put.

    kind: "text", "chunk", "page", "vector", "row", "adapter", "quantizer" or "file".
    """

    kind: str
    source: str
    detail: str

    def __str__(self) -> str:
        return f"{self.source}: {self.kind}: {self.detail}" if self.source else f"{self.kind}: {self.detail}"

    def as_dict(self) -> dict[str, Any]:
        """Return the problem as JSON."""
        return {"kind": self.kind, "source": self.source, "detail": self.detail}


def text_digest(text: str) -> bytes:
    """Return the SHA-256 of a text's UTF-8."""
    return text_sha256(text).digest()


def embedded_hash(chunk: Chunk) -> bytes:
    """Return the key of a chunk's vector: the SHA-256 of what is embedded, its context line included."""
    return text_digest(chunk.embedded)


def embedded_hashes(chunk: Chunk) -> tuple[bytes, ...]:
    """Return the keys that a chunk's vector may have: the current one, and the one from before link addresses were
    left out."""
    return embedded_hash(chunk), text_digest(chunk.embedded_whole)
