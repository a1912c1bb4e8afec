"""Measures how long the other threads of a process keep a thread from running: by the GIL, not by a busy machine."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_PAUSE = 0.002


class StallProbe:
    """worst: the longest stall, in seconds of the clock during which this process used as many seconds of CPU."""

    def __init__(self) -> None:
        self.worst = 0.0
        self._ended = threading.Event()

    def watch(self) -> None:
        """Measure until `end`; a process that another program keeps from the CPU does not count as stalled."""
        while not self._ended.is_set():
            clock, used = time.perf_counter(), time.process_time()
            time.sleep(_PAUSE)
            stall = min(time.perf_counter() - clock - _PAUSE, time.process_time() - used)
            self.worst = max(self.worst, stall)

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
