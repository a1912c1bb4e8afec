"""A pool of read-only connections; each is used by one reader at a time."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Final, Generic, Protocol, TypeVar

from ragkit.errors import StoreError

IDLE_LIMIT: Final = 16


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
