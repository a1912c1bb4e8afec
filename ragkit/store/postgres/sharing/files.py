"""The own files of collections in tables: name, SHA-256 and bytes in pieces, each change with a revision."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from ragkit.store.postgres.sharing.database import Database, OpenStatements
from ragkit.store.sharing.mirror import DELETED

FILES_LOCK: Final = 0x52414746
"""First key of the advisory lock of a transaction, "RAGF"; the second is the collection's id."""


@dataclass(frozen=True, slots=True)
class OwnFiles:
    """The files of one collection in a database; see `ragkit.store.sharing.mirror.FileTables`."""

    database: Database
    collection: int

    def revision(self) -> int:
        """Return the number of the last change; 0 before the first."""
        with self.database.transaction() as statements:
            return OpenFiles(statements, self.collection).revision()

    @contextmanager
    def locked(self) -> Iterator[OpenFiles]:
        """Open one transaction, alone among all machines."""
        with self.database.transaction() as statements:
            statements.rows("SELECT pg_advisory_xact_lock($1, $2)", (FILES_LOCK, self.collection))
            yield OpenFiles(statements, self.collection)


@dataclass(frozen=True, slots=True)
class OpenFiles:
    """The files of one collection, within a transaction; see `ragkit.store.sharing.mirror.FileTable`."""

    statements: OpenStatements
    collection: int

    def changed(self, since: int) -> Mapping[str, str]:
        """Return path -> SHA-256 of the files that changed after a revision, DELETED for those that are deleted."""
        sql = "SELECT path, sha256 FROM own_files WHERE collection = $1 AND revision > $2 ORDER BY revision"
        return dict(self.statements.rows(sql, (self.collection, since)))

    def revision(self) -> int:
        """Return the number of the last change; 0 before the first."""
        sql = "SELECT coalesce(max(revision), 0) FROM own_files WHERE collection = $1"
        return int(self.statements.rows(sql, (self.collection,))[0][0])

    def pieces(self, path: str) -> Iterator[bytes]:
        """Yield the bytes of a file."""
        sql = "SELECT body FROM own_file_pieces WHERE collection = $1 AND path = $2 AND number = $3"
        number = 0
        while rows := self.statements.rows(sql, (self.collection, path, number)):
            yield bytes(rows[0][0])
            number += 1

    def put(self, path: str, sha256: str, pieces: Iterable[bytes]) -> None:
        """Store a file, as a new revision."""
        self._mark(path, sha256)
        sql = "INSERT INTO own_file_pieces VALUES ($1, $2, $3, $4)"
        for number, body in enumerate(pieces):
            self.statements.changed(sql, (self.collection, path, number, body))

    def delete(self, path: str) -> None:
        """Mark a file as deleted, as a new revision."""
        self._mark(path, DELETED)

    def _mark(self, path: str, sha256: str) -> None:
        """Give a file its SHA-256 and a new revision, without bytes."""
        self.statements.changed(
            "DELETE FROM own_file_pieces WHERE collection = $1 AND path = $2", (self.collection, path)
        )
        self.statements.changed(
            """INSERT INTO own_files VALUES ($1, $2, $3, $4) ON CONFLICT (collection, path)
            DO UPDATE SET sha256 = excluded.sha256, revision = excluded.revision""",
            (self.collection, path, sha256, self.revision() + 1),
        )
