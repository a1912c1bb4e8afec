"""How long the event loop was blocked recently: meanwhile no request of the process advances."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import Final

WINDOW_SECONDS: Final = 60.0
_STEP_SECONDS: Final = 0.1


class LoopStalls:
    """Measures how much later than asked the event loop wakes a task that sleeps for a tenth of a second."""

    def __init__(self) -> None:
        self._late: deque[tuple[float, float]] = deque()  # (time, seconds late), later ones smaller

    async def watch(self) -> None:
        """Measure until cancelled."""
        while True:
            started = time.monotonic()
            await asyncio.sleep(_STEP_SECONDS)
            self.note(time.monotonic(), time.monotonic() - started - _STEP_SECONDS)

    def note(self, now: float, late: float) -> None:
        """Take one measurement; now: in seconds of time.monotonic."""
        while self._late and self._late[-1][1] <= late:
            self._late.pop()
        self._late.append((now, late))
        self._forget(now)

    def longest(self) -> float:
        """Return the longest stall of the last minute, in seconds. From any thread."""
        oldest = time.monotonic() - WINDOW_SECONDS
        return max((late for at, late in tuple(self._late) if at >= oldest), default=0.0)

    def _forget(self, now: float) -> None:
        while self._late and self._late[0][0] < now - WINDOW_SECONDS:
            self._late.popleft()
