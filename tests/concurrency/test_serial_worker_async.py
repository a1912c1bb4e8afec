"""Work on one thread for event loops: in order, each with its own result, reported together, and nothing waits for
ever."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ragkit.concurrency.event_loop import report_to_loops
from ragkit.concurrency.serial_worker import PATIENCE, SerialWorker


class Held:
    """Work that waits for the test."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.gate = threading.Event()

    def __call__(self) -> str:
        self.entered.set()
        assert self.gate.wait(60)
        return "held"


async def behind(thread: SerialWorker, held: Held, works: list[Callable[[], Any]]) -> list[asyncio.Task[Any]]:
    """Begin what is held, and give the others when it runs; return all of them."""
    tasks = [asyncio.create_task(thread.arun(held))]
    assert await asyncio.to_thread(held.entered.wait, 60)
    tasks += [asyncio.create_task(thread.arun(work)) for work in works]
    await asyncio.sleep(0)  # each has stood in line
    return tasks


def counted(loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that grows by one whenever this loop is woken from another thread by `report_to_loops`."""
    woken: list[int] = []
    usual = loop.call_soon_threadsafe

    def noted(callback: Callable[..., Any], *arguments: Any, **options: Any) -> asyncio.Handle:
        if callback.__name__ == "_settle":
            woken.append(len(arguments[-1]))
        return usual(callback, *arguments, **options)

    monkeypatch.setattr(loop, "call_soon_threadsafe", noted)
    return woken


def test_work_is_done_in_order_on_one_thread_and_told_together(monkeypatch: pytest.MonkeyPatch) -> None:
    thread = SerialWorker("test-worker")
    done: list[tuple[int, int]] = []

    def piece(number: int) -> Callable[[], int]:
        def work() -> int:
            done.append((number, threading.get_ident()))
            return number

        return work

    async def ask() -> tuple[list[Any], list[int]]:
        woken = counted(asyncio.get_running_loop(), monkeypatch)
        held = Held()
        tasks = await behind(thread, held, [piece(number) for number in range(5)])
        held.gate.set()
        return await asyncio.gather(*tasks), woken

    results, woken = asyncio.run(ask())
    assert results == ["held", 0, 1, 2, 3, 4]
    assert [number for number, _ in done] == [0, 1, 2, 3, 4]
    assert {ident for _, ident in done} & {threading.get_ident()} == set()
    assert len({ident for _, ident in done}) == 1
    assert sum(woken) == 6
    assert len(woken) < 6  # what was held may have taken longer than the patience


def test_results_do_not_wait_for_all_that_comes_after(monkeypatch: pytest.MonkeyPatch) -> None:
    thread = SerialWorker("test-worker")

    async def ask() -> list[int]:
        woken = counted(asyncio.get_running_loop(), monkeypatch)
        await asyncio.gather(*(thread.arun(lambda: time.sleep(2 * PATIENCE)) for _ in range(3)))
        return woken

    assert asyncio.run(ask()) == [1, 1, 1]


def test_each_has_its_own_result_or_error() -> None:
    thread = SerialWorker("test-worker")

    async def ask() -> list[Any]:
        works: list[Callable[[], Any]] = [lambda: 1, lambda: 1 // 0, lambda: None]
        return await asyncio.gather(*map(thread.arun, works), return_exceptions=True)

    one, error, none = asyncio.run(ask())
    assert (one, none) == (1, None)
    assert isinstance(error, ZeroDivisionError)


def test_what_is_cancelled_in_the_line_is_not_done_and_holds_up_nobody() -> None:
    thread = SerialWorker("test-worker")
    done: list[str] = []

    async def ask() -> list[Any]:
        held = Held()
        tasks = await behind(thread, held, [lambda: done.append("cancelled"), lambda: done.append("next")])
        tasks[1].cancel()
        await asyncio.sleep(0)
        held.gate.set()
        return await asyncio.gather(*tasks, return_exceptions=True)

    results = asyncio.run(ask())
    assert isinstance(results[1], asyncio.CancelledError)
    assert done == ["next"]


def test_loops_of_many_threads_share_it() -> None:
    thread = SerialWorker("test-worker")

    async def ask(begin: int) -> list[int]:
        return await asyncio.gather(*(thread.arun(lambda number=number: number) for number in range(begin, begin + 40)))

    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda turn: asyncio.run(ask(100 * turn)), range(12)))
    assert found == [list(range(100 * turn, 100 * turn + 40)) for turn in range(12)]


def test_a_loop_that_was_closed_waits_for_nothing() -> None:
    class Call:
        def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
            self.loop = loop
            self.future: asyncio.Future[None] = loop.create_future()

    closed, open_ = asyncio.new_event_loop(), asyncio.new_event_loop()
    calls = [Call(closed), Call(open_)]
    closed.close()
    report_to_loops(calls)
    open_.run_until_complete(asyncio.wait_for(calls[1].future, 60))
    open_.close()
    assert not calls[0].future.done()


FORKED = """
import asyncio, os, threading, warnings
from ragkit.concurrency.serial_worker import SerialWorker
warnings.simplefilter("ignore")
thread = SerialWorker("test-worker")
held, go = threading.Event(), threading.Event()
def hold():
    held.set()
    go.wait()
parent = threading.Thread(target=lambda: asyncio.run(thread.arun(hold)))
parent.start()
held.wait()
child = os.fork()
if child == 0:
    os._exit(asyncio.run(thread.arun(lambda: 7)))
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
go.set()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork")
def test_a_child_has_a_thread_of_its_own() -> None:
    done = subprocess.run([sys.executable, "-c", FORKED], capture_output=True, text=True, timeout=300, check=True)
    assert done.stdout == "7\n"
