"""One writer per collection: an operating-system file lock across threads and processes, with the holder's name."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from ragkit.errors import LockedError, NotFoundError, StoreError
from ragkit.store.holder import UNKNOWN, command_name, in_words

LOCK_NAME: Final = "writer.lock"
HOLDER_NAME: Final = "writer.json"
_ATTEMPTS: Final = 20


@contextmanager
def writer_lock(folder: Path, *, wait: float = 0.0) -> Iterator[None]:
    """Hold the writer lock of a collection's folder while the body runs.

    The kernel releases the lock when its holder dies, however it dies. A second writer, in this process or another,
    gets LockedError after `wait` seconds, with the holder's process id, command, host and time. Raises NotFoundError
    when the folder does not exist, StoreError when it can't be written.
    """
    lock = _acquire(folder, wait=wait)
    try:
        _write_holder(folder)
        try:
            yield
        finally:
            with suppress(OSError):
                (folder / HOLDER_NAME).unlink()
    finally:
        lock.release()


def describe_holder(folder: Path) -> str:
    """Return the holder of the writer lock in words; "another process" when it is not known."""
    try:
        holder = json.loads((folder / HOLDER_NAME).read_text(encoding="utf-8"))
        pid, command, host, since = (holder[name] for name in ("pid", "command", "host", "since"))
    except (OSError, ValueError, TypeError, KeyError):
        return UNKNOWN
    if host == socket.gethostname() and not _is_alive(pid):
        return UNKNOWN
    return in_words(pid, command, host=host, since=since)


def present_holder(folder: Path) -> str:
    """Return the holder of the writer lock in words, "" when nobody holds it; the lock itself is asked.

    A file that names a holder may have outlived a process that was killed, so only then is the lock tried, for a
    moment and shared.
    """
    import fcntl

    if not (folder / HOLDER_NAME).exists():
        return ""
    try:
        with (folder / LOCK_NAME).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)  # closing the file gives it back
    except BlockingIOError:
        return describe_holder(folder)
    except OSError:
        return ""
    return ""


def _acquire(folder: Path, *, wait: float) -> Any:
    """Return the acquired lock, which is on the file that is at its path now and not on one that was moved away."""
    from filelock import FileLock, Timeout

    path = folder / LOCK_NAME
    for _ in range(_ATTEMPTS):
        if not folder.is_dir():
            raise NotFoundError(f"there is no collection at {folder}", cure="list them with: ragkit collections")
        with suppress(OSError):
            path.touch()
        before = _inode(path)
        lock = FileLock(path, timeout=wait, thread_local=False)
        try:
            lock.acquire()
        except Timeout:
            holder = describe_holder(folder)
            raise LockedError(
                f"collection {folder.name!r} is being written by {holder}",
                cure="wait until it has finished, or end it; a lock never outlives its process",
                holder=holder,
            ) from None
        except (FileNotFoundError, FileExistsError):  # the folder was moved or deleted in between: check again
            continue
        except OSError as error:
            raise StoreError(
                f"the lock file {path} can't be opened ({error.strerror or error})",
                cure="check the permissions of the data folder",
            ) from error
        if before is not None and before == _inode(path):
            return lock
        lock.release()
    raise LockedError(f"the lock file {path} is replaced again and again", cure="let nothing but ragkit write there")


def _inode(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _write_holder(folder: Path) -> None:
    """Record the holder of the lock, for the error of other writers; on a full disk the lock holds without it."""
    holder = {
        "pid": os.getpid(),
        "command": command_name(),
        "host": socket.gethostname(),
        "since": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
    }
    temporary = folder / f"{HOLDER_NAME}.new"
    with suppress(OSError):
        temporary.write_text(json.dumps(holder), encoding="utf-8")
        temporary.replace(folder / HOLDER_NAME)


def _is_alive(pid: Any) -> bool:
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except (OSError, ValueError, TypeError, OverflowError):
        return True
    return True
