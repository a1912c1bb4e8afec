"""The folders of uploads, DATA/tmp/upload-ID: held by a lock while they are received, then by their job."""

from __future__ import annotations

import errno
import logging
import os
import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from ragkit import ConfigError, RagkitError, StorageFullError

logger = logging.getLogger(__name__)

_FOLDER: Final = "tmp"
_PREFIX: Final = "upload-"
_FULL: Final = (errno.ENOSPC, errno.EDQUOT)


def spool_folder(data: Path, job_id: str) -> Path:
    """Return the folder of a job's files."""
    return data / _FOLDER / f"{_PREFIX}{job_id}"


class SpoolLock:
    """Holds a new folder while a request fills it. The kernel ends the lock with the process."""

    def __init__(self, data: Path, job_id: str) -> None:
        self.job_id = job_id
        self.folder = spool_folder(data, job_id)
        self._path = self.folder.with_suffix(".lock")
        self._lock = FileLock(self._path, thread_local=False)

    def make(self) -> None:
        """Make the folder. Raises StorageFullError, ConfigError (read-only)."""
        try:
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=0)
            self.folder.mkdir()
        except OSError as error:
            self._lock.release()
            raise storage_error(error, self.folder.parent) from error

    def release(self, *, keep: bool) -> None:
        """Release the lock; the files stay for their job, or are deleted."""
        if not keep:
            shutil.rmtree(self.folder, ignore_errors=True)
        self._lock.release()
        self._path.unlink(missing_ok=True)


def remove_spool(data: Path, job_id: str) -> None:
    """Delete the files of a job that has finished."""
    shutil.rmtree(spool_folder(data, job_id), ignore_errors=True)


def sweep_spool(data: Path, unfinished: Collection[str]) -> None:
    """Delete the folders of no unfinished job that no request is filling, whatever their age."""
    for folder in sorted((data / _FOLDER).glob(f"{_PREFIX}*")):
        if not folder.is_dir() or folder.name.removeprefix(_PREFIX) in unfinished:
            continue
        lock = FileLock(folder.with_suffix(".lock"), thread_local=False)
        try:
            lock.acquire(timeout=0)
        except (Timeout, OSError):
            continue
        logger.warning("removing a left-over upload folder")
        shutil.rmtree(folder, ignore_errors=True)
        lock.release()
        folder.with_suffix(".lock").unlink(missing_ok=True)


def storage_error(error: OSError, folder: Path) -> RagkitError:
    """Return the error of a folder that cannot be written: StorageFullError or missing rights."""
    if error.errno in _FULL:
        return StorageFullError(f"the disk of {folder} is full", cure="free some space")
    return ConfigError(f"cannot write to {folder}: {error.strerror or error}", cure="make the data folder writable")


def sync_file(descriptor: int) -> None:
    """Flush a file to the disk: a job that was acknowledged must survive a power cut."""
    os.fsync(descriptor)
