"""What is embedded of a chunk, and the vectors of many as the rows of one array."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ragkit.text.addresses import spans_without_addresses
from ragkit.types.documents import Chunk

Spans = list[tuple[int, int]]


def embedded_spans(chunk: Chunk) -> Spans:
    """Return the units of a chunk as spans of `chunk.embedded`; the whole text where it is one unit."""
    shift = len(chunk.context) + 1 if chunk.context else 0
    spans = spans_without_addresses(chunk.text, chunk.units or ((0, len(chunk.text)),))
    return [(start + shift, end + shift) for start, end in spans]


def stacked(
    hashes: Sequence[bytes], vectors: Mapping[bytes, NDArray[np.float32]], dimension: int
) -> NDArray[np.float32]:
    """Return the vectors of these hashes as rows (n, d), copied one by one: np.stack holds the GIL for all of them."""
    rows = np.empty((len(hashes), dimension), dtype=np.float32)
    for index, item in enumerate(hashes):
        rows[index] = vectors[item]
    return rows
