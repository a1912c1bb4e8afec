"""Work on other threads that event loops wait for: many are told at once, since each telling wakes a loop."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from ragkit.concurrency.threads import OwnThread

if TYPE_CHECKING:
    import asyncio

Result = TypeVar("Result")

PATIENCE: Final = 0.02
"""Seconds after which a loop is told of what is done, though more is waiting to be done."""


class Call(Protocol):
    """What a loop waits for; `future` says no more than that it has ended."""

    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[None]


def tell_loops(calls: Iterable[Call]) -> None:
    """Settle the futures of calls that have ended, from any thread; each loop is woken once."""
    loops: dict[asyncio.AbstractEventLoop, list[Call]] = {}
    for call in calls:
        loops.setdefault(call.loop, []).append(call)
    for loop, ended in loops.items():
        with suppress(RuntimeError):  # a loop that was closed waits for nothing
            loop.call_soon_threadsafe(_settle, ended)


def _settle(calls: list[Call]) -> None:
    for call in calls:
        if not call.future.done():  # nobody waits for one that was cancelled
            call.future.set_result(None)


class _Work:
    """A piece of work, then its result or its error."""

    __slots__ = ("error", "future", "loop", "result", "work")

    def __init__(self, work: Callable[[], Any], loop: asyncio.AbstractEventLoop) -> None:
        self.work = work
        self.loop = loop
        self.future: asyncio.Future[None] = loop.create_future()
        self.result: Any = None
        self.error: BaseException | None = None

    def run(self) -> None:
        if self.future.cancelled():
            return
        try:
            self.result = self.work()
        except BaseException as error:  # noqa: BLE001 - raised again where it is awaited
            self.error = error


class AwaitedThread:
    """One thread that event loops give work to, one piece after the other in the order in which they came. Thread-safe.

    Results come together, after 20 ms at most but for the last piece's own time: a loop that gets each at once takes
    the interpreter's lock from the thread, and gives it back, at every call of either that lets it go.
    """

    _busy: bool

    def __init__(self, name: str) -> None:
        self._thread = OwnThread(name)
        self._renew()

    async def run(self, work: Callable[[], Result]) -> Result:
        """Return the result of some work, or raise its error. Work that is cancelled before its turn is not done."""
        import asyncio

        if self._process != os.getpid():  # what waits in the parent does not wait here
            self._renew()
        call = _Work(work, asyncio.get_running_loop())
        with self._door:
            self._waiting.append(call)
            begin = not self._busy
            self._busy = True
        if begin:
            try:
                self._thread.submit(self._drain)
            except RuntimeError:  # the interpreter is shutting down
                self._drain()
        await call.future
        if call.error is not None:
            raise call.error
        result: Result = call.result
        return result

    def _drain(self) -> None:
        ended: list[_Work] = []
        since = time.perf_counter()
        while (call := self._next()) is not None:
            call.run()
            ended.append(call)
            if time.perf_counter() - since > PATIENCE:
                tell_loops(ended)
                ended, since = [], time.perf_counter()
        tell_loops(ended)

    def _next(self) -> _Work | None:
        with self._door:
            self._busy = bool(self._waiting)
            return self._waiting.popleft() if self._waiting else None

    def _renew(self) -> None:
        self._process = os.getpid()
        self._door = threading.Lock()
        self._busy = False
        self._waiting: deque[_Work] = deque()
