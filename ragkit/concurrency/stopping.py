"""Stopping work that waits in its thread: an event or a deadline that the work checks while it waits."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_stopped: ContextVar[Callable[[], bool]] = ContextVar("ragkit_stop", default=lambda: False)


@contextmanager
def stopping_with(event: threading.Event) -> Iterator[None]:
    """Within the block, an answer that waits for a model ends in a ChatError soon after the event is set."""
    with _stopping(event.is_set):
        yield


@contextmanager
def stopping_at(end: float) -> Iterator[None]:
    """Within the block, an answer that waits for a model ends in a ChatError soon after a time of time.monotonic()."""
    with _stopping(lambda: time.monotonic() >= end):
        yield


@contextmanager
def _stopping(stopped: Callable[[], bool]) -> Iterator[None]:
    outer = _stopped.get()
    token = _stopped.set(lambda: stopped() or outer())
    try:
        yield
    finally:
        _stopped.reset(token)


def is_stopped() -> bool:
    """Return whether the caller of this thread's work wants it to end."""
    return _stopped.get()()
