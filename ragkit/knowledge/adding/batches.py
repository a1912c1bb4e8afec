"""Documents on their way through a run, with their chunks, in batches that are embedded together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ragkit.types.collection import FileState, PreparedDocument
from ragkit.types.documents import Chunk, Document

Item = Document | PreparedDocument | tuple[Document, FileState | None]
"""What is added: a document, with the state of its file if it has one, or one that was chunked elsewhere."""
BATCH_TOKENS = 24_000
"""Tokens that one model embeds together: enough to sort texts by length, few enough to commit every few seconds."""
BATCH_CHARACTERS = 8_000_000
"""Code points of waiting documents: a bound on memory, however few tokens need embedding."""


@dataclass(slots=True)
class Waiting:
    """A document with its chunks, waiting for their vectors."""

    document: Document
    file: FileState | None
    chunks: Sequence[Chunk]
    hashes: list[bytes]


@dataclass(slots=True)
class Batch:
    """Documents that are embedded together; new: chunks whose texts have no vector yet, by the text's hash."""

    documents: list[Waiting] = field(default_factory=list)
    new: dict[bytes, Chunk] = field(default_factory=dict)
    vectors: dict[bytes, NDArray[np.float32]] = field(default_factory=dict)
    units: dict[bytes, NDArray[np.float32]] = field(default_factory=dict)
    tokens: int = 0
    characters: int = 0

    def full(self, lanes: int) -> bool:
        """Return whether the batch should be embedded now, by so many models."""
        return self.tokens >= BATCH_TOKENS * lanes or self.characters >= BATCH_CHARACTERS


def parts_of(item: Item) -> tuple[Document, FileState | None, Sequence[Chunk] | None]:
    """Return a document, the state of its file, and its chunks where they were made elsewhere."""
    if isinstance(item, PreparedDocument):
        return item.document, item.file, item.chunks
    document, file = item if isinstance(item, tuple) else (item, None)
    return document, file, None
