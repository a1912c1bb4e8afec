"""Scores of candidates -> scores that also say where a chunk stands: beside others that match, or in release notes."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ragkit.retrieval.ordering.neighbours import with_neighbours
from ragkit.retrieval.ordering.release_notes import asks_about_changes, without_release_notes
from ragkit.store.base import Reader
from ragkit.store.rows import ChunkRow

Scores = NDArray[np.float64]

_LOOKED_AT: Final = 40


def in_context(
    question: str, ids: NDArray[np.int64], fused: Scores, reader: Reader
) -> tuple[Scores, dict[int, ChunkRow]]:
    """Return the scores (n,) of candidates, those of the best raised by neighbours and lowered for release notes.

    Also the chunks that were read for it, by id. How many are looked at is fixed, so that k does not change the order.
    """
    best = np.lexsort((ids, -fused))[:_LOOKED_AT]
    found = reader.chunks.rows(ids[best])
    rows = [found[int(item)] for item in ids[best]]
    scores = fused[best]
    if not asks_about_changes(question):
        scores = without_release_notes(scores, rows)
    out = fused.copy()
    out[best] = with_neighbours(scores, rows)
    return out, found
