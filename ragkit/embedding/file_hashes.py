"""SHA-256 of files, cached while a file is unchanged, so that a start need not read large files."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from pathlib import Path

from ragkit.files import sha256_of

_SETTLED_NS = 2_000_000_000  # a newer file may change again within the resolution of its time stamp: not cached


def file_sha256(path: Path, *, stamps: Path | None = None) -> str:
    """Return the hex sha256 of a file's bytes. Raises OSError.

    stamps: a folder that caches hashes by path. A cached hash is used only while the file's device, inode, size,
    modification and change times (ns) are unchanged; a folder that cannot be written or read is no error.
    """
    state = os.stat(path)
    signature = [state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns]
    stamp = None
    if stamps is not None:
        stamp = stamps / f"{hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:32]}.json"
        known = _read(stamp, signature)
        if known:
            return known
    digest = sha256_of(path)
    if stamp is not None and time.time_ns() - max(state.st_mtime_ns, state.st_ctime_ns) > _SETTLED_NS:
        _write(stamp, signature, digest)
    return digest


def _read(stamp: Path, signature: list[int]) -> str:
    try:
        known = json.loads(stamp.read_bytes())
        return str(known["sha256"]) if known["signature"] == signature else ""
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _write(stamp: Path, signature: list[int], digest: str) -> None:
    temporary = stamp.with_suffix(f".{os.getpid()}.tmp")
    try:
        stamp.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps({"signature": signature, "sha256": digest}))
        temporary.replace(stamp)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
