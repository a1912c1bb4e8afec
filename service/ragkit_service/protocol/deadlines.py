"""uvicorn's HTTP/1.1 protocol with the deadlines that it lacks: for headers, unread bodies and slow readers."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from ragkit_service.ending import Ending
from ragkit_service.protocol.connections import Connections
from ragkit_service.settings import Limits


class DeadlineProtocol(H11Protocol):
    """A connection that a slow or silent client cannot keep open.

    - A request's headers must be complete `header_seconds` after the connection opened, or after their first byte on a
      kept connection (uvicorn waits for ever, and its keep-alive timer ends with the first byte).
    - What is left of a body when the response is out is read for `leftover_seconds`, so that a client that is still
      sending gets to see the response, then the connection closes.
    - A client that leaves a response unread for `write_seconds` is cut off.
    - Where there are too many connections, an idle one makes room for a new one; see `Connections`.
    """

    limits = Limits()
    crowd = Connections(limits)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._header_timer: asyncio.TimerHandle | None = None
        self._leftover_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None

    @classmethod
    def configure(cls, limits: Limits, *, trusted: Collection[str] = ()) -> None:
        """Set the limits of this class itself: several server processes each import it by name."""
        cls.limits, cls.crowd = limits, Connections(limits, trusted=trusted)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the timer for the first headers."""
        super().connection_made(transport)
        if not self.crowd.admit(self):
            transport.abort()
            return
        self._header_timer = self.loop.call_later(self.limits.header_seconds, self._close)

    def data_received(self, data: bytes) -> None:
        """Take bytes; the header timer runs while a request has begun but its headers are not complete."""
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self.conn.their_state is not h11.IDLE:
            self._header_timer = _stop(self._header_timer)
        elif self._header_timer is None and self.timeout_keep_alive_task is None:
            self._header_timer = self.loop.call_later(self.limits.header_seconds, self._close)

    def on_response_complete(self) -> None:
        """Start the timer for the end of a refused body."""
        self._leftover_timer = _stop(self._leftover_timer)
        if not self.transport.is_closing() and self.conn.their_state is h11.SEND_BODY:
            self._leftover_timer = self.loop.call_later(self.limits.leftover_seconds, self._close_leftover, self.cycle)
        super().on_response_complete()

    def pause_writing(self) -> None:
        """Start the timer for a client that reads more slowly than the service writes."""
        super().pause_writing()
        if self._write_timer is None:
            self._write_timer = self.loop.call_later(self.limits.write_seconds, self._abort)

    def resume_writing(self) -> None:
        """Stop the timer: the client has read."""
        self._write_timer = _stop(self._write_timer)
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop every timer."""
        self.crowd.forget(self)
        self._header_timer = _stop(self._header_timer)
        self._leftover_timer = _stop(self._leftover_timer)
        self._write_timer = _stop(self._write_timer)
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """Begin the shutdown: an idle connection closes, and streams get a time limit."""
        ending = self.app_state.get("ending")
        if isinstance(ending, Ending):
            ending.begin()
        super().shutdown()

    @property
    def peer(self) -> str:
        """The address of the other side, without its port; "" on a Unix socket."""
        return self.client[0] if self.client else ""

    @property
    def is_idle(self) -> bool:
        """Whether no request is running on this connection."""
        return self.cycle is None or bool(self.cycle.response_complete)

    def drop(self) -> None:
        """Close the connection now, to make room for another one."""
        self.transport.abort()

    def _close(self) -> None:
        self._header_timer = None
        if not self.transport.is_closing():
            self.transport.close()

    def _close_leftover(self, cycle: object) -> None:
        self._leftover_timer = None
        if cycle is self.cycle and self.conn.their_state is h11.SEND_BODY:
            self._close()

    def _abort(self) -> None:
        self._write_timer = None
        self.transport.abort()


def _stop(timer: asyncio.TimerHandle | None) -> asyncio.TimerHandle | None:
    """Stop a timer and return its remaining time."""
    if timer is not None:
        timer.cancel()
    return None


def protocol_class(limits: Limits, *, trusted: Collection[str] = ()) -> type[DeadlineProtocol]:
    """Return the protocol with these limits (uvicorn makes the instances itself). trusted: addresses of proxies."""
    crowd = Connections(limits, trusted=trusted)
    return type("DeadlineProtocol", (DeadlineProtocol,), {"limits": limits, "crowd": crowd})
