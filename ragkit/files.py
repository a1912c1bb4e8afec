"""What every package does with files: make a write survive a power cut, hash a file, refuse a folder that is used."""

from __future__ import annotations

import errno
import hashlib
import os
from io import BufferedReader, FileIO
from pathlib import Path

from ragkit.errors import ConflictError

_NO_FOLDER_SYNC = (errno.EINVAL, errno.ENOTSUP)


def fsync_path(path: Path) -> None:
    """Flush a file, or the names in a folder, to the disk; a rename is durable once its folder is flushed.

    Raises OSError when the disk refuses. A file system that can't flush folders is no error.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC or not path.is_dir():
            raise
    finally:
        os.close(descriptor)


def sha256_of(file: Path | FileIO | BufferedReader) -> str:
    """Return the hex SHA-256 of a file's bytes, or of what is left to read of an open one. Raises OSError."""
    if isinstance(file, Path):
        with file.open("rb", buffering=0) as opened:
            return sha256_of(opened)
    return hashlib.file_digest(file, "sha256").hexdigest()


def need_new_folder(path: Path) -> None:
    """Raise ConflictError if there is anything at a path but an empty folder."""
    if os.path.lexists(path) and (not path.is_dir() or any(path.iterdir())):
        raise ConflictError(f"{path} is there already", cure="name a new folder, or remove that one")
