"""A pool of read-only connections; each is used by one reader at a time."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Final

import apsw

from ragkit.errors import StoreError
from ragkit.store.sqlite.connection import is_immutable, open_reader

IDLE_LIMIT: Final = 16


class ReadPool:
    """Read connections, each used by one thread at a time. A thread that ends leaves no connection open."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._idle: list[apsw.Connection] = []
        self._inherited: list[list[apsw.Connection]] = []
        self._closed = False
        self._pid = os.getpid()

    def check_open(self) -> None:
        """Raise StoreError when the pool is closed."""
        if self._closed:
            raise StoreError("this store is closed", cure="open it again")

    def take(self) -> apsw.Connection:
        """Return an idle connection, or a new one."""
        with self._lock:
            self.check_open()
            if self._pid != os.getpid():  # SQLite forbids a connection on both sides of a fork: keep, never touch
                self._inherited.append(self._idle)
                self._idle = []
                self._pid = os.getpid()
            if self._idle:
                return self._idle.pop()
        return open_reader(self._path)

    def give(self, connection: apsw.Connection, *, intact: bool) -> None:
        """Take a connection back; it is closed when it is damaged, or the pool is full or closed."""
        with self._lock:
            if intact and not self._closed and len(self._idle) < IDLE_LIMIT and not is_immutable(connection):
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
