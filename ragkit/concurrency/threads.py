"""How threads share the interpreter: work beside the caller's own on a helper thread, and a lane for one at a time."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

Result = TypeVar("Result")


class OwnThread:
    """One thread of this process to give work to. Thread-safe; a child process gets a thread of its own."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._renew()

    def submit(self, work: Callable[[], Result]) -> Future[Result]:
        """Have some work done after all that was given before; RuntimeError when the interpreter is shutting down."""
        if self._process != os.getpid():  # threads do not survive a fork
            self._renew()
        return self._threads.submit(work)

    def _renew(self) -> None:
        self._process = os.getpid()
        self._threads = ThreadPoolExecutor(1, thread_name_prefix=self._name)


class HelperThread:
    """Lends one helper thread. A caller that finds it taken does its work itself: nothing ever waits in line.

    So one question at a time is answered sooner, and many at once cost no more than without it. Thread-safe.
    """

    def __init__(self, name: str) -> None:
        self._thread = OwnThread(name)
        self._renew()

    def start(self, work: Callable[[], Result]) -> Callable[[], Result]:
        """Begin some work, or leave it for later; return what gives its result or raises its error, to be called once.

        Work that was begun is done whether or not anyone asks for its result.
        """
        (begun,) = self.start_all([work])
        return begun

    def start_all(self, works: Sequence[Callable[[], Result]]) -> list[Callable[[], Result]]:
        """Do as `start` with several, one after the other on the helper thread."""
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


class Lane:
    """Runs pieces of work one at a time, in the order in which they came. Thread-safe.

    Work that comes alone runs in its caller's thread; work that came meanwhile runs on one thread, one piece after the
    other, while the callers sleep: its data stays in one processor's cache, and the interpreter's lock changes hands
    once a piece instead of at every call that lets it go. Nobody who comes later goes first. A child process finds the
    lane free, whatever ran in its parent.
    """

    _taken: bool

    def __init__(self, name: str) -> None:
        self._thread = OwnThread(name)
        self._renew()

    def run(self, work: Callable[[], Result]) -> Result:
        """Return the result of some work when its turn has come, or raise its error."""
        if self._process != os.getpid():  # who waits in the parent does not wait here
            self._renew()
        with self._door:
            alone = not self._taken
            self._taken = True
            if not alone:
                call = _Call(work)
                self._waiting.append(call)
        if alone:
            try:
                return work()
            finally:
                self._hand_on()
        self._wait(call)
        if call.error is not None:
            raise call.error
        result: Result = call.result
        return result

    def _wait(self, call: _Call) -> None:
        try:
            call.done.acquire()
        except BaseException:  # Ctrl-C: it leaves the line, or waits for the end of what uses the caller's things
            with self._door:
                waits = call in self._waiting
                if waits:
                    self._waiting.remove(call)
            if not waits and not call.ran:
                call.done.acquire()
            raise

    def _hand_on(self) -> None:
        """Leave the lane to who waits, on its own thread."""
        with self._door:
            self._taken = bool(self._waiting)
            if not self._taken:
                return
        try:
            self._thread.submit(self._drain)
        except RuntimeError:  # the interpreter is shutting down
            self._drain()

    def _drain(self) -> None:
        while True:
            with self._door:
                self._taken = bool(self._waiting)
                if not self._taken:
                    return
                call = self._waiting.popleft()
            try:
                call.result = call.work()
            except BaseException as error:  # noqa: BLE001 - raised again in the thread of its caller
                call.error = error
            call.ran = True
            call.done.release()
            del call  # what it holds is its caller's: a state of the collection, and what was found in it

    def _renew(self) -> None:
        self._process = os.getpid()
        self._door = threading.Lock()
        self._taken = False
        self._waiting: deque[_Call] = deque()


class _Call:
    """Work that waits, then its result or its error; `done` can be acquired, once, when it ran."""

    __slots__ = ("done", "error", "ran", "result", "work")

    def __init__(self, work: Callable[[], Any]) -> None:
        self.work = work
        self.result: Any = None
        self.error: BaseException | None = None
        self.ran = False
        self.done = threading.Lock()
        self.done.acquire()
