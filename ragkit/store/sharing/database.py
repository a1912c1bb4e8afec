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


class SharedDatabase(Protocol):
    """A database that several processes and machines use at once. Thread-safe; use after `close` raises StoreError."""

    def prepare(self, name: str, versions: Sequence[str]) -> None:
        """Make the tables of a program, or bring them to their last version, in one transaction.

        name: of the program's tables. versions: scripts of statements; script i takes the tables from version i to
        i + 1. Raises SchemaVersionError for tables of a later version, StoreError without the right to make them.
        """

    def transaction(self) -> AbstractContextManager[Statements]:
        """Run a body in one transaction; any error rolls all of it back, and those of the driver become StoreErrors."""

    def close(self) -> None:
        """Close what is open and idle."""
