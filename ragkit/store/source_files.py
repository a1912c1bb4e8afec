"""Compare the ingested files of a collection, of whatever store, with what they were when they were read."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator

from ragkit.files import sha256_of
from ragkit.store.base import FileReader
from ragkit.store.rows import Problem


def verify_files(files: FileReader, sources: Iterable[str]) -> Iterator[Problem]:
    """Yield the ingested files of documents that differ from what was read: changed, deleted, or unreadable now.

    Files of a folder that does not exist at all are passed over: the collection may be on another machine by now.
    Memory holds the states of one document's files at a time.
    """
    folders = {root: os.fsencode(root) for root in files.roots()}
    there = {root: folder for root, folder in folders.items() if os.path.isdir(folder)}
    for source in sources if there else ():
        for state in files.of(source):
            folder = there.get(state.root)
            if folder is None or state.reason:
                continue
            try:
                digest = _file_digest(os.path.join(folder, state.path))
            except FileNotFoundError:
                yield Problem("file", state.source, "the file was deleted; run ragkit ingest again")
            except OSError as error:
                yield Problem("file", state.source, f"the file can't be read ({error.strerror})")
            else:
                if digest != state.sha256:
                    yield Problem("file", state.source, "the file has changed since; run ragkit ingest again")


def _file_digest(path: bytes) -> str:
    """Return the hex SHA-256 of a regular file; never waits on a pipe or follows a link."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise FileNotFoundError
        return sha256_of(file)
