"""How a caller stops work that runs in another thread: an event that the work looks at while it waits."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_event: ContextVar[threading.Event | None] = ContextVar("ragkit_stop", default=None)


@contextmanager
def stopping_with(event: threading.Event) -> Iterator[None]:
    """Within the block, an answer that waits for a model ends in a ChatError soon after the event is set."""
    token = _event.set(event)
    try:
        yield
    finally:
        _event.reset(token)


def is_stopped() -> bool:
    """Return whether the caller of this thread's work wants it to end."""
    event = _event.get()
    return event is not None and event.is_set()
