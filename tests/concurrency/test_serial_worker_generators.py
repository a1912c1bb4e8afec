"""SerialWorker.each: the items of generators are made one at a time, each in the context of its own caller."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from contextvars import ContextVar

import pytest

from ragkit.concurrency.serial_worker import SerialWorker

_caller: ContextVar[int] = ContextVar("caller", default=-1)


class Making:
    """Makes items, and counts how many are being made at once and how many generators have been closed."""

    def __init__(self) -> None:
        self.inside = self.most = self.closed = 0

    def items(self, count: int) -> Generator[tuple[int, int], None, None]:
        """Yield the number of an item, and of the caller in whose context it is made."""
        token = _caller.set(_caller.get() + 100)
        try:
            for number in range(count):
                self.inside += 1
                self.most = max(self.most, self.inside)
                time.sleep(0)
                self.inside -= 1
                yield number, _caller.get()
        finally:
            _caller.reset(token)  # an error in another context than that of the first item
            self.closed += 1


def test_items_of_several_threads_are_made_one_at_a_time_each_in_its_callers_context() -> None:
    worker, making = SerialWorker("test"), Making()
    found: dict[int, list[tuple[int, int]]] = {}

    def take(caller: int) -> None:
        _caller.set(caller)
        found[caller] = list(worker.each(making.items(50)))

    threads = [threading.Thread(target=take, args=(caller,)) for caller in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert making.most == 1
    assert found == {caller: [(number, caller + 100) for number in range(50)] for caller in range(4)}
    assert making.closed == 4


def test_a_caller_that_stops_early_closes_the_generator_and_others_go_on_meanwhile() -> None:
    worker, making = SerialWorker("test"), Making()
    slow, other = worker.each(making.items(3)), worker.each(making.items(2))
    assert next(slow) == (0, 99)
    assert [number for number, _ in other] == [0, 1]  # a client that reads slowly keeps nobody waiting
    slow.close()
    assert making.closed == 2


def test_an_error_reaches_its_caller_and_the_worker_goes_on() -> None:
    def failing() -> Generator[int, None, None]:
        yield 1
        raise ValueError("no more")

    worker = SerialWorker("test")
    items = worker.each(failing())
    assert next(items) == 1
    with pytest.raises(ValueError, match="no more"):
        next(items)
    assert worker.run(lambda: "next") == "next"
