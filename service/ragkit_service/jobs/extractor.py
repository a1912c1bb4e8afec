"""The reader of uploaded files, as the service uses it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ragkit import Document
from ragkit_service.settings import Limits


@dataclass(frozen=True, slots=True)
class Extractor:
    """The reader of uploaded files. extract: raises ExtractionError, and may block for its time limit. version:
    recorded in the collection's history. close: frees the resources of extract."""

    version: str
    extract: Callable[[Path], Document]
    close: Callable[[], None] = lambda: None


def ingest_extractor(limits: Limits) -> Extractor:
    """Return the reader of uploaded files: those of ragkit_ingest, each file in a process that can be killed."""
    from ragkit_ingest import EXTRACTOR_VERSION, ReadLimits, WorkerPool, extract_file

    pool = WorkerPool(ReadLimits(max_size=limits.upload_bytes), size=limits.readers)

    def extract(path: Path) -> Document:
        return extract_file(path, pool=pool)

    return Extractor(EXTRACTOR_VERSION, extract, pool.close)


class LazyExtractor:
    """Makes an extractor at the first file; most services read files in the process of the jobs alone. Thread-safe."""

    def __init__(self, make: Callable[[], Extractor]) -> None:
        self._make = make
        self._made: Extractor | None = None
        self._making = threading.Lock()

    def extract(self, path: Path) -> Document:
        """Return the document of a file. Raises ExtractionError; may block for the reader's time limit."""
        with self._making:
            if self._made is None:
                self._made = self._make()
        return self._made.extract(path)

    def close(self) -> None:
        """Free what was made."""
        with self._making:
            made, self._made = self._made, None
        if made is not None:
            made.close()
