"""The collections of a data folder: list, find and delete them."""

from __future__ import annotations

import os
import secrets
import shutil
from pathlib import Path
from typing import Final

from ragkit.errors import NotFoundError, StorageFullError, StoreError
from ragkit.files import fsync_path
from ragkit.store.checks import COLLECTION_NAME, check_name
from ragkit.store.sqlite.lock import writer_lock
from ragkit.store.sqlite.schema import FILE_NAME

FOLDER: Final = "collections"
_DELETED: Final = ".deleted-"


def collection_folder(data: str | Path, name: str) -> Path:
    """Return the folder of a collection; raises InputError for a bad name."""
    return Path(data) / FOLDER / check_name(name)


def list_collections(data: str | Path) -> list[str]:
    """Return the names of the collections in a data folder, sorted; none when there is no such folder."""
    try:
        entries = list(os.scandir(Path(data) / FOLDER))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise StoreError(f"{data} can't be read ({error.strerror})", cure="check its permissions") from error
    return sorted(
        entry.name for entry in entries if COLLECTION_NAME.fullmatch(entry.name) and (Path(entry) / FILE_NAME).is_file()
    )


def delete_collection(data: str | Path, name: str) -> None:
    """Delete a collection with everything in it: no process can open it from now on, then its files are deleted.

    Raises NotFoundError, and LockedError while it is being written. A process that has it open gets NotFoundError.
    """
    folder = collection_folder(data, name)
    if not (folder / FILE_NAME).is_file():
        raise NotFoundError(f"there is no collection {name!r} in {data}", cure="list them with: ragkit collections")
    doomed = folder.with_name(f"{_DELETED}{name}-{secrets.token_hex(4)}")
    with writer_lock(folder):
        try:
            folder.rename(doomed)
            sync_folder(doomed.parent)
        except OSError as error:
            raise StoreError(f"{folder} can't be removed ({error.strerror})", cure="check its permissions") from error
    sweep(data)


def sweep(data: str | Path) -> None:
    """Delete the files of collections that were deleted before, also by a process that died meanwhile."""
    for left in (Path(data) / FOLDER).glob(f"{_DELETED}*"):
        shutil.rmtree(left, ignore_errors=True)


def sync_folder(folder: Path) -> None:
    """Make a rename or a new name in a folder survive a power cut; raises StorageFullError when the disk refuses."""
    try:
        fsync_path(folder)
    except OSError as error:
        raise StorageFullError(
            f"the disk of {folder} refuses writes ({error.strerror})", cure="check the disk, then run the command again"
        ) from error
