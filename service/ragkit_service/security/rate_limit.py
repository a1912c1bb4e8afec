"""Limits of requests a minute for each key: a token bucket with the requests of one minute."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

MOST_BUCKETS: Final = 10_000
_FULL_SECONDS: Final = 60.0


class RateLimits:
    """The buckets of this process, by key id or address. Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: dict[str, tuple[float, float]] = {}

    def wait(self, key_id: str, rate: int) -> float:
        """Take one request of `rate` a minute; return 0, or the seconds until the next one is allowed."""
        now = self._clock()
        with self._lock:
            if len(self._buckets) >= MOST_BUCKETS:
                self._forget_full(now)
            left, at = self._buckets.get(key_id, (float(rate), now))
            left = min(float(rate), left + (now - at) * rate / 60)
            allowed = left >= 1
            self._buckets[key_id] = (left - 1 if allowed else left, now)
        return 0.0 if allowed else (1 - left) * 60 / rate

    def _forget_full(self, now: float) -> None:
        """Drop the buckets that have been unused for a minute: they are full, like new ones."""
        self._buckets = {name: held for name, held in self._buckets.items() if now - held[1] < _FULL_SECONDS}
