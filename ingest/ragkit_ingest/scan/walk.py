"""Walk a folder in a stable order, one open folder at a time, without following a link or opening special files."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ragkit import ExtractionError, Reason
from ragkit_ingest.scan.ignore_rules import IGNORE_FILE, IGNORE_FILE_LIMIT, Patterns, ignored_by

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC

Identity = tuple[int, int]
"""Device and inode: the identity of a folder, whatever its name."""

_REASONS: Mapping[int, Reason] = {
    errno.ENOENT: "missing",
    errno.ENOTDIR: "missing",
    errno.EACCES: "permission",
    errno.EPERM: "permission",
    errno.ELOOP: "link",
    errno.ENAMETOOLONG: "path_too_long",
    errno.ENXIO: "not_regular",
}


@dataclass(frozen=True, slots=True)
class Found:
    """A regular file: its path below the root, size in bytes, times of last change of content and of inode."""

    path: bytes
    size: int
    mtime_ns: int
    ctime_ns: int


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file or folder that the walk did not enter. `folder`: everything below it is unknown, not deleted."""

    path: bytes
    reason: Reason
    detail: str
    folder: bool = False


def reason_of(error: OSError) -> Reason:
    """Return the typed reason for an error of the system."""
    return _REASONS.get(error.errno or 0, "unreadable")


def walk(root: bytes, *, scope: bytes = b"", apart: Mapping[Identity, str] | None = None) -> Iterator[Found | LeftOut]:
    """Yield every file below root (an absolute, real path), in the order of the bytes of their paths.

    scope: a folder below root; only what is in it is walked, under the ignore files on the way to it. apart: folders to
    stay out of, by identity, with their reasons for the report ("" for none). Memory holds the names of the folders on
    the way down, never more than one open folder, whatever the depth; a path may be longer than the system's limit.
    Raises OSError when root or scope itself cannot be opened.
    """
    return _Walk(root, apart or {}).run(scope)


def look(root: bytes, path: bytes) -> Found | LeftOut:
    """Look at one file that was named on purpose: no ignore rule applies to it."""
    try:
        descriptor = open_file(root, path)
    except ExtractionError as error:
        return LeftOut(path, error.reason, error.detail)
    try:
        return _found(path, os.fstat(descriptor))
    finally:
        os.close(descriptor)


def why_ignored(root: bytes, path: bytes) -> str:
    """Return the ignore rule that leaves out a file below root or a folder above it, "" for none; OSError."""
    return _Walk(root, {}).why_ignored(path)


def open_folder(root: bytes, path: bytes = b"") -> int:
    """Open a folder below root step by step, so that no link is followed and no path is too long; OSError."""
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    for name in filter(None, path.split(b"/")):
        try:
            below = os.open(name, _FOLDER, dir_fd=descriptor)
        finally:
            os.close(descriptor)
        descriptor = below
    return descriptor


def open_file(root: bytes, path: bytes) -> int:
    """Open a regular file below root step by step; ExtractionError when it is anything else or cannot be opened."""
    folder, _, name = path.rpartition(b"/")
    try:
        parent = open_folder(root, folder)
        try:
            descriptor = os.open(name, _FILE, dir_fd=parent)
        finally:
            os.close(parent)
    except OSError as error:
        raise ExtractionError(reason_of(error), error.strerror or "") from error
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode) and mode & 0o444:
        return descriptor
    os.close(descriptor)
    if stat.S_ISREG(mode):  # for root the kernel would not mind
        raise ExtractionError("permission", "its mode lets nobody read it")
    raise ExtractionError("not_regular", "not a regular file")


@dataclass(slots=True)
class _Frame:
    """A folder on the way down: its name and identity, the names still to do (the first one last), its ignore rules."""

    name: bytes
    identity: Identity
    todo: list[bytes] = field(default_factory=list)
    rules: Patterns | None = None


class _Walk:
    def __init__(self, root: bytes, apart: Mapping[Identity, str]) -> None:
        self._root = root
        self._apart = apart
        self._frames: list[_Frame] = []
        self._here = -1  # the one open folder: that of the last frame

    def why_ignored(self, path: bytes) -> str:
        *folders, name = [part for part in path.split(b"/") if part]
        try:
            self._enter(b"", os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC), listed=False)
            for folder in folders:
                found = self._ignored(folder, folder=True)
                if found:
                    return found
                self._enter(folder, os.open(folder, _FOLDER, dir_fd=self._here), listed=False)
            return self._ignored(name, folder=False)
        finally:
            if self._here >= 0:
                os.close(self._here)

    def run(self, scope: bytes) -> Iterator[Found | LeftOut]:
        try:
            self._start(scope)
            yield from self._steps()
        finally:
            if self._here >= 0:
                os.close(self._here)

    def _start(self, scope: bytes) -> None:
        self._enter(b"", os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC), listed=not scope)
        names = [name for name in scope.split(b"/") if name]
        for level, name in enumerate(names, 1):
            below = os.open(name, _FOLDER, dir_fd=self._here)
            self._enter(name, below, listed=level == len(names))

    def _steps(self) -> Iterator[Found | LeftOut]:
        while self._frames:
            frame = self._frames[-1]
            if not frame.todo:
                yield from self._leave()
                continue
            name = frame.todo.pop()
            item = self._folder(name[:-1]) if name.endswith(b"/") else self._file(name)
            if item is not None:
                yield item

    def _enter(self, name: bytes, descriptor: int, *, listed: bool = True) -> None:
        """Make an open folder the current one; closes it and raises OSError when it cannot be listed."""
        try:
            status = os.fstat(descriptor)
            if not status.st_mode & 0o555:  # for root the kernel would not mind
                raise PermissionError(errno.EACCES, "its mode lets nobody in")
            frame = _Frame(name, (status.st_dev, status.st_ino))
            if listed:
                frame.todo = _listing(descriptor)
            frame.rules = _ignore_rules(descriptor)
        except OSError:
            os.close(descriptor)
            raise
        if self._here >= 0:
            os.close(self._here)
        self._here = descriptor
        self._frames.append(frame)

    def _leave(self) -> Iterator[LeftOut]:
        """Go up one folder: by "..", and step by step from the root where that is not the folder it was."""
        self._frames.pop()
        while self._frames:
            try:
                above = self._above()
            except OSError as error:
                detail = f"it was moved or closed during the walk ({error.strerror})"
                yield LeftOut(self._path(), "changed_while_reading", detail, folder=True)
                self._frames.pop()
                continue
            os.close(self._here)
            self._here = above
            return

    def _above(self) -> int:
        wanted = self._frames[-1].identity
        try:
            descriptor = os.open(b"..", _FOLDER, dir_fd=self._here)
        except OSError:  # a folder that may be listed and not entered
            descriptor = open_folder(self._root, self._path())
        if _identity(descriptor) != wanted:
            os.close(descriptor)
            descriptor = open_folder(self._root, self._path())
            if _identity(descriptor) != wanted:
                os.close(descriptor)
                raise FileNotFoundError(errno.ENOENT, "another folder has its name now")
        return descriptor

    def _folder(self, name: bytes) -> LeftOut | None:
        path = self._path(name)
        ignored = self._ignored(name, folder=True)
        if ignored:
            return LeftOut(path, "ignored", ignored)
        try:
            descriptor = os.open(name, _FOLDER, dir_fd=self._here)
        except OSError as error:
            return LeftOut(path, reason_of(error), error.strerror or "", folder=True)
        words = self._apart.get(_identity(descriptor))
        if words is not None:
            os.close(descriptor)
            return LeftOut(path, "ignored", words) if words else None
        try:
            self._enter(name, descriptor)
        except OSError as error:
            return LeftOut(path, reason_of(error), error.strerror or "", folder=True)
        return None

    def _file(self, name: bytes) -> Found | LeftOut | None:
        if name == IGNORE_FILE:
            return None
        path = self._path(name)
        ignored = self._ignored(name, folder=False)
        if ignored:
            return LeftOut(path, "ignored", ignored)
        try:
            status = os.stat(name, dir_fd=self._here, follow_symlinks=False)
        except FileNotFoundError:
            return None  # deleted since the folder was listed
        except OSError as error:
            return LeftOut(path, reason_of(error), error.strerror or "")
        if stat.S_ISLNK(status.st_mode):
            return self._link(path)
        if not stat.S_ISREG(status.st_mode):
            return LeftOut(path, "not_regular", _kind(status.st_mode))
        return _found(path, status)

    def _link(self, path: bytes) -> LeftOut:
        try:
            target = os.path.realpath(os.path.join(self._root, path), strict=True)
        except OSError as error:
            return LeftOut(path, "link", f"a link that leads nowhere ({error.strerror})")
        if target == self._root or target.startswith(self._root.rstrip(b"/") + b"/"):
            return LeftOut(path, "link", "a link: what it points at is read under its own name")
        return LeftOut(path, "outside_root", "a link that leads out of the folder")

    def _ignored(self, name: bytes, *, folder: bool) -> str:
        """Return why a name of the current folder is ignored, or "" when it is not."""
        return ignored_by(self._path(name), [frame.rules for frame in self._frames], folder=folder)

    def _path(self, name: bytes = b"") -> bytes:
        names = [frame.name for frame in self._frames[1:]]
        return b"/".join([*names, name] if name else names)


def _identity(descriptor: int) -> Identity:
    status = os.fstat(descriptor)
    return status.st_dev, status.st_ino


def _found(path: bytes, status: os.stat_result) -> Found:
    return Found(path, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _kind(mode: int) -> str:
    kinds = ((stat.S_ISFIFO, "a named pipe"), (stat.S_ISSOCK, "a socket"))
    return next((words for test, words in kinds if test(mode)), "a device")


def _listing(descriptor: int) -> list[bytes]:
    """List a folder, the first name last; a folder is "name/", which makes the whole walk ascend by path."""
    names: list[bytes] = []
    with os.scandir(descriptor) as entries:
        for entry in entries:
            name = os.fsencode(entry.name)
            names.append(name + b"/" if entry.is_dir(follow_symlinks=False) else name)
    return sorted(names, reverse=True)


def _ignore_rules(descriptor: int) -> Patterns | None:
    """Read the folder's ignore file, if it has one that is a regular file of a sane size."""
    try:
        inner = os.open(IGNORE_FILE, _FILE, dir_fd=descriptor)
    except OSError:
        return None
    try:
        status = os.fstat(inner)
        if not stat.S_ISREG(status.st_mode) or status.st_size > IGNORE_FILE_LIMIT:
            return None
        with os.fdopen(os.dup(inner), "rb") as file:
            text = file.read(IGNORE_FILE_LIMIT).decode("utf-8-sig", "surrogateescape")
    finally:
        os.close(inner)
    return Patterns(text.splitlines())
