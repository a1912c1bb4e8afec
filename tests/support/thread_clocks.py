"""How threads of this process used the processor, from Linux's schedstat: to measure stalls on a busy machine."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self


class ThreadClocks:
    """Tells how long the calling thread was kept from running by another thread of Python, and not by the machine.

    A thread that wakes late has waited for a processor, or for the GIL. The holder of the GIL may itself wait for a
    processor, so no more counts than the processor time of the one other thread that used most. Threads of native
    libraries are not counted: they do not hold the GIL. Use it as a context manager, in the thread that measures.
    """

    def __init__(self) -> None:
        self._files: dict[int, int] = {}
        self._me = threading.get_native_id()
        self._waited = 0.0
        self._used: dict[int, float] = {}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for descriptor in self._files.values():
            os.close(descriptor)
        self._files.clear()

    def start(self) -> None:
        """Begin an interval."""
        self._waited, self._used = self._read()

    def held_up(self, late: float) -> float:
        """Return how many of the seconds that this thread woke late another thread has caused since `start`."""
        waited, used = self._read()
        busiest = max((now - self._used.get(thread, now) for thread, now in used.items()), default=0.0)
        return max(0.0, min(late - (waited - self._waited), busiest))

    def _read(self) -> tuple[float, dict[int, float]]:
        """Return the seconds that this thread has waited for a processor, and those that each other has used."""
        waited = 0.0
        used: dict[int, float] = {}
        for thread in threading.enumerate():
            native = thread.native_id
            if native is None:
                continue
            try:
                ran, delay = self._fields(native)
            except OSError:  # it has ended
                self._forget(native)
                continue
            if native == self._me:
                waited = delay
            else:
                used[native] = ran
        return waited, used

    def _fields(self, native: int) -> tuple[float, float]:
        """Return the seconds that a thread has run and has waited to run."""
        descriptor = self._files.get(native)
        if descriptor is None:
            descriptor = self._files[native] = os.open(f"/proc/self/task/{native}/schedstat", os.O_RDONLY)
        ran, delay = os.pread(descriptor, 64, 0).split()[:2]
        return int(ran) / 1e9, int(delay) / 1e9

    def _forget(self, native: int) -> None:
        descriptor = self._files.pop(native, None)
        if descriptor is not None:
            with suppress(OSError):
                os.close(descriptor)
