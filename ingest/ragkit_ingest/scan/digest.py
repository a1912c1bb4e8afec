"""The sha256 of a file's bytes, of one moment: a file that changes while it is read has none."""

from __future__ import annotations

import hashlib
import os
import time

from ragkit import ExtractionError
from ragkit_ingest.scan.walk import Found, open_file, reason_of

_BLOCK = 1 << 20
CLOCK_NS = 2_000_000_000
"""How coarse a file system's clock may be (FAT counts in 2 s, ext4 in ticks of 4 to 10 ms)."""
UNSURE = -1
"""The time of change that is remembered where the real one proves nothing: look at the bytes next time."""


def digest(root: bytes, path: bytes) -> tuple[str, Found]:
    """Return the hex sha256 of a file below root, and the file as it was at that moment.

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
    """Return the time of change to remember of a file that was just read, or UNSURE.

    A file that changed within its clock's last tick may change again with no sign of it in its times; git calls such
    an entry racy (Documentation/technical/racy-git.txt) and looks at the bytes. The inode's time of change decides,
    because nobody can set it.
    """
    now = time.time_ns() if now_ns is None else now_ns
    return found.mtime_ns if found.ctime_ns < now - CLOCK_NS else UNSURE


def status_of(path: bytes, descriptor: int) -> Found:
    """Return what an open file is now."""
    status = os.fstat(descriptor)
    return Found(path, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
