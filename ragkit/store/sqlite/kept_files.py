"""The files beside a collection's database (prompts, chains, feedback, originals of uploads …), inside its backup."""

from __future__ import annotations

import hashlib
from pathlib import Path, PurePosixPath
from typing import Final

import apsw

from ragkit.errors import CorruptError
from ragkit.files import fsync_path
from ragkit.store.sharing.mirror import FILES, FOLDERS, own_files

LARGEST_BYTES: Final = 256 << 20
"""A larger file is left out of a backup, and reported."""
TABLE: Final = "kept_files"
_CREATE: Final = f"CREATE TABLE {TABLE} (path TEXT PRIMARY KEY, sha256 TEXT NOT NULL, content BLOB NOT NULL) STRICT"


def pack(folder: Path, connection: apsw.Connection) -> tuple[int, list[str]]:
    """Write the files of a collection's folder into a backup; return their number, and the paths that were left out.

    Only regular files are taken; links, and files that end while they are copied, are left out.
    """
    connection.execute(f"DROP TABLE IF EXISTS {TABLE}")
    connection.execute(_CREATE)
    count, left_out = 0, []
    for path in own_files(folder):
        name = path.relative_to(folder).as_posix()
        content = _content(path)
        if content is None:
            left_out.append(name)
            continue
        values = (name, hashlib.sha256(content).hexdigest(), content)
        connection.execute(f"INSERT INTO {TABLE} VALUES (?, ?, ?)", values)
        count += 1
    return count, left_out


def unpack(connection: apsw.Connection, folder: Path, *, shown: Path) -> None:
    """Write the files of a backup into a collection's folder and drop their table; nothing for an older backup.

    shown: the backup's name in the error message. Raises CorruptError for a path that leads elsewhere, and for a file
    that does not have its SHA-256.
    """
    if not connection.table_exists("main", TABLE):
        return
    for name, digest, content in connection.execute(f"SELECT path, sha256, content FROM {TABLE} ORDER BY path"):
        if not _is_kept(name) or hashlib.sha256(content).hexdigest() != digest:
            raise CorruptError(f"{shown} is damaged or is no backup (its file {name!r})", cure="use another backup")
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        fsync_path(target)
    connection.execute(f"DROP TABLE {TABLE}")


def _content(path: Path) -> bytes | None:
    """Return the bytes of a regular file; None for anything else, and for one that is too large or cannot be read."""
    if path.is_symlink() or not path.is_file():
        return None
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_BYTES + 1)
    except OSError:
        return None
    return content if len(content) <= LARGEST_BYTES else None


def _is_kept(name: str) -> bool:
    """Whether a path of a backup is one that `pack` writes."""
    parts = PurePosixPath(name).parts
    inside = len(parts) > 1 and parts[0] in FOLDERS and not any(part.startswith(".") for part in parts)
    return "\0" not in name and (name in FILES or inside)
