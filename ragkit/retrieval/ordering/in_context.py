"""Scores of candidates -> scores that say where a chunk stands: beside others that match, or around an echo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ragkit.retrieval.ordering.echoes import SHARE, echoing
from ragkit.retrieval.ordering.neighbours import with_neighbours
from ragkit.retrieval.ordering.release_notes import asks_about_changes, without_release_notes
from ragkit.store.base import Reader
from ragkit.store.rows import ChunkRow

Scores = NDArray[np.float64]

_LOOKED_AT: Final = 40


@dataclass(frozen=True, slots=True)
class InContext:
    """Candidates in their context. scores: (n,). rows: the chunks that were read for it, by id.

    echoes: the ids of those that only quote the question.
    """

    scores: Scores
    rows: dict[int, ChunkRow]
    echoes: NDArray[np.int64]

    def surest(self, ids: NDArray[np.int64], first: Scores) -> float:
        """Return the best of the first scores (n,) of the candidates, of which that of an echo is not all earned."""
        return float(np.where(np.isin(ids, self.echoes), SHARE * first, first).max())


def in_context(question: str, ids: NDArray[np.int64], fused: Scores, reader: Reader) -> InContext:
    """Raise the scores (n,) of the best candidates by their neighbours, and lower those of release notes and echoes.

    How many are looked at is fixed, so that k does not change the order.
    """
    best = np.lexsort((ids, -fused))[:_LOOKED_AT]
    found = reader.chunks.rows(ids[best])
    rows = [found[int(item)] for item in ids[best]]
    echoed = echoing(question, rows)
    scores = np.where(echoed, SHARE * fused[best], fused[best])
    if not asks_about_changes(question):
        scores = without_release_notes(scores, rows)
    out = fused.copy()
    out[best] = with_neighbours(scores, rows)
    return InContext(out, found, ids[best][echoed])
