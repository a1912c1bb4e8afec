"""An LRU cache of question vectors, so that a repeated question is not embedded again."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


class QueryVectorCache:
    """An LRU cache of vectors by the digest of their text; no text is stored. Thread-safe.

    A vector of 384 numbers takes 1.7 KiB with its key. limit: most vectors cached, 0 for none.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._rows: OrderedDict[bytes, NDArray[np.float32]] = OrderedDict()

    def __len__(self) -> int:
        """Return how many vectors are cached."""
        return len(self._rows)

    def find(self, texts: Sequence[str]) -> NDArray[np.float32] | None:
        """Return a copy of the cached vectors (n, d); None if `texts` is empty or any of them is not cached."""
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
        """Cache the vectors (n, d) of some texts; the least recently used ones are evicted."""
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
