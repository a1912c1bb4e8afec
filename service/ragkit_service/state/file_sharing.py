"""A thread that shares the own files of open collections (prompts, examples, feedback …) with other services."""

from __future__ import annotations

import logging
import threading
import time
from typing import Final

from ragkit_service.collection_pool import CollectionPool

logger = logging.getLogger(__name__)

SHARE_SECONDS: Final = 1.0
PAUSE: Final = 20
"""How many times as long as a look at the files the next one waits at least: folders may hold very many originals."""


class FileSharing:
    """Brings the files of a pool's collections in line with the database, every SHARE_SECONDS or more; see PAUSE."""

    def __init__(self, pool: CollectionPool) -> None:
        self._pool = pool
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, name="ragkit-files", daemon=True)

    def start(self) -> None:
        """Begin to share."""
        self._thread.start()

    def close(self) -> None:
        """Share what is left, and end."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def _work(self) -> None:
        is_last, pause = False, SHARE_SECONDS
        while not is_last:
            is_last = self._ended.wait(pause)
            began = time.monotonic()
            try:
                self._pool.follow_files()
            except Exception:
                logger.exception("the files of the collections cannot be shared")
            pause = max(SHARE_SECONDS, PAUSE * (time.monotonic() - began))
