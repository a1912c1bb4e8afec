"""SerialWorker.run: one task at a time, first in, first out, in threads; each caller has its own result or error."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import partial

import pytest

from ragkit.concurrency.serial_worker import SerialWorker


def run_together(worker: SerialWorker, works: list[Callable[[], object]]) -> list[threading.Thread]:
    """Let threads queue tasks, in their order, at a worker that is busy."""
    threads = []
    for number, work in enumerate(works):
        threads.append(threading.Thread(target=worker.run, args=(work,)))
        threads[-1].start()
        while len(worker._queue) <= number:
            time.sleep(0.001)
    return threads


def test_one_task_runs_at_a_time_and_gives_each_caller_its_own_result() -> None:
    worker, inside, most, wrong = SerialWorker("test"), [0], [0], []

    def work(number: int) -> int:
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        time.sleep(0)
        inside[0] -= 1
        return number

    def ask(first: int) -> None:
        for number in range(first, first + 300):
            if worker.run(partial(work, number)) != number:
                wrong.append(number)

    threads = [threading.Thread(target=ask, args=(1_000 * number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]
    assert not wrong
    assert not worker._busy


def test_an_idle_worker_uses_the_callers_thread_and_queued_tasks_share_one() -> None:
    worker, order, inside = SerialWorker("test"), [], []

    def work(number: int) -> None:
        order.append(number)
        inside.append(threading.get_ident())

    def hold() -> list[threading.Thread]:
        work(-1)
        return run_together(worker, [partial(work, number) for number in range(6)])

    threads = worker.run(hold)
    worker.run(partial(work, 6))  # after all that were queued
    for thread in threads:
        thread.join()
    assert order == list(range(-1, 7))
    assert inside[0] == threading.get_ident()
    assert len(set(inside[1:7])) == 1
    assert inside[1] not in {threading.get_ident(), *(thread.ident for thread in threads)}


def test_an_error_is_its_own_callers_and_the_worker_goes_on() -> None:
    worker, seen = SerialWorker("test"), []

    def fail() -> None:
        raise ValueError("no")

    def expect() -> None:
        with pytest.raises(ValueError, match="no"):
            worker.run(fail)
        seen.append("error")

    with pytest.raises(ValueError, match="no"):
        worker.run(fail)

    def hold() -> list[threading.Thread]:
        thread = threading.Thread(target=expect)
        thread.start()
        while not worker._queue:
            time.sleep(0.001)
        return [thread]

    (thread,) = worker.run(hold)
    thread.join()
    assert seen == ["error"]
    assert worker.run(lambda: 7) == 7


INTERRUPTED = """
import signal, threading, time
from ragkit.concurrency.serial_worker import SerialWorker
signal.signal(signal.SIGINT, signal.default_int_handler)  # a parent in the background passes on that it is ignored
worker, held, go, ran = SerialWorker("test"), threading.Event(), threading.Event(), []
def hold():
    held.set()
    go.wait()
other = threading.Thread(target=worker.run, args=(hold,))
other.start()
held.wait()
def interrupt():
    while not worker._queue:
        time.sleep(0.001)
    signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
threading.Thread(target=interrupt).start()
try:
    worker.run(lambda: ran.append("never"))
except KeyboardInterrupt:
    print(len(worker._queue), end=" ")
go.set()
other.join()
print(worker.run(lambda: "free"), ran)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals to threads")
def test_an_interrupted_caller_leaves_the_queue() -> None:
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, timeout=300, check=True)
    assert done.stdout == "0 free []\n"


FORKED = """
import os, threading
from ragkit.concurrency.serial_worker import SerialWorker
worker, held, go = SerialWorker("test"), threading.Event(), threading.Event()
def hold():
    held.set()
    go.wait()
threading.Thread(target=worker.run, args=(hold,)).start()
held.wait()
child = os.fork()
if child == 0:
    os._exit(worker.run(lambda: 7))
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
go.set()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork")
def test_a_child_finds_the_worker_idle() -> None:
    done = subprocess.run([sys.executable, "-c", FORKED], capture_output=True, text=True, timeout=300, check=True)
    assert done.stdout == "7\n"


def test_threads_and_event_loops_share_one_queue() -> None:
    worker, order, inside = SerialWorker("test"), [], []

    def work(number: int) -> int:
        inside.append(number)
        assert len(inside) == 1
        order.append(number)
        time.sleep(0.001)
        inside.pop()
        return number

    async def ask() -> list[int]:
        held = asyncio.create_task(worker.arun(partial(work, -1)))
        await asyncio.sleep(0)
        threads = [asyncio.to_thread(worker.run, partial(work, number)) for number in range(0, 20, 2)]
        loops = [worker.arun(partial(work, number)) for number in range(1, 20, 2)]
        found = await asyncio.gather(*threads, *loops)
        assert await held == -1
        return found

    assert asyncio.run(ask()) == [*range(0, 20, 2), *range(1, 20, 2)]
    assert sorted(order) == list(range(-1, 20))
    assert order[0] == -1
    assert not worker._busy
