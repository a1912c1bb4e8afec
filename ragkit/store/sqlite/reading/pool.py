"""Read-only connections that are kept open and lent to one reader each."""

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
    """Read connections, each used by one thread at a time; threads may come and go without leaving any behind."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._idle: list[apsw.Connection] = []
        self._inherited: list[list[apsw.Connection]] = []
        self._closed = False
        self._pid = os.getpid()

    def check_open(self) -> None:
        if self._closed:
            raise StoreError("this store is closed", cure="open it again")

    def take(self) -> apsw.Connection:
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
        with self._lock:
            if intact and not self._closed and len(self._idle) < IDLE_LIMIT and not is_immutable(connection):
                self._idle.append(connection)
                return
        connection.close()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()
