"""Map the paths that a user names to the folders that are synced, and to the roots of their sources."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ragkit import InputError, show
from ragkit_ingest.options import IngestOptions
from ragkit_ingest.scan.names import path_of, source_of
from ragkit_ingest.scan.roots.base import Apart, Root, RootAccess
from ragkit_ingest.scan.roots.opening import RootOpener, folder_of_url, is_list, is_there, is_url
from ragkit_ingest.scan.walk import Identity

PathLike = str | bytes | os.PathLike[str] | os.PathLike[bytes]


@dataclass(frozen=True, slots=True)
class Target:
    """A target of a run: all of a root, a folder of it (`scope`), or, with `single`, the one file `scope`."""

    root: Root
    scope: bytes = b""
    single: bool = False

    @property
    def name(self) -> str:
        """The root as text, as in a FileState."""
        return self.root.name

    @property
    def path(self) -> bytes:
        """The named path: the root, or the folder or file of it."""
        return os.path.join(self.root.address, self.scope) if self.scope else self.root.address

    def covers(self, path: bytes) -> bool:
        """Return whether a path below the root is part of this target."""
        if self.single or not self.scope:
            return not self.single or path == self.scope
        return path.startswith(self.scope + b"/")


def find_targets(
    paths: Iterable[PathLike], *, known: Sequence[str], options: IngestOptions | None = None
) -> list[Target]:
    """Return the targets of the given paths, given the roots of earlier runs.

    A folder is its own root, unless it lies in a known root: then that part of the known root is synced, and sources
    stay relative to it. A known root inside a named folder is synced along with it and keeps its sources. A file
    belongs to the root that holds it, else to its folder; nothing else of that folder is looked at. URLs follow the
    same rules; a list of web addresses is a root of its own.

    Raises InputError for a path that is not there, cannot be read, or is neither a file nor a folder, and
    MissingPackageError for a URL whose storage needs another package.
    """
    roots = [path_of(name) for name in known]
    options = options or IngestOptions()
    opener = RootOpener(RootAccess(options.limits.max_size, options.internal_addresses))
    named = dict(_resolve(path, opener) for path in paths)
    targets: list[Target] = []
    for real, single in named.items():
        if any(not file and _inside(real, other) for other, file in named.items()):
            continue  # in another folder that was named too
        targets.append(_target(real, roots, opener, single=single))
        if not single:
            inner = (root for root in sorted(roots) if _inside(root, real) and is_there(source_of(root)))
            targets.extend(Target(opener.root(root)) for root in inner)
    return list(dict.fromkeys(targets))


def apart(targets: Sequence[Target], *, known: Sequence[str], data: PathLike) -> Apart:
    """Return the folders that a walk skips: the data folder, and roots inside others, which are synced as such.

    Raises InputError when a target lies in the data folder itself.
    """
    own = os.path.realpath(os.fsencode(data))
    for target in targets:
        if target.path == own or _inside(target.path, own):
            cure = "name the folder of your documents"
            raise InputError(f"{show(source_of(target.path))} is ragkit's own data folder", cure=cure)
    identities: dict[Identity | bytes, str] = {}
    for root in {path_of(name) for name in known} | {target.root.address for target in targets}:
        if any(_inside(root, target.root.address) for target in targets):
            _note(identities, root, "")
    _note(identities, own, "ragkit's own data folder")
    return identities


def _resolve(path: PathLike, opener: RootOpener) -> tuple[bytes, bool]:
    name = os.fsdecode(path)
    folder = folder_of_url(name)
    if folder is not None:
        path = folder
    elif is_url(name):
        named = opener.resolve(name)
        return named.address, named.single
    shown = show(name)
    if not os.fsencode(path):
        raise InputError("the name of a folder is empty", cure="name a folder or a file")
    try:
        real = os.path.realpath(os.fsencode(path), strict=True)
        mode = os.stat(real).st_mode
    except FileNotFoundError as error:
        cure = "check the path (documents that it held before are kept)"
        raise InputError(f"there is no file or folder {shown}", cure=cure) from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"{shown} cannot be opened: {reason}", cure="check its name and its permissions") from error
    if not stat.S_ISDIR(mode) and not stat.S_ISREG(mode):
        raise InputError(f"{shown} is neither a file nor a folder", cure="name a folder of documents")
    return real, stat.S_ISREG(mode)


def _target(real: bytes, roots: Sequence[bytes], opener: RootOpener, *, single: bool) -> Target:
    holders = [root for root in roots if root == real or _inside(real, root)]
    if holders:
        root = max(holders, key=len)
        return Target(opener.root(root), real[len(root) :].lstrip(b"/"), single)
    folder, _, name = real.rpartition(b"/")
    if not single:
        return Target(opener.root(real))
    top = folder + b"/" if not folder or folder.endswith(b":/") else folder
    return Target(opener.root(top), name, single)


def _inside(path: bytes, folder: bytes) -> bool:
    return not is_list(folder) and path != folder and path.startswith(folder.rstrip(b"/") + b"/")


def _note(identities: dict[Identity | bytes, str], folder: bytes, words: str) -> None:
    if is_url(source_of(folder)):
        identities[folder] = words
        return
    try:
        status = os.stat(folder)
    except OSError:
        return
    identities[status.st_dev, status.st_ino] = words
