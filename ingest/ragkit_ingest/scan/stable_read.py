"""Read an open file whole and of one version: bytes that changed while they were read never become a document."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from dataclasses import dataclass

from ragkit import ExtractionError

_QUIET_SECONDS = 0.05  # a writer that pauses longer than this between two pieces counts as finished
_SETTLED_SECONDS = 1.0  # a file whose inode changed longer ago than this is read once
_ATTEMPTS = 5
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Content:
    """The bytes of one version of a file, and their SHA-256 in hex."""

    data: bytes
    sha256: str


def check_open_file(descriptor: int, *, max_size: int) -> os.stat_result:
    """Return the status of an open file, or raise ExtractionError before anything of it is read.

    A mode without any read bit means that nobody is to read the file; it holds for root too.
    """
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise ExtractionError("not_regular", "not a regular file")
    if not status.st_mode & 0o444:
        raise ExtractionError("permission", "its mode lets nobody read it", cure="chmod u+r")
    if status.st_size > max_size:
        raise ExtractionError(
            "too_big", f"{status.st_size:,} bytes, the limit is {max_size:,}", cure="raise the size limit"
        )
    return status


def read_stable(descriptor: int, *, max_size: int, settled: bool = False) -> Content:
    """Read an open file from its start; ExtractionError `changed_while_reading` when no two reads of it agree, or
    `empty_file`.

    Status before and after must be equal. A file's times have the resolution of the kernel's clock and change when a
    write begins, so a file that changed within the last second is read again after a pause, and must hash the same.
    settled: nobody else can write to it, so that one read is enough.
    """
    for _ in range(_ATTEMPTS):
        before = check_open_file(descriptor, max_size=max_size)
        data = _read(descriptor, before.st_size)
        digest = hashlib.sha256(data).hexdigest()
        after = os.fstat(descriptor)
        if _same(before, after) and len(data) == before.st_size:
            if settled or abs(time.time() - after.st_ctime) > _SETTLED_SECONDS:
                return _content(data, digest)
            time.sleep(_QUIET_SECONDS)
            if _digest(descriptor, before.st_size) == digest and _same(before, os.fstat(descriptor)):
                return _content(data, digest)
        else:
            time.sleep(_QUIET_SECONDS)
    raise ExtractionError("changed_while_reading", "it was written to while it was read", cure="run again later")


def _content(data: bytes, digest: str) -> Content:
    if not data:
        raise ExtractionError("empty_file", "zero bytes")
    return Content(data, digest)


def _same(before: os.stat_result, after: os.stat_result) -> bool:
    return (before.st_size, before.st_mtime_ns, before.st_ctime_ns) == (
        after.st_size,
        after.st_mtime_ns,
        after.st_ctime_ns,
    )


def _read(descriptor: int, size: int) -> bytes:
    """Return up to size + 1 bytes: one more than expected shows that the file grew."""
    data = os.pread(descriptor, size + 1, 0)
    if len(data) >= size or not data:
        return data
    pieces = [data]
    total = len(data)
    while total <= size:
        piece = os.pread(descriptor, size + 1 - total, total)
        if not piece:
            break
        pieces.append(piece)
        total += len(piece)
    return b"".join(pieces)


def _digest(descriptor: int, size: int) -> str:
    digest = hashlib.sha256()
    position = 0
    while position <= size:
        piece = os.pread(descriptor, _PIECE, position)
        if not piece:
            break
        digest.update(piece)
        position += len(piece)
    return digest.hexdigest()
