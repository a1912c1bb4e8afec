"""Threads to give work to: a few that queue it, and a helper that is used only while it is free."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import TypeVar

Result = TypeVar("Result")


class WorkerThreads:
    """A pool of one thread or a few, started as tasks come. Thread-safe; a forked child process starts its own."""

    def __init__(self, name: str, *, count: int = 1) -> None:
        self._name = name
        self._count = count
        self._renew()

    def submit(self, work: Callable[[], Result]) -> Future[Result]:
        """Queue a task behind the earlier ones. Raises RuntimeError when the interpreter is shutting down."""
        if self._process != os.getpid():  # threads do not survive a fork
            self._renew()
        return self._threads.submit(work)

    async def arun(self, work: Callable[[], Result]) -> Result:
        """Return the result of a task without blocking the event loop, or raise its error.

        The task runs in the caller's context; one that is cancelled before a thread is free does not run.
        """
        import asyncio

        return await asyncio.wrap_future(self.submit(partial(copy_context().run, work)))

    def _renew(self) -> None:
        self._process = os.getpid()
        self._threads = ThreadPoolExecutor(self._count, thread_name_prefix=self._name)


class HelperThread:
    """Lends one helper thread; a caller that finds it busy does its work itself, so that nothing is ever queued.

    A single question is answered sooner, and many at once cost no more than without the helper. Thread-safe.
    """

    def __init__(self, name: str) -> None:
        self._thread = WorkerThreads(name)
        self._renew()

    def start(self, work: Callable[[], Result]) -> Callable[[], Result]:
        """Start a task on the helper, or keep it for later; return a function to be called once for its result.

        The function raises the task's error. A task that was started is finished whether or not its result is used.
        """
        (begun,) = self.start_all([work])
        return begun

    def start_all(self, works: Sequence[Callable[[], Result]]) -> list[Callable[[], Result]]:
        """Do as `start` with several tasks, which run one after the other on the helper thread."""
        if self._process != os.getpid():  # a lock may be held by a thread that did not survive the fork
            self._renew()
        free = self._free
        if not free.acquire(blocking=False):
            return list(works)

        def run(number: int) -> Result:
            try:
                return works[number]()
            finally:
                if number == len(works) - 1:
                    free.release()

        try:
            begun: list[Future[Result]] = [self._thread.submit(partial(run, number)) for number in range(len(works))]
        except RuntimeError:  # the interpreter is shutting down
            free.release()
            return list(works)
        return [one.result for one in begun]

    def _renew(self) -> None:
        self._process = os.getpid()
        self._free = threading.Lock()
