"""What the readers of a collection share in a process: connections, and the ids that filters select."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from typing import Any, Final, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from ragkit.errors import StoreError

IDLE_LIMIT: Final = 16
SELECTION_BYTES: Final = 32 << 20
"""The ids that filters select take at most this many bytes, 8 a chunk, and the text of the filter."""
Ids = NDArray[np.int64]


class Closable(Protocol):
    """A connection of any driver."""

    def close(self) -> None:
        """End the connection."""


Connection = TypeVar("Connection", bound=Closable)


class ReadPool(Generic[Connection]):
    """Read connections, each used by one thread at a time. A thread that ends leaves no connection open."""

    def __init__(self, connect: Callable[[], Connection]) -> None:
        """connect: opens a new connection."""
        self._connect = connect
        self._lock = threading.Lock()
        self._idle: list[Connection] = []
        self._inherited: list[list[Connection]] = []
        self._closed = False
        self._pid = os.getpid()

    def check_open(self) -> None:
        """Raise StoreError when the pool is closed."""
        if self._closed:
            raise StoreError("this store is closed", cure="open it again")

    def take(self) -> Connection:
        """Return an idle connection, or a new one."""
        return self.take_idle() or self._connect()

    def take_idle(self) -> Connection | None:
        """Return an idle connection, None when there is none. Raises StoreError when the pool is closed."""
        with self._lock:
            self.check_open()
            if self._pid != os.getpid():  # no driver allows a connection on both sides of a fork: keep, never touch
                self._inherited.append(self._idle)
                self._idle = []
                self._pid = os.getpid()
            return self._idle.pop() if self._idle else None

    def give(self, connection: Connection, *, intact: bool) -> None:
        """Take a connection back; it is closed when it must not be used again, or the pool is full or closed."""
        with self._lock:
            if intact and not self._closed and len(self._idle) < IDLE_LIMIT:
                self._idle.append(connection)
                return
        connection.close()

    def close(self) -> None:
        """Close the idle connections, and the others when they are given back."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()


class Selections:
    """The chunk ids that filters select at the newest revision that was asked; for many threads.

    Every commit that changes documents has a new revision, so a filter selects the same at the same revision. Without
    this, a filter that most documents pass costs more than the search itself.
    """

    def __init__(self, *, most_bytes: int = SELECTION_BYTES) -> None:
        """most_bytes: how much is kept, of ids and of the texts of filters; the oldest are dropped first."""
        self._lock = threading.Lock()
        self._most = most_bytes
        self._known: dict[str, Ids] = {}
        self._revision = -1

    def select(self, revision: int, clause: str, bindings: Sequence[Any], find: Callable[[], Ids]) -> Ids:
        """Return the ids of a filter's SQL and its values, read-only; `find` asks the store where they are unknown."""
        key = repr((clause, bindings))
        with self._lock:
            found = self._known.get(key) if revision == self._revision else None
        if found is None:
            found = find()
            found.flags.writeable = False
            self._keep(revision, key, found)
        return found

    def _keep(self, revision: int, key: str, ids: Ids) -> None:
        with self._lock:
            if revision > self._revision:
                self._known, self._revision = {}, revision
            if revision == self._revision:
                self._known[key] = ids
            while sum(len(text) + found.nbytes for text, found in self._known.items()) > self._most:
                del self._known[next(iter(self._known))]
