"""The SHA-256 of one version of a file: a file that changes while it is read has none."""

from __future__ import annotations

import hashlib
import os
import time

from ragkit import ExtractionError
from ragkit_ingest.scan.walk import Found, open_file, reason_of

_BLOCK = 1 << 20
CLOCK_NS = 2_000_000_000
"""The coarsest clock of a file system (FAT counts in 2 s, ext4 in ticks of 4 to 10 ms)."""
UNSURE = -1
"""The recorded time of change if the real one is unreliable: the next run compares the bytes."""


def digest(root: bytes, path: bytes) -> tuple[str, Found]:
    """Return the hex SHA-256 of a file below root, and the state of the file at that moment.

    Raises ExtractionError: it cannot be opened or read, is no regular file, or `changed_while_reading`.
    """
    descriptor = open_file(root, path)
    try:
        before = status_of(path, descriptor)
        hashed = hashlib.sha256()
        while block := os.read(descriptor, _BLOCK):
            hashed.update(block)
        after = status_of(path, descriptor)
    except OSError as error:
        raise ExtractionError(reason_of(error), error.strerror or "") from error
    finally:
        os.close(descriptor)
    if before != after:
        raise ExtractionError("changed_while_reading", "it was written to while it was read")
    return hashed.hexdigest(), after


def sure_mtime(found: Found, *, now_ns: int | None = None) -> int:
    """Return the time of change to record for a file that was just read, or UNSURE.

    A file that changed within the last tick of its clock may change again without a change of its times; git calls such
    an entry racy (Documentation/technical/racy-git.txt) and looks at the bytes. The inode's time of change decides,
    because nobody can set it.
    """
    now = time.time_ns() if now_ns is None else now_ns
    return found.mtime_ns if found.ctime_ns < now - CLOCK_NS else UNSURE


def status_of(path: bytes, descriptor: int) -> Found:
    """Return the present state of an open file."""
    status = os.fstat(descriptor)
    return Found(path, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
