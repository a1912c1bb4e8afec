"""The originals of uploaded documents: COLLECTION/originals, one file for each SHA-256.

A document leads to its original by its own SHA-256, so nothing in the database refers to these files. An original is
put in whole before its document is committed, and deleted after the removal of its document is committed: a crash in
between leaves a file too many, never a document whose original is half there.
"""

from __future__ import annotations

import fcntl
import logging
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from ragkit.files import fsync_path, sha256_of
from ragkit.store.rows import Problem
from ragkit.types.collection import FileState
from ragkit.types.documents import UPLOAD_PREFIX

logger = logging.getLogger(__name__)

FOLDER: Final = "originals"
_LOCK: Final = ".originals.lock"
_NAME: Final = re.compile(r"[0-9a-f]{64}")


class OriginalsRun:
    """One run that keeps originals. From its first one to its end, no other run of this machine sweeps.

    In a store of many writers, an original may be there before its document is committed: the sweep of another run
    would delete it. `sweep` of the run that ends last deletes what the others left.
    """

    def __init__(self, originals: Originals) -> None:
        self._originals = originals
        self._lock = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def keep(self, file: Path, digest: str, *, limit: int) -> bool:
        """Keep a file as `Originals.keep`."""
        if self._lock < 0:
            self._lock = self._originals.opened_lock()
            fcntl.flock(self._lock, fcntl.LOCK_SH)
        return self._originals.keep(file, digest, limit=limit)

    def sweep(self, digests: Callable[[], Mapping[str, str]]) -> None:
        """Delete the originals without a document as `Originals.sweep`, unless another run keeps some meanwhile."""
        self.close()
        if self._originals.is_empty():
            return
        lock = self._originals.opened_lock()
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._originals.sweep(digests)
        except BlockingIOError:
            logger.debug("another run keeps originals: its sweep deletes what this one left")
        finally:
            os.close(lock)

    def close(self) -> None:
        """End the run: others may sweep."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


class Originals:
    """The originals of one collection. Runs that write use `OriginalsRun`."""

    def __init__(self, collection: Path) -> None:
        """collection: the folder of the collection's files."""
        self.folder = collection / FOLDER

    def keep(self, file: Path, digest: str, *, limit: int) -> bool:
        """Keep a copy of a file under its SHA-256 (hex); False when the originals would take over `limit` bytes.

        The file is linked where its file system allows that, so it must not change afterwards. Raises OSError.
        """
        target = self.folder / digest
        if target.exists():
            return True
        if self.size() + file.stat().st_size > limit:
            return False
        if not self.folder.exists():
            self.folder.mkdir(exist_ok=True)
            fsync_path(self.folder.parent)
        beside = self.folder / f".{digest}.{secrets.token_hex(4)}"
        try:
            try:
                os.link(file, beside)
            except OSError:
                shutil.copyfile(file, beside)
            fsync_path(beside)
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)
        fsync_path(self.folder)
        return True

    def opened_lock(self) -> int:
        """Return a descriptor of the file whose lock runs share while they keep originals, and a sweep has alone."""
        return os.open(self.folder.with_name(_LOCK), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def is_empty(self) -> bool:
        """Return whether there is nothing to sweep."""
        return not self._files()

    def state(self, source: str, digest: str) -> FileState | None:
        """Return the original of an uploaded document as a file that was read; None when none is kept."""
        if not source.startswith(UPLOAD_PREFIX) or not _NAME.fullmatch(digest):
            return None
        try:
            found = (self.folder / digest).stat()
        except OSError:
            return None
        return FileState(
            str(self.folder), digest.encode(), source, found.st_size, found.st_mtime_ns, found.st_ctime_ns, digest, ""
        )

    def size(self) -> int:
        """Return the bytes of all originals."""
        total = 0
        for path in self._files():
            with suppress(FileNotFoundError):  # its document was removed meanwhile
                total += path.stat().st_size
        return total

    def sweep(self, digests: Callable[[], Mapping[str, str]]) -> None:
        """Delete the originals that no uploaded document has, and what a crash left half written.

        digests: returns the SHA-256 of each document by source; called only where there are originals. A file that
        cannot be deleted is logged, and left to the next sweep.
        """
        files = self._files()
        if not files:
            return
        used = {digest for source, digest in digests().items() if source.startswith(UPLOAD_PREFIX)}
        for path in files:
            if path.name not in used:
                try:
                    path.unlink(missing_ok=True)
                except OSError as error:
                    logger.warning("an original cannot be deleted: %s", error)

    def problems(self) -> Iterator[Problem]:
        """Yield the originals whose bytes no longer have the SHA-256 that names them."""
        for path in sorted(self._files()):
            if path.name.startswith("."):
                continue  # it is being written
            try:
                intact = sha256_of(path) == path.name
            except FileNotFoundError:
                continue  # its document was removed meanwhile
            except OSError:
                intact = False
            if not intact:
                yield Problem("file", f"{FOLDER}/{path.name}", "the kept original is damaged; upload it again")

    def _files(self) -> list[Path]:
        return [path for path in self.folder.iterdir() if path.is_file()] if self.folder.is_dir() else []
