"""A document as it is put into a store: its chunks with their vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ragkit.store.rows import embedded_hash
from ragkit.types.documents import Chunk

Vectors = NDArray[np.float32]


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
