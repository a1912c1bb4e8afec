"""The root in a storage that fsspec reaches: `s3://bucket/prefix`, `gs://…`, `abfs://…` and others."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from ragkit import ExtractionError
from ragkit_ingest.scan.ignore_rules import IGNORE_FILE, IGNORE_FILE_LIMIT, Patterns, ignored_by
from ragkit_ingest.scan.roots.base import Apart, OpenedFile, RootAccess
from ragkit_ingest.scan.roots.remote import PIECE, RemoteRoot, Version, check_size, private_copy, translated_errors
from ragkit_ingest.scan.walk import Found, LeftOut

_TAGS: Final = ("generation", "ETag", "etag", "md5Hash", "checksum")
_TIMES: Final = ("LastModified", "last_modified", "updated", "mtime", "modified", "created")
_ATTEMPTS: Final = 3


@dataclass(frozen=True, slots=True)
class StorageRoot(RemoteRoot):
    """Files below a URL. address: the URL, which holds no secret. base: its path in the file system `system`."""

    address: bytes
    system: Any = field(compare=False, repr=False)
    base: str = field(compare=False)
    access: RootAccess = field(default_factory=RootAccess, compare=False)

    def walk(self, *, scope: bytes = b"", apart: Apart | None = None) -> Iterator[Found | LeftOut]:
        """Yield every file below the URL, one listed folder after the other; a folder that fails is left out whole."""
        yield from _Walk(self, apart or {}).run(scope)

    def open(self, path: bytes) -> OpenedFile:
        """Fetch a file, all of one version, into a private copy. Raises ExtractionError."""
        version = self.version(path)
        for _ in range(_ATTEMPTS):
            check_size(version.size, max_size=self.access.max_size)
            with closing(self._pieces(path)) as pieces:
                opened = private_copy(pieces, version=version, path=path, max_size=self.access.max_size)
            before = version
            try:
                version = self.version(path)
            except ExtractionError:
                os.close(opened.descriptor)
                raise
            if version == before:
                return opened
            os.close(opened.descriptor)
        raise ExtractionError("changed_while_reading", "it was written to while it was read", cure="run again later")

    def full(self, path: bytes) -> str:
        """Return the path of a file or folder in the file system. Raises ExtractionError for a name without one."""
        try:
            below = path.decode("utf-8")
        except UnicodeDecodeError:
            raise ExtractionError("missing", "no such name") from None
        return f"{self.base.rstrip('/')}/{below}" if below else self.base

    def version(self, path: bytes) -> Version:
        """Ask for the version of one file. Raises ExtractionError."""
        full = self.full(path)
        with translated_errors():
            self.system.invalidate_cache()
            info = self.system.info(full)
        if info.get("type") != "file":
            raise ExtractionError("not_regular", "not a file")
        return version_of(info)

    def _pieces(self, path: bytes) -> Generator[bytes]:
        with translated_errors(), self.system.open(self.full(path), "rb") as file:
            while piece := file.read(PIECE):
                yield piece


def version_of(info: Mapping[str, Any]) -> Version:
    """Return the version of a file from what its storage says about it, in a listing or about the file alone.

    Where there is a tag, the time does not count: the two give it in different precisions.
    """
    tag = next((str(info[name]).strip('"') for name in _TAGS if info.get(name)), "")
    times = (_nanoseconds(info.get(name)) for name in _TIMES)
    return Version(int(info.get("size") or 0), 0 if tag else next((time for time in times if time), 0), tag)


def _nanoseconds(time: object) -> int:
    """Return a time that a storage gives (a datetime, ISO 8601, or seconds since 1970), 0 where it is none."""
    if isinstance(time, str):
        try:
            time = datetime.fromisoformat(time)
        except ValueError:
            return 0
    if isinstance(time, datetime):
        whole = time if time.tzinfo else time.replace(tzinfo=UTC)
        return int(whole.replace(microsecond=0).timestamp()) * 1_000_000_000 + whole.microsecond * 1_000
    return round(time * 1_000_000) * 1_000 if isinstance(time, int | float) else 0


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder to list. rules: those of the folders above it, from the root down."""

    path: bytes
    rules: tuple[Patterns | None, ...]


_Item = Found | LeftOut | _Folder


class _Walk:
    """Lists the folders below a root one after the other, in the order of the bytes of their paths."""

    def __init__(self, root: StorageRoot, apart: Apart) -> None:
        self._root = root
        self._apart = apart

    def run(self, scope: bytes) -> Iterator[Found | LeftOut]:
        names = [name for name in scope.split(b"/") if name]
        try:
            above = tuple(self._ignore_file(b"/".join(names[:level])) for level in range(len(names)))
        except ExtractionError as error:
            yield LeftOut(scope, error.reason, error.detail, folder=True)
            return
        todo: list[_Item] = [_Folder(scope, above)]
        while todo:
            item = todo.pop()
            if not isinstance(item, _Folder):
                yield item
                continue
            try:
                todo += self._listed(item)
            except ExtractionError as error:
                yield LeftOut(item.path, error.reason, error.detail, folder=True)

    def _listed(self, folder: _Folder) -> Sequence[_Item]:
        """Return what is in a folder, the first name last. Raises ExtractionError."""
        full = self._root.full(folder.path).rstrip("/")
        with translated_errors():
            listed = self._root.system.ls(full, detail=True)
        entries = {}
        for info in listed:
            path = str(info["name"]).rstrip("/")
            if path.strip("/") != full.strip("/"):  # an empty object that stands for the folder
                name = path.rpartition("/")[2].encode("utf-8", "surrogateescape")
                entries[name + b"/" if info["type"] == "directory" else name] = info
        rules = (*folder.rules, self._ignore_file(folder.path) if IGNORE_FILE in entries else None)
        found = (self._entry(folder, name, rules, info) for name, info in sorted(entries.items(), reverse=True))
        return [item for item in found if item is not None]

    def _entry(
        self, folder: _Folder, name: bytes, rules: tuple[Patterns | None, ...], info: Mapping[str, Any]
    ) -> _Item | None:
        inner = name.endswith(b"/")
        path = (folder.path + b"/" + name if folder.path else name).rstrip(b"/")
        why = ignored_by(path, rules, folder=inner)
        if why:
            return None if name == IGNORE_FILE else LeftOut(path, "ignored", why)
        if inner:
            words = self._apart.get(self._root.address + b"/" + path)
            if words is not None:
                return LeftOut(path, "ignored", words) if words else None
            return _Folder(path, rules)
        if info["type"] != "file":
            return LeftOut(path, "link" if info["type"] == "link" else "not_regular", str(info["type"]))
        return version_of(info).found(path)

    def _ignore_file(self, folder: bytes) -> Patterns | None:
        """Return the rules of a folder's ignore file, None without one of a sane size. Raises ExtractionError."""
        path = folder + b"/" + IGNORE_FILE if folder else IGNORE_FILE
        found = self._root.look(path)
        if isinstance(found, LeftOut):
            if found.reason in ("missing", "not_regular"):
                return None
            raise ExtractionError(found.reason, f"its {IGNORE_FILE.decode()}: {found.detail}")
        if found.size > IGNORE_FILE_LIMIT:
            return None
        with os.fdopen(self._root.open(path).descriptor, "rb") as file:
            return Patterns(file.read(IGNORE_FILE_LIMIT).decode("utf-8-sig", "surrogateescape").splitlines())
