"""Vectors of the questions that were asked last, so that one that is asked again need not be embedded again."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


class QueryVectorCache:
    """The last `limit` rows by the digest of their text; no text is kept. Thread-safe.

    A row of 384 numbers takes 1.7 KiB with its key. limit: 0 for none.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._rows: OrderedDict[bytes, NDArray[np.float32]] = OrderedDict()

    def __len__(self) -> int:
        """Return how many are kept."""
        return len(self._rows)

    def find(self, texts: Sequence[str]) -> NDArray[np.float32] | None:
        """Return the rows (n, d) of some texts, the caller's own; None where one is not known, or nothing is asked."""
        if not self._rows or not texts:
            return None
        keys = [_key(text) for text in texts]
        with self._lock:
            found = [self._rows.get(key) for key in keys]
            rows = [row for row in found if row is not None]
            if len(rows) < len(keys):
                return None
            for key in keys:
                self._rows.move_to_end(key)
        return np.stack(rows)

    def keep(self, texts: Sequence[str], rows: NDArray[np.float32]) -> None:
        """Remember the rows (n, d) of some texts; what was asked longest ago is forgotten for them."""
        if not self._limit:
            return
        fresh = {_key(text): row.copy() for text, row in zip(texts[-self._limit :], rows[-self._limit :], strict=True)}
        with self._lock:
            for key, row in fresh.items():
                self._rows[key] = row
                self._rows.move_to_end(key)
            while len(self._rows) > self._limit:
                self._rows.popitem(last=False)


def _key(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
