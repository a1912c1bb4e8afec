"""Notices of commits: every writer sends one with its transaction, and one connection of a process waits for them."""

from __future__ import annotations

import logging
import time
from typing import Final

import psycopg

from ragkit.errors import RagkitError
from ragkit.store.postgres.connection import Connection, connect
from ragkit.store.postgres.location import Location

CHANNEL: Final = "ragkit_commits"
"""The channel of a database. A notice is the revision, a space and the name of the collection."""
NOTICE: Final = f"pg_notify('{CHANNEL}', revision || ' ' || name)"
"""SQL over a row of `collections`; the server sends it when the transaction commits, and drops it otherwise."""
FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 30.0

_log = logging.getLogger("ragkit")


class CommitListener:
    """Waits for notices of commits; see `ragkit.store.sharing.database.CommitWatch`. For one thread.

    A lost connection is made again, after 0.5 seconds at first and after 30 at last.
    """

    def __init__(self, location: Location) -> None:
        """Connect nothing yet."""
        self._location = location
        self._connection: Connection | None = None
        self._pause = FIRST_PAUSE
        self._next_try = 0.0

    def wait(self, seconds: float) -> frozenset[str] | None:
        """Return the collections that were committed to since the last call, after `seconds` at most.

        None when notices may have been missed: after each new connection.
        """
        if self._connection is None:
            return None if self._connected(seconds) else frozenset()
        try:
            notices = self._connection.notifies(timeout=seconds, stop_after=1)
            return frozenset(notice.payload.partition(" ")[2] for notice in notices)
        except psycopg.Error as error:
            self._lose(error)
            return frozenset()

    def close(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _connected(self, seconds: float) -> bool:
        """Connect and listen, when it is time for it; False when there is no connection then."""
        left = self._next_try - time.monotonic()
        if left > 0:
            time.sleep(min(left, seconds))
            return False
        try:
            self._connection = connect(self._location, role="listener")
            self._connection.execute(f"LISTEN {CHANNEL}")
        except (RagkitError, psycopg.Error) as error:
            self._lose(error)
            return False
        self._pause = FIRST_PAUSE
        return True

    def _lose(self, error: Exception) -> None:
        _log.info("no notices of commits from %s: %s", self._location, error)
        self._next_try = time.monotonic() + self._pause
        self._pause = min(2 * self._pause, LONGEST_PAUSE)
        self.close()
