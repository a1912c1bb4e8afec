"""Sorted arrays of chunk ids."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]


def is_member(ids: Ids, ascending: Ids) -> NDArray[np.bool_]:
    """Return for each id (n,) whether it is among the ascending ids (m,); bool (n,)."""
    if not len(ascending):
        return np.zeros(len(ids), dtype=np.bool_)
    places = np.minimum(np.searchsorted(ascending, ids), len(ascending) - 1)
    found: NDArray[np.bool_] = ascending[places] == ids
    return found
