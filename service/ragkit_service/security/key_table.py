"""The stored keys in the database of a shared store, the same for every service, and what watches them for changes."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Hashable, Sequence
from dataclasses import asdict
from typing import Final

from ragkit import ConfigError, InputError, RagkitError, SharedDatabase, Statements, StoreError
from ragkit_service.security.key_file import Grant, StoredKey, found_key, made_key, rotated_key, stored_key

logger = logging.getLogger(__name__)

TABLES: Final[Sequence[str]] = (
    """
    CREATE TABLE service_keys (
      id text PRIMARY KEY, name text NOT NULL UNIQUE, sha256 text NOT NULL, created_at text NOT NULL,
      rights text NOT NULL, number bigint GENERATED ALWAYS AS IDENTITY
    );
    CREATE TABLE service_key_changes (number bigint NOT NULL);
    INSERT INTO service_key_changes VALUES (0);
    """,
)
"""The scripts of the tables, by version. rights: the `Grant`, as JSON. service_key_changes: counts every change."""
WATCH_SECONDS: Final = 0.3
TRUSTED_SECONDS: Final = 5.0
"""How long the keys that were read last are valid while the database cannot be asked."""


class KeyTable:
    """The stored keys in a database; see `KeyStore`. One change at a time: the count of changes is their lock."""

    def __init__(self, database: SharedDatabase) -> None:
        self._database = database
        database.prepare("keys", TABLES)

    def read(self) -> list[StoredKey]:
        """Return the stored keys, oldest first; StoreError, ConfigError when they cannot be read."""
        return self.read_changed(-1)[1]

    def read_changed(self, known: int) -> tuple[int, list[StoredKey]]:
        """Return how many changes there were, and the keys, or none of them when that is what is known already."""
        with self._database.transaction() as statements:
            changes = int(statements.rows("SELECT number FROM service_key_changes")[0][0])
            return changes, [] if changes == known else _keys(statements)

    def create(self, name: str, grant: Grant) -> str:
        """Store a new random key under a name and return it; it cannot be read again. InputError, ConflictError."""
        with self._database.transaction() as statements:
            key, stored = made_key(_locked(statements), name, grant)
            statements.changed(
                "INSERT INTO service_keys (id, name, sha256, created_at, rights) VALUES ($1, $2, $3, $4, $5)",
                (stored.id, stored.name, stored.sha256, stored.created_at, json.dumps(asdict(grant))),
            )
        return key

    def rotate(self, name: str) -> str:
        """Replace the secret of a key, given by name or id, and return the new key. NotFoundError."""
        with self._database.transaction() as statements:
            key, new = rotated_key(_locked(statements), name)
            statements.changed(
                "UPDATE service_keys SET sha256 = $2, created_at = $3 WHERE id = $1",
                (new.id, new.sha256, new.created_at),
            )
        return key

    def revoke(self, name: str) -> None:
        """Delete a key, given by name or id; NotFoundError when there is none."""
        with self._database.transaction() as statements:
            statements.changed("DELETE FROM service_keys WHERE id = $1", (found_key(_locked(statements), name).id,))


class WatchedKeys:
    """The keys of a table, read again by a thread within WATCH_SECONDS of each change; see `KeySource`.

    While the database cannot be asked, the keys that were read last stay valid for TRUSTED_SECONDS, then none is.
    """

    def __init__(self, table: KeyTable) -> None:
        """Raises StoreError, ConfigError when the keys cannot be read for the first time."""
        self._table = table
        self._changes, self._keys = table.read_changed(-1)
        self._at = time.monotonic()
        self._is_watching = False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="ragkit-keys", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._at = time.monotonic()
        self._is_watching = True
        self._thread.start()

    def close(self) -> None:
        """Stop watching."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def stamp(self) -> Hashable:
        """Return what changes with the keys and with whether they are up to date; None while there never was a key."""
        return (self._changes, self._is_trusted()) if self._changes else None

    def read(self) -> list[StoredKey]:
        """Return the keys that were read last; StoreError when that is too long ago."""
        if not self._is_trusted():
            raise StoreError("the keys in the database cannot be read", cure="see the log for the reason")
        return self._keys

    def _is_trusted(self) -> bool:
        return not self._is_watching or time.monotonic() - self._at < TRUSTED_SECONDS

    def _watch(self) -> None:
        was_read = True
        while not self._ended.wait(WATCH_SECONDS):
            try:
                changes, keys = self._table.read_changed(self._changes)
            except RagkitError as error:
                if was_read:
                    logger.warning("the keys cannot be read; those that are known are valid for a while: %s", error)
                was_read = False
                continue
            if changes != self._changes:
                self._keys = keys
                self._changes = changes  # last: a reader that sees it finds the keys
            self._at = time.monotonic()
            was_read = True


def _locked(statements: Statements) -> list[StoredKey]:
    """Count a change, which keeps other changes waiting until the end of the transaction; return the keys."""
    statements.changed("UPDATE service_key_changes SET number = number + 1")
    return _keys(statements)


def _keys(statements: Statements) -> list[StoredKey]:
    rows = statements.rows("SELECT id, name, sha256, created_at, rights FROM service_keys ORDER BY number")
    try:
        return [
            stored_key(
                {"id": row[0], "name": row[1], "sha256": row[2], "created_at": row[3], "grant": json.loads(row[4])}
            )
            for row in rows
        ]
    except (ValueError, TypeError, KeyError, RecursionError, InputError) as error:
        raise ConfigError(
            "the database holds a key that this version does not understand", cure="delete the row in service_keys"
        ) from error
