"""A circuit breaker for model endpoints: one that keeps failing is not called for a while, so that nobody waits.

The pattern is that of M. Nygard, "Release It!": closed, open after several failures in a row, and half-open when one
request may try again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

from ragkit.errors import ChatUnavailableError

FAILURES: Final = 5
REST_SECONDS: Final = 15.0


class CircuitBreaker:
    """Counts consecutive failures of one endpoint. Thread-safe.

    failures: after so many it opens. seconds: while open, for so long, no request passes; then one request tries.
    """

    def __init__(
        self,
        label: str,
        *,
        failures: int = FAILURES,
        seconds: float = REST_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._label = label
        self._most = failures
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._asked_again_at = 0.0

    def admit(self) -> None:
        """Let a request through, or raise ChatUnavailableError while the circuit is open."""
        with self._lock:
            if self._failures < self._most:
                return
            left = self._asked_again_at - self._clock()
            if left <= 0:
                self._asked_again_at = self._clock() + self._seconds  # this one tries; the others go on resting
                return
        raise ChatUnavailableError(
            f"{self._label} has failed {self._most} times in a row and is asked again in {max(left, 0.1):.1f} s",
            cure="send the request again then; search and prompts work meanwhile",
        )

    def succeeded(self) -> None:
        """Close the circuit: the endpoint answers."""
        with self._lock:
            self._failures = 0

    def failed(self) -> None:
        """Count a failure of the endpoint (not one of the request)."""
        with self._lock:
            self._failures += 1
            if self._failures >= self._most:
                self._asked_again_at = self._clock() + self._seconds


_breakers: dict[str, CircuitBreaker] = {}
_making = threading.Lock()


def breaker_of(endpoint: str, *, label: str) -> CircuitBreaker:
    """Return the breaker that all collections of this process share for an endpoint."""
    with _making:
        return _breakers.setdefault(endpoint, CircuitBreaker(label))
