"""The own files of a collection (prompts, examples, chains, feedback, traces, originals), the same on every machine.

The table of a shared store is the truth, and each machine's folder a copy that may be edited: `Mirror.follow` brings
both in line by comparing each with what they had in common the last time (a three-way merge of names and SHA-256).
"""

from __future__ import annotations

import json
import logging
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from filelock import FileLock

from ragkit.files import fsync_path, sha256_of

logger = logging.getLogger(__name__)

FILES: Final = ("examples.jsonl", "feedback.jsonl")
FOLDERS: Final = ("prompts", "chains", "traces", "originals")
"""The files and folders of a collection that are its own, beside its search indexes."""
DELETED: Final = ""
"""Stands for the SHA-256 of a file that was deleted."""
CONFLICT: Final = ".conflict"
"""Ends the name of a local file whose name another machine has given other content; it stays on this machine."""
_MANIFEST: Final = ".shared.json"
_LOCK: Final = ".shared.lock"

Stat = tuple[int, int]
"""Modification time in nanoseconds, and size in bytes."""


class FileTable(Protocol):
    """The files in the shared store, within one transaction in which no other machine changes them."""

    def changed(self, since: int) -> Mapping[str, str]:
        """Return path -> SHA-256 of the files that changed after a revision; DELETED for those that are deleted."""

    def revision(self) -> int:
        """Return the number of the last change; 0 before the first."""

    def pieces(self, path: str) -> Iterable[bytes]:
        """Yield the bytes of a file."""

    def put(self, path: str, sha256: str, pieces: Iterable[bytes]) -> None:
        """Store a file, as a new revision."""

    def delete(self, path: str) -> None:
        """Mark a file as deleted, as a new revision."""


class FileTables(Protocol):
    """Where `FileTable`s come from."""

    def revision(self) -> int:
        """Return the number of the last change; fast, without a lock."""

    def locked(self) -> AbstractContextManager[FileTable]:
        """Open one transaction, alone among all machines."""


@dataclass(slots=True)
class _Common:
    """What folder and table had in common the last time. files: path -> SHA-256, and the local file's state."""

    revision: int = 0
    files: dict[str, tuple[str, Stat]] = field(default_factory=dict)


class Mirror:
    """The copy of a collection's files in a folder of this machine."""

    def __init__(self, folder: Path, tables: FileTables) -> None:
        self._folder = folder
        self._tables = tables

    def follow(self) -> bool:
        """Bring folder and table in line; False when there was nothing to do. Safe for several processes at once.

        A file that only one side changed is copied to the other. Lines that both added to a JSONL file are joined. A
        file that both changed gets the table's content; what this machine had is kept beside it, named CONFLICT.
        Raises OSError.
        """
        common = self._read()
        is_as_before = self._local() == {path: stat for path, (_, stat) in common.files.items()}
        if is_as_before and self._tables.revision() == common.revision:
            return False
        with ExitStack() as stack:
            for name in (_LOCK, *(f".{name}.lock" for name in FILES)):  # who appends to a file holds its lock
                stack.enter_context(FileLock(self._folder / name, thread_local=False))
            table = stack.enter_context(self._tables.locked())
            common = self._read()
            mine = self._changes(common, self._local())
            theirs, held = table.changed(common.revision), table.changed(0)
            for path, sha256 in theirs.items():
                if path in mine and mine[path] != sha256:
                    mine[path] = self._settle(table, path, mine[path], sha256)
                else:
                    mine.pop(path, None)
                    self._fetch(table, path, sha256)
            for path, sha256 in mine.items():
                if held.get(path, DELETED) != sha256:
                    self._push(table, path, sha256)
            self._write(common, {**theirs, **mine}, table.revision())
        return True

    def _changes(self, common: _Common, local: Mapping[str, Stat]) -> dict[str, str]:
        """Return path -> SHA-256 of the local files that differ from what was common; DELETED for missing ones."""
        changes = {path: DELETED for path in common.files if path not in local}
        for path, stat in local.items():
            known = common.files.get(path)
            if known is not None and known[1] == stat:
                continue
            with suppress(FileNotFoundError):  # deleted in between: the next call sees it
                sha256 = sha256_of(self._folder / path)
                if known is None or known[0] != sha256:
                    changes[path] = sha256
        return changes

    def _settle(self, table: FileTable, path: str, mine: str, theirs: str) -> str:
        """Settle a file that both sides changed; return the SHA-256 of what the table shall have."""
        target = self._folder / path
        if mine == DELETED:
            self._fetch(table, path, theirs)
            return theirs
        if theirs == DELETED:
            return mine
        if path in FILES:
            shared = _lines(b"".join(table.pieces(path)))
            known = set(shared)
            _replace(target, [*shared, *(line for line in _lines(target.read_bytes()) if line not in known)])
            return sha256_of(target)
        logger.warning("%s was changed on two machines; what this one had is in %s%s", path, target.name, CONFLICT)
        target.replace(target.with_name(target.name + CONFLICT))
        self._fetch(table, path, theirs)
        return theirs

    def _fetch(self, table: FileTable, path: str, sha256: str) -> None:
        target = self._folder / path
        if sha256 == DELETED:
            target.unlink(missing_ok=True)
        elif not target.is_file() or sha256_of(target) != sha256:
            _replace(target, table.pieces(path))

    def _push(self, table: FileTable, path: str, sha256: str) -> None:
        if sha256 == DELETED:
            table.delete(path)
        else:
            table.put(path, sha256, _pieces(self._folder / path))

    def _local(self) -> dict[str, Stat]:
        """Return the state of each local file, by its path."""
        found = {}
        for path in own_files(self._folder):
            if path.is_file() and not path.is_symlink() and path.suffix != CONFLICT:
                with suppress(FileNotFoundError):
                    stat = path.stat()
                    found[path.relative_to(self._folder).as_posix()] = (stat.st_mtime_ns, stat.st_size)
        return found

    def _read(self) -> _Common:
        try:
            stored = json.loads((self._folder / _MANIFEST).read_bytes())
            files = {path: (sha256, (stat[0], stat[1])) for path, (sha256, stat) in stored["files"].items()}
            return _Common(int(stored["revision"]), files)
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return _Common()

    def _write(self, common: _Common, changes: Mapping[str, str], revision: int) -> None:
        """Store what folder and table have in common now."""
        digests = {path: sha256 for path, (sha256, _) in common.files.items()} | dict(changes)
        local = self._local()
        files = {path: (sha256, local[path]) for path, sha256 in digests.items() if sha256 and path in local}
        content = json.dumps({"revision": revision, "files": files}).encode()
        _replace(self._folder / _MANIFEST, [content])


def own_files(folder: Path) -> Iterator[Path]:
    """Yield the files of a collection's folder that are its own, in a stable order; hidden ones are temporary."""
    yield from (folder / name for name in FILES if (folder / name).exists())
    for name in FOLDERS:
        place = folder / name
        if place.is_symlink():
            yield place
        else:
            paths = sorted(place.rglob("*"))
            hidden = (any(part.startswith(".") for part in path.relative_to(folder).parts) for path in paths)
            yield from (path for path, skip in zip(paths, hidden, strict=True) if not skip and _is_leaf(path))


def _is_leaf(path: Path) -> bool:
    return path.is_symlink() or not path.is_dir()


def _lines(content: bytes) -> list[bytes]:
    """Return the whole lines of a file; a crash may have cut the last one."""
    return [line + b"\n" for line in content.split(b"\n")[:-1]]


def _replace(target: Path, pieces: Iterable[bytes]) -> None:
    """Write a file whole: to a temporary name, flushed, then renamed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        with beside.open("xb") as file:
            for piece in pieces:
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)
    fsync_path(target.parent)


def _pieces(path: Path, size: int = 1 << 20) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(size):
            yield piece
