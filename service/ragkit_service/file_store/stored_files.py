"""Files that clients of OpenAI's API have uploaded and may put into collections: DATA/files, a folder for each owner.

A file's id is that of its document (`upload:NAME`), so that one id means the same everywhere; a file of the same name
replaces the earlier one. The bytes of a file are named by their SHA-256, and `file.json` names them: it changes by one
rename, so no reader sees the bytes of one upload with the facts of another.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO, Final

from filelock import FileLock

from ragkit_service.file_store.base import Attachment, StoredFile, no_file, replaced_file
from ragkit_service.jobs.spool import storage_error, sync_file
from ragkit_service.uploads import Upload

_FACTS: Final = "file.json"
_LOCK: Final = "changing.lock"
_PIECE_BYTES: Final = 1 << 20


class StoredFiles:
    """The stored files of one owner, which is a key. Every method blocks on the disk."""

    def __init__(self, data: Path, *, owner: str) -> None:
        self._folder = data / "files" / short_name(owner)

    def keep(self, upload: Upload, *, purpose: str) -> StoredFile:
        """Store an upload; its file is moved. Raises StorageFullError, ConfigError."""
        stored = StoredFile(upload.name, upload.size, upload.digest.hexdigest(), int(time.time()), purpose)
        folder = self._of(stored.id)
        try:
            with self._changing():
                folder.mkdir(exist_ok=True)
                upload.path.replace(folder / stored.sha256)
                write_json(folder / _FACTS, asdict(stored))
                for older in folder.glob("*"):
                    if older.name != stored.sha256 and not older.suffix:
                        older.unlink()
        except OSError as error:
            raise storage_error(error, folder) from error
        return stored

    def get(self, identifier: str) -> StoredFile:
        """Return a file. Raises NotFoundError."""
        stored = _read(self._of(identifier))
        if stored is None or stored.id != identifier:
            raise no_file(identifier)
        return stored

    def pieces(self, stored: StoredFile) -> Iterator[bytes]:
        """Return the bytes of a file in pieces. Raises NotFoundError at once when it was replaced or deleted."""
        try:
            file = self._content(stored).open("rb")
        except FileNotFoundError:
            raise replaced_file(stored) from None
        return _pieces(file)

    def copy(self, stored: StoredFile, target: Path) -> None:
        """Put a file at a path, without copying it where the file system can. Raises NotFoundError, OSError."""
        content = self._content(stored)
        try:
            os.link(content, target)
        except FileNotFoundError:
            raise replaced_file(stored) from None
        except OSError:
            shutil.copyfile(content, target)

    def attachments(self) -> list[Attachment]:
        """Return the collections that files were put into, newest file first."""
        found = []
        for stored in self.list():
            for path in self._of(stored.id).glob("in-*.json"):
                with suppress(OSError, ValueError, KeyError):  # deleted in between
                    content = json.loads(path.read_bytes())
                    found.append(Attachment(stored, str(content["collection"]), str(content["job"])))
        return found

    def list(self) -> list[StoredFile]:
        """Return all files, newest first."""
        found = [stored for folder in self._folder.glob("*") if (stored := _read(folder)) is not None]
        return sorted(found, key=lambda stored: (-stored.created_at, stored.name))

    def delete(self, identifier: str) -> None:
        """Delete a file; documents made from it stay. Raises NotFoundError."""
        self.get(identifier)
        with self._changing():
            shutil.rmtree(self._of(identifier), ignore_errors=True)

    def attach(self, identifier: str, *, collection: str, job: str) -> None:
        """Remember the job that puts a file into a collection."""
        path = self._attachment(identifier, collection)
        try:
            write_json(path, {"collection": collection, "job": job})
        except OSError as error:
            raise storage_error(error, path.parent) from error

    def detach(self, identifier: str, *, collection: str) -> None:
        """Forget the job that put a file into a collection, if there was one."""
        with suppress(OSError):
            self._attachment(identifier, collection).unlink(missing_ok=True)

    def job_of(self, identifier: str, collection: str) -> str:
        """Return the last job that put a file into a collection, "" when there was none."""
        try:
            return str(json.loads(self._attachment(identifier, collection).read_bytes())["job"])
        except (OSError, ValueError, KeyError):
            return ""

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Let one at a time change the files of an owner, also among processes."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self._folder / _LOCK, thread_local=False):
            yield

    def _attachment(self, identifier: str, collection: str) -> Path:
        return self._of(identifier) / f"in-{short_name(collection)}.json"

    def _content(self, stored: StoredFile) -> Path:
        return self._of(stored.id) / stored.sha256

    def _of(self, identifier: str) -> Path:
        return self._folder / short_name(identifier)


def short_name(text: str) -> str:
    """Return a folder name for any text, which may be too long for a file system or hold any character."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _read(folder: Path) -> StoredFile | None:
    try:
        return StoredFile(**json.loads((folder / _FACTS).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while piece := file.read(_PIECE_BYTES):
            yield piece


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a small file atomically: to a temporary file, synced, then renamed."""
    beside = path.with_name(f"{path.name}.{os.getpid()}.{time.monotonic_ns()}")
    with beside.open("xb") as file:
        file.write(json.dumps(content).encode())
        file.flush()
        sync_file(file.fileno())
    beside.replace(path)
