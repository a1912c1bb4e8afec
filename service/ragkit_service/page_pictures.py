"""Pages of ingested PDFs as pictures: drawn in one child process, a few requests at a time."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from ragkit import FileState
from ragkit_service.errors import Problem
from ragkit_service.settings import Limits

if TYPE_CHECKING:
    from ragkit_ingest import WorkerPool

_WAITING: Final = 8


class PagePictures:
    """Draws pages; the child starts with the first one. Thread-safe."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._places = threading.BoundedSemaphore(_WAITING)
        self._lock = threading.Lock()
        self._pool: WorkerPool | None = None

    def draw(self, state: FileState, page: int) -> bytes:
        """Return a page, from 1, of the file that a document was read from, as a PNG.

        Raises ExtractionError, and a 503 while too many pages are asked for.
        """
        from ragkit_ingest import page_image

        if not self._places.acquire(blocking=False):
            raise Problem(
                503,
                "busy",
                "Too many pages at once",
                f"{_WAITING} pages are being drawn",
                cure="send the request again a little later",
                retry_after=2,
            )
        try:
            return page_image(state, page, pool=self._children())
        finally:
            self._places.release()

    def close(self) -> None:
        """End the child."""
        with self._lock:
            if self._pool is not None:
                self._pool.close()

    def _children(self) -> WorkerPool:
        from ragkit_ingest import ReadLimits, WorkerPool

        with self._lock:
            if self._pool is None:
                self._pool = WorkerPool(ReadLimits(max_size=self._limits.upload_bytes), size=1)
            return self._pool
