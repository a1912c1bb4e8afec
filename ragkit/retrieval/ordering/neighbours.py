"""A chunk next to another one that matches is more likely to answer: neighbours raise each other's scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ragkit.store.rows import ChunkRow

Scores = NDArray[np.float64]

WEIGHT: Final = 0.2
"""Of the better neighbour's score, where a chunk's own weighs 1. The chunking set and five trees of documentation agree
on 0.15 to 0.2 (see docs/evaluation.md)."""


LONG: Final = 4
"""A document is long where a chunk of this ordinal or a higher one is among the best. In a short one each chunk has a
neighbour that matches, so that neighbours would only favour documents of two chunks over those of one."""


def with_neighbours(scores: Scores, rows: Sequence[ChunkRow]) -> Scores:
    """Return the scores of the best chunks (n,), each raised by what the better of its two neighbours has above the
    weakest of all.

    A neighbour that is not among them raises nothing, and neither does one in a short document or one with pages: a
    page of tables says little about the next (on filings, smoothing lost a tenth of the right pages).
    """
    weakest = min(scores.tolist(), default=0.0)
    long = {row.document_id for row in rows if row.ordinal >= LONG and row.page is None}
    if not long:
        return scores
    at = {
        (row.document_id, row.ordinal): score
        for row, score in zip(rows, scores.tolist(), strict=True)
        if row.document_id in long
    }
    beside = [max(at.get((row.document_id, row.ordinal + step), weakest) for step in (-1, 1)) for row in rows]
    raised: Scores = scores + WEIGHT * (np.array(beside, dtype=np.float64) - weakest)
    return raised
