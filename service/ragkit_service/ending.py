"""The shutdown of the service: running requests get some seconds, then streams end with an error event."""

from __future__ import annotations

import time

from ragkit_service.errors import Problem


class Ending:
    """Whether the service is shutting down, and whether the time for running requests is over."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._since: float | None = None

    def begin(self) -> None:
        """Note that the service was asked to stop; only the first call counts."""
        self._since = self._since or time.monotonic()

    @property
    def is_over(self) -> bool:
        """True when streams must end now."""
        return self._since is not None and time.monotonic() - self._since >= self._seconds


def ending_problem() -> Problem:
    """Return the problem of a request that the shutdown interrupted."""
    return Problem(
        503,
        "ending",
        "The service is ending",
        "the service was asked to end before this answer was complete",
        cure="send the request again when it has started",
        retry_after=5,
    )
