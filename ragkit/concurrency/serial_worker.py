"""One task at a time, first in, first out, for threads that wait and for event loops that await."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ragkit.concurrency.event_loop import report_to_loops
from ragkit.concurrency.threads import WorkerThreads

if TYPE_CHECKING:
    import asyncio

Result = TypeVar("Result")

PATIENCE: Final = 0.02
"""Seconds after which finished tasks are reported to their event loops while more tasks are queued."""


class _Task:
    """A queued task, then its result or its error."""

    __slots__ = ("error", "result", "work")

    def __init__(self, work: Callable[[], Any]) -> None:
        self.work = work
        self.result: Any = None
        self.error: BaseException | None = None

    def execute(self) -> None:
        try:
            self.result = self.work()
        except BaseException as error:  # noqa: BLE001 - raised again where the task is waited for
            self.error = error

    def outcome(self) -> Any:
        if self.error is not None:
            raise self.error
        return self.result


class _ThreadTask(_Task):
    """A task that a thread waits for: `done` can be acquired, once, when it has ended."""

    __slots__ = ("done", "ended")

    def __init__(self, work: Callable[[], Any]) -> None:
        super().__init__(work)
        self.ended = False
        self.done = threading.Lock()
        self.done.acquire()


class _LoopTask(_Task):
    """A task that an event loop awaits: its future only signals that it has ended."""

    __slots__ = ("future", "loop")

    def __init__(self, work: Callable[[], Any], loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(work)
        self.loop = loop
        self.future: asyncio.Future[None] = loop.create_future()


class SerialWorker:
    """Runs tasks one at a time, first in, first out. Thread-safe.

    A `run` that finds the worker idle runs in its caller's thread. Tasks that are queued meanwhile run on one thread
    while their callers sleep: their data stays in one CPU's cache, and the GIL is handed over once per task, not at
    every call that releases it. A child process finds the worker idle, whatever ran in its parent.
    """

    _busy: bool

    def __init__(self, name: str) -> None:
        self._thread = WorkerThreads(name)
        self._renew()

    def run(self, work: Callable[[], Result]) -> Result:
        """Run a task in its turn; return its result, or raise its error."""
        if self._process != os.getpid():  # tasks queued in the parent are not this process's
            self._renew()
        with self._lock:
            idle = not self._busy
            self._busy = True
            if not idle:
                task = _ThreadTask(work)
                self._queue.append(task)
        if idle:
            try:
                return work()
            finally:
                self._start_next()
        self._wait(task)
        result: Result = task.outcome()
        return result

    async def arun(self, work: Callable[[], Result]) -> Result:
        """Return the result of a task without blocking the event loop, or raise its error.

        It always runs on the worker's thread; a task cancelled before its turn does not run. Results are delivered in
        batches, at most 20 ms apart plus the running task, because each delivery makes the loop and the worker compete
        for the GIL.
        """
        import asyncio

        if self._process != os.getpid():
            self._renew()
        task = _LoopTask(work, asyncio.get_running_loop())
        with self._lock:
            self._queue.append(task)
            idle = not self._busy
            self._busy = True
        if idle:
            self._start()
        await task.future
        result: Result = task.outcome()
        return result

    def _wait(self, task: _ThreadTask) -> None:
        try:
            task.done.acquire()
        except BaseException:  # Ctrl-C: leave the queue, or wait until the task no longer uses the caller's objects
            with self._lock:
                queued = task in self._queue
                if queued:
                    self._queue.remove(task)
            if not queued and not task.ended:
                task.done.acquire()
            raise

    def _start_next(self) -> None:
        """Let the worker's thread run the tasks that were queued while the caller ran its own task."""
        with self._lock:
            self._busy = bool(self._queue)
            if not self._busy:
                return
        self._start()

    def _start(self) -> None:
        try:
            self._thread.submit(self._drain)
        except RuntimeError:  # the interpreter is shutting down
            self._drain()

    def _drain(self) -> None:
        ended: list[_LoopTask] = []
        since = time.perf_counter()
        while (task := self._next()) is not None:
            if isinstance(task, _ThreadTask):
                task.execute()
                task.ended = True
                task.done.release()
            elif isinstance(task, _LoopTask) and not task.future.cancelled():
                task.execute()
                ended.append(task)
            del task  # its result belongs to its caller: a state of the collection, and the hits in it
            if ended and time.perf_counter() - since > PATIENCE:
                report_to_loops(ended)
                ended, since = [], time.perf_counter()
        report_to_loops(ended)

    def _next(self) -> _Task | None:
        with self._lock:
            self._busy = bool(self._queue)
            return self._queue.popleft() if self._queue else None

    def _renew(self) -> None:
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._busy = False
        self._queue: deque[_Task] = deque()
