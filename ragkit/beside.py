"""How threads share the interpreter: work beside the caller's own on one helper thread, and turns."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")


class Beside:
    """Lends one helper thread. A caller that finds it taken does its work itself: nothing ever waits in line.

    So one question at a time is answered sooner, and many at once cost no more than without it. Thread-safe.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._renew()

    def start(self, work: Callable[[], Result]) -> Callable[[], Result]:
        """Begin some work, or leave it for later; return what gives its result or raises its error, to be called once.

        Work that was begun is done whether or not anyone asks for its result.
        """
        (begun,) = self.start_all([work])
        return begun

    def start_all(self, works: Sequence[Callable[[], Result]]) -> list[Callable[[], Result]]:
        """Do as `start` with several, one after the other on the helper thread."""
        if self._process != os.getpid():  # threads do not survive a fork
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
            begun: list[Future[Result]] = [self._threads.submit(run, number) for number in range(len(works))]
        except RuntimeError:  # the interpreter is shutting down
            free.release()
            return list(works)
        return [one.result for one in begun]

    def _renew(self) -> None:
        self._process = os.getpid()
        self._free = threading.Lock()
        self._threads = ThreadPoolExecutor(1, thread_name_prefix=self._name)


class Turn:
    """A lock for `with` that is given to who has waited longest.

    A plain lock may be taken by its last holder again and again while others wait (16 clients of a server: the slowest
    hundredth at 140 ms instead of 108). It is free in a child process whatever the threads of its parent held.
    """

    _taken: bool

    def __init__(self) -> None:
        self._renew()

    def __enter__(self) -> None:
        if self._process != os.getpid():
            self._renew()
        with self._door:
            if not self._taken:
                self._taken = True
                return
            called = threading.Lock()
            called.acquire()
            self._waiting.append(called)
        try:
            called.acquire()
        except BaseException:  # Ctrl-C while it waits: it leaves the line, or hands on what it was just given
            with self._door:
                if called in self._waiting:
                    self._waiting.remove(called)
                    raise
            self.__exit__()
            raise

    def __exit__(self, *_: object) -> None:
        with self._door:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._taken = False

    def _renew(self) -> None:
        self._process = os.getpid()
        self._door = threading.Lock()
        self._taken = False
        self._waiting: deque[threading.Lock] = deque()
