"""Measures how long the other threads of a process keep a thread from running: by the GIL, not by a busy machine."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.thread_clocks import ThreadClocks

_PAUSE = 0.002


class StallProbe:
    """worst: the longest stall, in seconds, as far as another thread of this process is to blame."""

    def __init__(self) -> None:
        self.worst = 0.0
        self._ended = threading.Event()

    def watch(self) -> None:
        """Measure until `end`; a process that another program keeps from the CPU does not count as stalled."""
        with ThreadClocks() as clocks:
            while not self._ended.is_set():
                clocks.start()
                before = time.perf_counter()
                time.sleep(_PAUSE)
                self.worst = max(self.worst, clocks.held_up(time.perf_counter() - before - _PAUSE))

    def end(self) -> None:
        """Stop measuring."""
        self._ended.set()


@contextmanager
def stall_probe() -> Iterator[StallProbe]:
    """Measure while the body runs."""
    probe = StallProbe()
    thread = threading.Thread(target=probe.watch)
    thread.start()
    try:
        yield probe
    finally:
        probe.end()
        thread.join()
