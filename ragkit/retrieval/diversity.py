"""Maximal marginal relevance: hits that are relevant and different from each other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ragkit.numeric.arrays import Scores
from ragkit.numeric.vectors import cosines


def diverse(
    order: NDArray[np.int64], scores: Scores, vectors: NDArray[np.float32], *, share: float, count: int
) -> NDArray[np.int64]:
    """Reorder by maximal marginal relevance (Carbonell and Goldstein 1998); `share` is the weight of diversity."""
    pool = order[: max(count, 1) * 2].tolist()
    chosen = [pool.pop(0)]
    nearest = cosines(vectors[pool], vectors[chosen[0]])
    while pool and len(chosen) < count:
        value = (1 - share) * scores[pool] - share * nearest
        at = int(np.argmax(value))
        chosen.append(pool.pop(at))
        nearest = np.delete(nearest, at)
        if pool:
            nearest = np.maximum(nearest, cosines(vectors[pool], vectors[chosen[-1]]))
    return np.array(chosen, dtype=np.int64)
