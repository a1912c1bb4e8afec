"""The documents of a folder of files, read by the installed package that can read files."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from importlib.metadata import entry_points
from pathlib import Path
from typing import Protocol, cast

from ragkit.errors import ExtractionError, MissingPackageError
from ragkit.types.documents import Document

GROUP = "ragkit.file_readers"
"""Entry-point group: the entry `default` is a function of a path that returns a Document."""


class FileReader(Protocol):
    """Reads one file; raises ExtractionError. Called from several threads at once."""

    def __call__(self, path: Path, *, source: str) -> Document:
        """Return the document of a file, under the source given."""


def find_file_reader() -> FileReader:
    """Return the reader that the entry-point group names. Raises MissingPackageError where no package has one."""
    point = next(iter(entry_points(group=GROUP, name="default")), None)
    if point is None:
        raise MissingPackageError("ragkit_ingest", purpose="reading the files of a data set", install="ragkit")
    try:
        return cast("FileReader", point.load())
    except ImportError as error:
        raise MissingPackageError(
            point.module, purpose=f"reading the files of a data set ({error})", install="ragkit"
        ) from error


def read_files(
    files: Mapping[str, Path], reader: FileReader, *, failed: Callable[[str, ExtractionError], None]
) -> Iterator[Document]:
    """Yield the documents of files in their order, several read at once; `failed` is called for a file without one."""
    size = max(1, len(os.sched_getaffinity(0)))
    waiting: deque[tuple[str, Future[Document]]] = deque()
    with ThreadPoolExecutor(size, thread_name_prefix="ragkit-eval-read") as pool:

        def first() -> Iterator[Document]:
            name, future = waiting.popleft()
            try:
                yield future.result()
            except ExtractionError as error:
                failed(name, error)

        try:
            for name, path in files.items():
                waiting.append((name, pool.submit(reader, path, source=name)))
                if len(waiting) > size:
                    yield from first()
            while waiting:
                yield from first()
        finally:
            for _, future in waiting:
                future.cancel()
