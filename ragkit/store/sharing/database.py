"""The protocol of a database in which programs keep tables of their own, beside the collections of a shared store."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

Row = tuple[Any, ...]


class Statements(Protocol):
    """The statements of one transaction. Bindings are marked $1, $2 and so on; text is never part of a statement."""

    def rows(self, sql: str, bindings: Sequence[Any] = ()) -> list[Row]:
        """Return all rows of a query."""

    def changed(self, sql: str, bindings: Sequence[Any] = ()) -> int:
        """Run a statement and return how many rows it changed."""


class CommitWatch(Protocol):
    """Says which collections of a shared store any process has committed to, at the moment of the commit.

    It is a hint for keeping caches warm: every question reads the revision, whether a notice came or not.
    """

    def wait(self, seconds: float) -> frozenset[str] | None:
        """Return the names of the collections that were committed to since the last call, after `seconds` at most.

        Empty when there was none, or the server can't be reached now, which raises nothing. None when notices may have
        been missed, as after each new connection. For one thread. Wait for a few seconds at
        most: a longer wait is an error of the connection.
        """

    def close(self) -> None:
        """Close the connection, by the thread that waits or after its end."""


class SharedDatabase(Protocol):
    """A database that several processes and machines use at once. Thread-safe; use after `close` raises StoreError."""

    def prepare(self, name: str, versions: Sequence[str]) -> None:
        """Make the tables of a program, or bring them to their last version, in one transaction.

        name: of the program's tables. versions: scripts of statements; script i takes the tables from version i to
        i + 1. Raises SchemaVersionError for tables of a later version, StoreError without the right to make them.
        """

    def transaction(self) -> AbstractContextManager[Statements]:
        """Run a body in one transaction; any error rolls all of it back, and those of the driver become StoreErrors."""

    def watch_commits(self) -> CommitWatch:
        """Return a watch over the commits to all collections; close it by itself. Nothing is connected yet."""

    def close(self) -> None:
        """Close what is open and idle."""
