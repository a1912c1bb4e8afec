"""Reads files through the pool: yields its answers as they arrive, each with the state of its file."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field, replace
from functools import partial

from ragkit import Chunk, Document, ExtractionError, InputError, clean_text
from ragkit_ingest.jobs import Job, Place
from ragkit_ingest.scan.digest import UNSURE, status_of, sure_mtime
from ragkit_ingest.scan.plan import Work
from ragkit_ingest.scan.walk import Found, open_file
from ragkit_ingest.stages import Pool

_AHEAD = 2  # files per process, waiting or being read: enough to keep it busy, few enough to hold in memory
_SMALL_AHEAD = 64  # small files, so that processes go on while documents are committed
_SMALL_BYTES = 1 << 20  # of small files together
_PATIENCE = 0.2  # seconds between two looks at whether the run was stopped


@dataclass(slots=True)
class Reading:
    """One file being read: its state when it was opened, and its document or the reason for none.

    seen: its size and times while it was read; an unreliable time of change is UNSURE. None when the file could not be
    opened. included: files below the root that its text includes or would include. chunks: of the document, where the
    pool made them. began_ns: when reading began.
    """

    work: Work
    seen: Found | None = None
    result: Document | ExtractionError = field(default_factory=lambda: ExtractionError("missing"))
    included: list[str] = field(default_factory=list)
    chunks: tuple[Chunk, ...] | None = None
    began_ns: int = 0
    _descriptor: int = -1
    _opened: Found | None = None

    def open(self) -> int:
        """Open the file for the pool, and keep a second descriptor to see whether it changes meanwhile."""
        self.began_ns = time.time_ns()
        descriptor = open_file(self.work.root, self.work.found.path)
        self._descriptor = os.dup(descriptor)
        self._opened = status_of(self.work.found.path, descriptor)
        return descriptor

    def take_chunks(self, chunks: tuple[Chunk, ...]) -> None:
        """Take the chunks of the document, before the answer."""
        self.chunks = chunks

    def finish(self, answer: Future[Document | ExtractionError]) -> None:
        """Take the answer, which is ready."""
        try:
            self.result = answer.result()
        except InputError as error:
            self.result = ExtractionError("damaged", error.message)  # a reader broke the rules of a Document
        if self._descriptor >= 0:
            seen = status_of(self.work.found.path, self._descriptor)
            self.seen = replace(seen, mtime_ns=sure_mtime(seen) if seen == self._opened else UNSURE)
            self.close()

    def close(self) -> None:
        """Close the descriptor."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def read_files(pool: Pool, works: Iterable[Work], *, processes: int, stopped: Callable[[], bool]) -> Iterator[Reading]:
    """Yield every file as it is read, the earliest first among the finished ones; a slow file delays no other.

    Ends early when `stopped` returns true; files that are being read are then given up.
    """
    waiting: dict[Future[Document | ExtractionError], Reading] = {}
    size = 0
    todo = iter(works)
    try:
        while not stopped():
            while _takes_more(len(waiting), size, processes) and (work := next(todo, None)) is not None:
                reading = Reading(work)
                size += work.found.size
                name = clean_text(os.fsdecode(os.path.basename(work.found.path))) or "file"
                place = Place(work.root, work.found.path)
                job = Job(work.source, name, reading.open, place, reading.included.extend, reading.take_chunks)
                waiting[pool.submit(job)] = reading
            if not waiting:
                return
            future = next((item for item in waiting if item.done()), None)
            if future is None:
                wait(waiting, timeout=_PATIENCE, return_when=FIRST_COMPLETED)
            else:
                reading = waiting.pop(future)
                size -= reading.work.found.size
                reading.finish(future)
                yield reading
    finally:
        for future, reading in waiting.items():
            if future.cancel():
                reading.close()
            else:
                future.add_done_callback(partial(_close, reading))


def _takes_more(files: int, size: int, processes: int) -> bool:
    """Tell whether another file may wait; size: bytes of those that do."""
    return files < _AHEAD * processes or (files < _SMALL_AHEAD and size < _SMALL_BYTES)


def _close(reading: Reading, _: Future[Document | ExtractionError]) -> None:
    reading.close()
