"""Stored files in the database of a shared store: every service has the same, with their bytes in pieces."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from ragkit import SharedDatabase
from ragkit_service.file_store.base import Attachment, StoredFile, no_file, replaced_file
from ragkit_service.jobs.spool_table import PIECE_BYTES
from ragkit_service.uploads import Upload

TABLES: Final[Sequence[str]] = (
    """
    CREATE TABLE service_files (
      owner text NOT NULL, id text NOT NULL, name text NOT NULL, bytes bigint NOT NULL, sha256 text NOT NULL,
      created_at bigint NOT NULL, purpose text NOT NULL, PRIMARY KEY (owner, id)
    );
    CREATE TABLE service_file_pieces (
      owner text NOT NULL, id text NOT NULL, sha256 text NOT NULL, part integer NOT NULL, body bytea NOT NULL,
      PRIMARY KEY (owner, id, part),
      FOREIGN KEY (owner, id) REFERENCES service_files (owner, id) ON DELETE CASCADE
    );
    ALTER TABLE service_file_pieces ALTER COLUMN body SET STORAGE EXTERNAL;
    CREATE TABLE service_file_places (
      owner text NOT NULL, id text NOT NULL, collection text NOT NULL, job text NOT NULL,
      PRIMARY KEY (owner, id, collection),
      FOREIGN KEY (owner, id) REFERENCES service_files (owner, id) ON DELETE CASCADE
    );
    CREATE TABLE service_store_facts (collection text PRIMARY KEY, facts text NOT NULL);
    """,
)
"""The scripts of the tables, by version. service_file_places: the last job that put a file into a collection.
service_store_facts: the `StoreFacts` of a collection, as JSON."""
_FACTS: Final = "name, bytes, sha256, created_at, purpose"


def prepare_files(database: SharedDatabase | None) -> None:
    """Make the tables of stored files, or bring them to their last version. Raises StoreError, ConfigError.

    None: of a data folder, which needs none.
    """
    if database is not None:
        database.prepare("files", TABLES)


class FileTable:
    """The stored files of one owner in a database; see `FileStore`. `prepare_files` makes the tables."""

    def __init__(self, database: SharedDatabase, *, owner: str) -> None:
        self._database = database
        self._owner = owner

    def keep(self, upload: Upload, *, purpose: str) -> StoredFile:
        """Store an upload whole, in one transaction."""
        stored = StoredFile(upload.name, upload.size, upload.digest.hexdigest(), int(time.time()), purpose)
        facts = (stored.name, stored.bytes, stored.sha256, stored.created_at, stored.purpose)
        with self._database.transaction() as statements, upload.path.open("rb") as file:
            statements.changed(  # its row is the lock among uploads of one name
                """INSERT INTO service_files VALUES ($1, $2, $3, $4, $5, $6, $7)
                ON CONFLICT (owner, id) DO UPDATE SET name = excluded.name, bytes = excluded.bytes,
                sha256 = excluded.sha256, created_at = excluded.created_at, purpose = excluded.purpose""",
                (self._owner, stored.id, *facts),
            )
            statements.changed("DELETE FROM service_file_pieces WHERE owner = $1 AND id = $2", (self._owner, stored.id))
            for part, body in enumerate(iter(lambda: file.read(PIECE_BYTES), b"")):
                statements.changed(
                    "INSERT INTO service_file_pieces VALUES ($1, $2, $3, $4, $5)",
                    (self._owner, stored.id, stored.sha256, part, body),
                )
        return stored

    def get(self, identifier: str) -> StoredFile:
        """Return a file. Raises NotFoundError."""
        rows = self._rows(
            f"SELECT {_FACTS} FROM service_files WHERE owner = $1 AND id = $2",  # noqa: S608 (constants)
            identifier,
        )
        if not rows:
            raise no_file(identifier)
        return StoredFile(*rows[0])

    def list(self) -> list[StoredFile]:
        """Return all files, newest first."""
        rows = self._rows(f"SELECT {_FACTS} FROM service_files WHERE owner = $1")  # noqa: S608 (constants)
        return sorted((StoredFile(*row) for row in rows), key=lambda stored: (-stored.created_at, stored.name))

    def delete(self, identifier: str) -> None:
        """Delete a file; documents made from it stay. Raises NotFoundError."""
        with self._database.transaction() as statements:
            if not statements.changed(
                "DELETE FROM service_files WHERE owner = $1 AND id = $2", (self._owner, identifier)
            ):
                raise no_file(identifier)

    def pieces(self, stored: StoredFile) -> Iterator[bytes]:
        """Return the bytes of a file, a transaction for each piece. Raises NotFoundError, also in the middle."""
        first = self._piece(stored, 0)
        if first is None and stored.bytes:
            raise replaced_file(stored)
        return self._from(stored, first)

    def copy(self, stored: StoredFile, target: Path) -> None:
        """Copy the bytes of a file to a path. Raises NotFoundError, OSError."""
        digest = hashlib.sha256()
        with target.open("xb") as file:
            for body in self.pieces(stored):
                file.write(body)
                digest.update(body)
        if digest.hexdigest() != stored.sha256:
            raise replaced_file(stored)

    def attachments(self) -> Sequence[Attachment]:
        """Return the collections that files were put into, newest file first."""
        rows = self._rows("SELECT id, collection, job FROM service_file_places WHERE owner = $1 ORDER BY collection")
        return [
            Attachment(stored, str(collection), str(job))
            for stored in self.list()
            for identifier, collection, job in rows
            if identifier == stored.id
        ]

    def attach(self, identifier: str, *, collection: str, job: str) -> None:
        """Remember the job that puts a file into a collection; nothing where the file has been deleted meanwhile."""
        with self._database.transaction() as statements:
            statements.changed(
                """INSERT INTO service_file_places
                SELECT owner, id, $3::text, $4::text FROM service_files WHERE owner = $1 AND id = $2
                ON CONFLICT (owner, id, collection) DO UPDATE SET job = excluded.job""",
                (self._owner, identifier, collection, job),
            )

    def detach(self, identifier: str, *, collection: str) -> None:
        """Forget the job that put a file into a collection, if there was one."""
        with self._database.transaction() as statements:
            statements.changed(
                "DELETE FROM service_file_places WHERE owner = $1 AND id = $2 AND collection = $3",
                (self._owner, identifier, collection),
            )

    def job_of(self, identifier: str, collection: str) -> str:
        """Return the last job that put a file into a collection, "" when there was none."""
        rows = self._rows(
            "SELECT job FROM service_file_places WHERE owner = $1 AND id = $2 AND collection = $3",
            identifier,
            collection,
        )
        return str(rows[0][0]) if rows else ""

    def _from(self, stored: StoredFile, first: bytes | None) -> Iterator[bytes]:
        part, size, body = 0, 0, first
        while body:
            yield body
            size += len(body)
            part += 1
            body = self._piece(stored, part)
        if size != stored.bytes:
            raise replaced_file(stored)

    def _piece(self, stored: StoredFile, part: int) -> bytes | None:
        """Return a piece of a file; None after the last one, or when the file was replaced."""
        rows = self._rows(
            "SELECT body FROM service_file_pieces WHERE owner = $1 AND id = $2 AND sha256 = $3 AND part = $4",
            stored.id,
            stored.sha256,
            part,
        )
        return bytes(rows[0][0]) if rows else None

    def _rows(self, sql: str, *bindings: Any) -> Sequence[Any]:
        with self._database.transaction() as statements:
            return statements.rows(sql, (self._owner, *bindings))
