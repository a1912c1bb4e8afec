"""A thread that keeps the search indexes of open collections at the last commit of any process."""

from __future__ import annotations

import logging
import threading
import time
from typing import Final

from ragkit import CommitWatch
from ragkit_service.collection_pool import CollectionPool

logger = logging.getLogger(__name__)

WAIT_SECONDS: Final = 0.5
"""How long one wait for a commit lasts at most, and about how long `close` waits for it."""
CLOSE_SECONDS: Final = 10.0
"""How long `close` waits for the thread, which may be following or connecting."""
PAUSE: Final = 4
"""How many times as long as following took, the next commits are left to gather: a run commits many times a second."""
LONGEST_PAUSE: Final = 0.5
"""They wait no longer, however long it took: now and then files are written, too."""


class CommitFollowing:
    """Follows commits at once when they are rare, and for a third of the time or so when there are many."""

    def __init__(self, pool: CollectionPool, watch: CommitWatch) -> None:
        """watch: used by this alone, and closed with it."""
        self._pool = pool
        self._watch = watch
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, name="ragkit-commits", daemon=True)

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def close(self) -> None:
        """End, when the indexes that are followed now are at their commit."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(CLOSE_SECONDS)

    def _work(self) -> None:
        try:
            self._follow()
        finally:
            self._watch.close()

    def _follow(self) -> None:
        while not self._ended.is_set():
            try:
                names = self._watch.wait(WAIT_SECONDS)
                began = time.monotonic()
                if names is None or names:
                    self._pool.follow_commits(names)
                self._ended.wait(min(PAUSE * (time.monotonic() - began), LONGEST_PAUSE))
            except Exception:
                logger.exception("commits are not followed now")
                self._ended.wait(WAIT_SECONDS)
