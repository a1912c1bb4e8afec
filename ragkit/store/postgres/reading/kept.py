"""What the readers of one collection share in a process, so that a question asks the server less."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from ragkit.store.encoding import Body
from ragkit.store.pool import Selections

UNIT_BYTES: Final = 128 << 20
"""The unit vectors that are kept take at most this many bytes; a chunk has some 2 to 4 KB at 384 dimensions."""
Ids = NDArray[np.int64]


class UnitBodies(Protocol):
    """Copies of unit vectors on this machine."""

    def find(self, ids: Ids) -> Mapping[int, memoryview]:
        """Return the bytes of those chunks of which there are copies, by id."""


class Kept:
    """Unit vectors of chunks, and metadata keys and selected ids of the newest revision; for many threads.

    A chunk's vectors never change, and an id is never used for another chunk, so they fit every revision.
    """

    def __init__(self, *, unit_bytes: int = UNIT_BYTES) -> None:
        """unit_bytes: how much of the unit vectors is kept; the oldest are dropped first."""
        self._lock = threading.Lock()
        self._units: dict[int, bytes] = {}
        self._bytes, self._most = 0, unit_bytes
        self._files: UnitBodies | None = None
        self._keys: tuple[int, list[str]] = (-1, [])
        self.selections = Selections()

    def hold_units(self, files: UnitBodies) -> None:
        """Take unit vectors from these files where they have them."""
        self._files = files

    def units(self, ids: Sequence[int]) -> dict[int, Body]:
        """Return the unit vectors of those chunks of which they are on this machine, by id."""
        found: dict[int, Body] = {}
        if self._files is not None:
            found.update(self._files.find(np.array(ids, dtype=np.int64)))
        with self._lock:
            found.update((number, self._units[number]) for number in ids if number in self._units)
        return found

    def keep_units(self, rows: Iterable[tuple[int, bytes]]) -> None:
        """Keep the unit vectors of chunks."""
        with self._lock:
            for number, body in rows:
                self._bytes += len(body) - len(self._units.get(number, b""))
                self._units[number] = body
            while self._bytes > self._most:
                self._bytes -= len(self._units.pop(next(iter(self._units))))

    def keys(self, revision: int) -> list[str] | None:
        """Return the metadata keys of a revision; None when they are not kept."""
        known, keys = self._keys
        return list(keys) if known == revision else None

    def keep_keys(self, revision: int, keys: list[str]) -> None:
        """Keep the metadata keys of a revision, unless those of a newer one are kept."""
        with self._lock:
            if revision > self._keys[0]:
                self._keys = (revision, list(keys))
