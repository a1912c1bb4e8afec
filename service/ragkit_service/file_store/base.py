"""The seam of stored files: the files that a client has uploaded, on a disk or in the database of all services."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ragkit import UPLOAD_PREFIX, NotFoundError, show
from ragkit_service.document_ids import document_id
from ragkit_service.uploads import Upload


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A stored file. name: with its folders. created_at: Unix seconds. purpose: as the client said."""

    name: str
    bytes: int
    sha256: str
    created_at: int
    purpose: str

    @property
    def source(self) -> str:
        """The source of its document."""
        return UPLOAD_PREFIX + self.name

    @property
    def id(self) -> str:
        """Its id, which is also that of its document."""
        return document_id(self.source)


@dataclass(frozen=True, slots=True)
class Attachment:
    """A stored file that was put into a collection. job: the id of the last job that did so."""

    stored: StoredFile
    collection: str
    job: str


class FileStore(Protocol):
    """The stored files of one owner, which is a key. Every method blocks. A file of the same name replaces the earlier
    one."""

    def keep(self, upload: Upload, *, purpose: str) -> StoredFile:
        """Store an upload; its file may be moved. Raises StorageFullError, ConfigError, StoreError."""
        ...

    def get(self, identifier: str) -> StoredFile:
        """Return a file. Raises NotFoundError."""
        ...

    def list(self) -> list[StoredFile]:
        """Return all files, newest first."""
        ...

    def delete(self, identifier: str) -> None:
        """Delete a file; documents made from it stay. Raises NotFoundError."""
        ...

    def pieces(self, stored: StoredFile) -> Iterator[bytes]:
        """Return the bytes of a file in pieces. Raises NotFoundError at once when it was replaced or deleted."""
        ...

    def copy(self, stored: StoredFile, target: Path) -> None:
        """Put the bytes of a file at a path. Raises NotFoundError as `pieces`, and OSError."""
        ...

    def attachments(self) -> Sequence[Attachment]:
        """Return the collections that files were put into, newest file first."""
        ...

    def attach(self, identifier: str, *, collection: str, job: str) -> None:
        """Remember the job that puts a file into a collection."""
        ...

    def detach(self, identifier: str, *, collection: str) -> None:
        """Forget the job that put a file into a collection, if there was one."""
        ...

    def job_of(self, identifier: str, collection: str) -> str:
        """Return the last job that put a file into a collection, "" when there was none."""
        ...


def no_file(identifier: str) -> NotFoundError:
    """Return the error for an id that no file of the owner has."""
    return NotFoundError(f"there is no file {show(identifier, 80)!r}", cure="GET /v1/files lists them")


def replaced_file(stored: StoredFile) -> NotFoundError:
    """Return the error for a file whose bytes are not there any more."""
    return NotFoundError(
        f"the file {show(stored.name, 80)!r} has been replaced or deleted", cure="send the request again"
    )
