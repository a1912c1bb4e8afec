"""Open a file that the user named: links, pipes, devices and locked files are refused, and nothing blocks."""

from __future__ import annotations

import os
import stat

from ragkit import ExtractionError
from ragkit_ingest.scan.stable_read import check_open_file
from ragkit_ingest.scan.walk import reason_of

PathLike = str | bytes | os.PathLike[str] | os.PathLike[bytes]

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


def open_path(path: PathLike, *, max_size: int) -> int:
    """Return a descriptor of a regular file of at most max_size bytes; the caller closes it.

    Raises ExtractionError: `link` or `outside_root` for a link, `not_regular`, `permission`, `missing`, `too_big`,
    `path_too_long`. A link in the folders above the file is followed, since the user wrote it.
    """
    name = os.fsencode(path)
    if not name or b"\0" in name:
        raise ExtractionError("missing", "an empty name" if not name else "a name with a NUL in it")
    check_folders(name)
    try:
        descriptor = os.open(name, _FLAGS)
    except OSError as error:
        raise _refusal(name, error) from error
    try:
        check_open_file(descriptor, max_size=max_size)
    except ExtractionError:
        os.close(descriptor)
        raise
    return descriptor


def check_folders(path: bytes) -> None:
    """Refuse a path below a folder whose mode denies everybody; the kernel would admit root."""
    folder = os.path.dirname(os.path.abspath(path))
    while True:
        try:
            mode = os.stat(folder).st_mode
        except OSError:
            return  # opening the file will raise the right error
        if stat.S_ISDIR(mode) and not mode & 0o555:
            raise ExtractionError("permission", "the mode of its folder lets nobody in", cure="chmod u+rx the folder")
        if folder == os.path.dirname(folder):
            return
        folder = os.path.dirname(folder)


def _refusal(path: bytes, error: OSError) -> ExtractionError:
    try:
        is_link = stat.S_ISLNK(os.lstat(path).st_mode)
    except OSError:
        is_link = False
    return link_refusal(path) if is_link else ExtractionError(reason_of(error), error.strerror or "")


def link_refusal(path: bytes) -> ExtractionError:
    """Return why a link is not followed, from its target, without opening it."""
    try:
        target = os.path.realpath(path, strict=True)
        mode = os.stat(target).st_mode
    except OSError as error:
        return ExtractionError("link", f"a link that leads nowhere ({error.strerror})")
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        return ExtractionError("not_regular", "a link to something that is no file")
    folder = os.path.realpath(os.path.dirname(os.path.abspath(path)))
    cure = "name the file itself"
    if stat.S_ISDIR(mode) or target.startswith(folder.rstrip(b"/") + b"/"):
        return ExtractionError("link", "a link", cure=cure)
    return ExtractionError("outside_root", "a link that leads out of its folder", cure=cure)
