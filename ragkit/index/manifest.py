"""Cache folders that appear atomically; owner, revision and checksums are verified before use.

A folder is written under a temporary name; its files and then a manifest are flushed to the disk, and only then is it
renamed. The manifest names the owner and has the SHA-256 of every file and of itself. Hashing a large cache takes a
second, so a verified folder gets a stamp: inode, size and times of every file. While these are unchanged, and older
than the check, no byte can have changed through the file system.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from ragkit.errors import StoreError
from ragkit.files import fsync_path, sha256_of

FORMAT: Final = 4
"""Format number, raised whenever older files could be misread; they are rebuilt then."""
MANIFEST: Final = "manifest.json"
STAMP: Final = "stamp.json"
_TEMPORARY: Final = "tmp-"
_LOCK: Final = "lock"
_KEPT: Final = 2
_BLOCK: Final = 1 << 20
_MANIFEST_LIMIT: Final = 1 << 22
_TICK_NS: Final = 20_000_000  # file times are as coarse as 4 ms: a change that close to the check could go unseen


class OutdatedError(StoreError):
    """A folder is intact, but of another model, format, collection or time."""


@dataclass(frozen=True, slots=True)
class Owner:
    """The owner of a cache: the collection's identity, the model's fingerprint, and the dimension of its vectors."""

    collection: str
    fingerprint: str
    dimension: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """The description of a cache folder.

    part: "dense" or "lexical". revision, generation: of the collection when it was written. count: chunks. probes:
    (chunk id, digest) of a few chunks, to compare with the store. facts: of the part. files: size and SHA-256 by name.
    """

    part: str
    owner: Owner
    revision: int
    generation: int
    count: int
    probes: Sequence[tuple[int, str]]
    facts: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    format: int = FORMAT


def list_folders(place: Path, part: str) -> list[tuple[int, Path]]:
    """Return the (revision, path) of a part's folders, the newest first."""
    found = []
    with suppress(OSError):
        for item in place.iterdir():
            pieces = item.name.split("-")
            if len(pieces) == 3 and pieces[0] == part and pieces[1].isdigit():
                found.append((int(pieces[1]), item))
    return sorted(found, reverse=True)


@contextmanager
def writing(place: Path) -> Iterator[bool]:
    """Hold the write lock of a cache folder, created when missing; yields False when it is held elsewhere."""
    from filelock import FileLock, Timeout

    place.mkdir(parents=True, exist_ok=True)
    lock = FileLock(place / _LOCK, blocking=False)
    try:
        lock.acquire()
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


@contextmanager
def temporary(place: Path) -> Iterator[Path]:
    """Yield a new folder for files; it is deleted at the end unless it was sealed."""
    folder = place / f"{_TEMPORARY}{os.getpid()}-{secrets.token_hex(6)}"
    folder.mkdir()
    try:
        yield folder
    finally:
        if folder.exists():
            shutil.rmtree(folder, ignore_errors=True)


def seal(folder: Path, manifest: Manifest, *, names: Sequence[str], known: Mapping[str, str] | None = None) -> Path:
    """Flush the named files of a temporary folder, write the manifest, rename the folder, and return where it is now.

    known: SHA-256 of files that are hard links into a folder verified just before.
    """
    for name in names:
        fsync_path(folder / name)
    before = _Look.at(folder, names)
    files = {
        name: ((folder / name).stat().st_size, (known or {}).get(name) or sha256_of(folder / name)) for name in names
    }
    body = {**asdict(manifest), "files": files}
    path = folder / MANIFEST
    path.write_text(json.dumps({"body": body, "sha256": _digest_of(body)}), encoding="utf-8")
    fsync_path(path)
    fsync_path(folder)
    target = folder.parent / f"{manifest.part}-{manifest.revision:012d}-{secrets.token_hex(4)}"
    folder.rename(target)
    fsync_path(target.parent)
    _stamp(target, before)
    return target


def read_manifest(folder: Path, *, part: str, owner: Owner) -> Manifest:
    """Return the manifest of a folder; Raises StoreError when it is not of this part, owner and format."""
    manifest = _parse((folder / MANIFEST).read_bytes())
    wanted = {"part": part, "owner": owner, "format": FORMAT, "revision": int(folder.name.split("-")[1])}
    for name, value in wanted.items():
        if getattr(manifest, name) != value:
            raise OutdatedError(f"its {name} is {getattr(manifest, name)} instead of {value}")
    return manifest


def check_files(folder: Path, manifest: Manifest, *, whole: bool = False) -> None:
    """Raise StoreError unless every file is as the manifest says. whole: hash all files, stamp or not."""
    for name, (size, _) in manifest.files.items():
        path = folder / name
        if path.is_symlink() or not path.is_file():
            raise StoreError(f"its file {name} is missing")
        if path.stat().st_size != size:
            raise StoreError(f"its file {name} has {path.stat().st_size} bytes instead of {size}")
    if not whole and _is_stamped(folder, list(manifest.files)):
        return
    before = _Look.at(folder, list(manifest.files))
    for name, (_, digest) in manifest.files.items():
        if sha256_of(folder / name) != digest:
            raise StoreError(f"its file {name} does not have its hash")
    _stamp(folder, before)


def remove_old(place: Path, part: str, *, revision: int, owner: Owner) -> None:
    """Delete leftovers of interrupted runs, and all folders of a part but the newest two. The caller holds the lock.

    revision, owner: the collection's. Folders of a later revision date from before it was restored from a backup, and
    those of another owner from before it was rebuilt with another model: they are deleted too, as damaged ones are.

    A folder is renamed first, so that no reader sees half of it. That changes the ctime of files that a kept folder
    links too: its stamp is renewed when nothing else has changed.
    """
    folders = [folder for _, folder in list_folders(place, part)]
    kept = [
        folder
        for number, folder in list_folders(place, part)
        if number <= revision and _is_usable(folder, part=part, owner=owner)
    ][:_KEPT]
    before = {folder: _Look.at(folder, list(_read_stamp(folder).get("files", {}))) for folder in kept}
    whole = [folder for folder in kept if _is_stamped(folder, list(before[folder].times))]
    for folder in set(folders) - set(kept):
        with suppress(OSError):
            folder.rename(place / f"{_TEMPORARY}old-{secrets.token_hex(6)}")
    for item in list(place.iterdir()):
        if item.name.startswith(_TEMPORARY):
            shutil.rmtree(item, ignore_errors=True)
    for folder in whole:
        after = _Look.at(folder, list(before[folder].times))
        if before[folder].times != after.times and before[folder].without_ctime() == after.without_ctime():
            _stamp(folder, after)


def _is_usable(folder: Path, *, part: str, owner: Owner) -> bool:
    try:
        check_files(folder, read_manifest(folder, part=part, owner=owner))
    except (StoreError, OSError):
        return False
    return True


def _parse(data: bytes) -> Manifest:
    try:
        if len(data) > _MANIFEST_LIMIT:
            raise StoreError("its manifest is too large")
        whole = json.loads(data)
        body = whole["body"]
        if _digest_of(body) != whole["sha256"]:
            raise StoreError("its manifest does not have its hash")
        owner = Owner(**body.pop("owner"))
        probes = [(int(number), str(digest)) for number, digest in body.pop("probes")]
        files = {str(name): (int(size), str(digest)) for name, (size, digest) in body.pop("files").items()}
        manifest = Manifest(owner=owner, probes=probes, files=files, **body)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise StoreError(f"its manifest can't be read ({error})") from error
    if any("/" in name or name.startswith(("..", "manifest")) for name in manifest.files):
        raise StoreError("its manifest names a file elsewhere")
    return manifest


def _digest_of(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


# ------------------------------------------------------------------ stamps


@dataclass(frozen=True, slots=True)
class _Look:
    """Device, inode, size, mtime and ctime (ns) of some files, read at a time (ns)."""

    time: int
    times: Mapping[str, tuple[int, ...]]

    @classmethod
    def at(cls, folder: Path, names: Sequence[str]) -> _Look:
        now = time.time_ns()
        times: dict[str, tuple[int, ...]] = {}
        with suppress(OSError):
            for name in names:
                stat = (folder / name).stat()
                times[name] = (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
        return cls(now, times)

    def without_ctime(self) -> dict[str, tuple[int, ...]]:
        return {name: values[:-1] for name, values in self.times.items()}


def _stamp(folder: Path, look: _Look) -> None:
    """Record that files were intact when they were read. A failure (a read-only disk) only costs time later."""
    path = folder / f"{STAMP}.{secrets.token_hex(4)}"
    try:
        body = {"at": look.time, "manifest": sha256_of(folder / MANIFEST), "files": dict(look.times)}
        path.write_text(json.dumps({"body": body, "sha256": _digest_of(body)}), encoding="utf-8")
        path.replace(folder / STAMP)
    except OSError:
        with suppress(OSError):
            path.unlink()


def _read_stamp(folder: Path) -> dict[str, Any]:
    try:
        whole = json.loads((folder / STAMP).read_bytes())
        body: dict[str, Any] = whole["body"]
        return body if whole["sha256"] == _digest_of(body) else {}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}


def _is_stamped(folder: Path, names: Sequence[str]) -> bool:
    """Return whether all files were verified and are unchanged since."""
    stamp = _read_stamp(folder)
    times = _Look.at(folder, names).times
    if not stamp or not times or set(times) != set(names):
        return False
    noted = {name: tuple(values) for name, values in stamp["files"].items()}
    latest = max(values[-1] for values in times.values())
    return (
        noted == times and stamp["manifest"] == sha256_of(folder / MANIFEST) and int(stamp["at"]) - latest >= _TICK_NS
    )
