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
from ragkit_ingest.scan.roots.base import OpenedFile
from ragkit_ingest.scan.walk import Found
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
    opened: the file; its descriptor is the pool's.
    """

    work: Work
    seen: Found | None = None
    result: Document | ExtractionError = field(default_factory=lambda: ExtractionError("missing"))
    included: list[str] = field(default_factory=list)
    chunks: tuple[Chunk, ...] | None = None
    began_ns: int = 0
    opened: OpenedFile | None = None
    _descriptor: int = -1

    def open(self) -> int:
        """Open the file for the pool, and keep a second descriptor to see whether it changes meanwhile."""
        self.began_ns = time.time_ns()
        self.opened = self.work.root.open(self.work.found.path)
        self._descriptor = os.dup(self.opened.descriptor)
        return self.opened.descriptor

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
            self.seen = self._seen()
            self.close()

    def _seen(self) -> Found | None:
        if self.opened is None:
            return None
        before = self.opened.found
        now = before if self.opened.private else status_of(before.path, self._descriptor)
        return replace(now, mtime_ns=sure_mtime(now) if now == before else UNSURE)

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
                size += _counted(work)
                waiting[pool.submit(_job(reading))] = reading
            if not waiting:
                return
            future = next((item for item in waiting if item.done()), None)
            if future is None:
                wait(waiting, timeout=_PATIENCE, return_when=FIRST_COMPLETED)
            else:
                reading = waiting.pop(future)
                size -= _counted(reading.work)
                reading.finish(future)
                yield reading
    finally:
        for future, reading in waiting.items():
            if future.cancel():
                reading.close()
            else:
                future.add_done_callback(partial(_close, reading))


def _job(reading: Reading) -> Job:
    work = reading.work
    folder = work.root.folder
    return Job(
        work.source,
        clean_text(os.fsdecode(os.path.basename(work.found.path))) or "file",
        reading.open,
        place=None if folder is None else Place(folder, work.found.path),
        included=reading.included.extend,
        chunked=reading.take_chunks,
        private=folder is None,
    )


def _counted(work: Work) -> int:
    """Return the size of a file in bytes; one whose server does not say it, 0, may be large."""
    return work.found.size or _SMALL_BYTES


def _takes_more(files: int, size: int, processes: int) -> bool:
    """Tell whether another file may wait; size: bytes of those that do."""
    return files < _AHEAD * processes or (files < _SMALL_AHEAD and size < _SMALL_BYTES)


def _close(reading: Reading, _: Future[Document | ExtractionError]) -> None:
    reading.close()
