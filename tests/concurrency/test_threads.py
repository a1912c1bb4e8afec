"""Tests of ragkit/concurrency/threads.py."""

from __future__ import annotations

import asyncio
import threading
from contextvars import ContextVar

import pytest

from ragkit.concurrency.threads import HelperThread, WorkerThreads


def test_work_runs_on_the_helper_thread() -> None:
    result = HelperThread("helper").start(lambda: threading.current_thread().name)
    assert result().startswith("helper")


def test_a_caller_that_finds_the_helper_taken_does_its_work_itself() -> None:
    beside, go = HelperThread("helper"), threading.Event()
    first = beside.start(go.wait)
    second = beside.start(threading.get_ident)
    assert second() == threading.get_ident()
    go.set()
    assert first()


def test_the_helper_is_free_again_after_an_error_which_the_caller_gets() -> None:
    beside = HelperThread("helper")

    def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        beside.start(fail)()
    # run() has released the helper before its future had a result
    assert beside.start(threading.get_ident)() != threading.get_ident()


def test_several_works_run_in_order_and_one_that_fails_does_not_stop_the_next() -> None:
    beside, order = HelperThread("helper"), []

    def fail() -> None:
        order.append("failed")
        raise ValueError("no")

    def work() -> int:
        order.append("worked")
        return threading.get_ident()

    first, second = beside.start_all([fail, work])
    assert second() != threading.get_ident()
    assert order == ["failed", "worked"]
    with pytest.raises(ValueError, match="no"):
        first()
    assert beside.start(threading.get_ident)() != threading.get_ident()


def test_tasks_of_an_event_loop_run_on_a_few_threads_in_the_order_and_context_of_their_callers() -> None:
    threads, caller = WorkerThreads("few", count=2), ContextVar("caller", default=-1)
    together, order = threading.Barrier(2), []

    def work() -> str:
        together.wait(30)  # two run at once, and never a third
        order.append(caller.get())
        return threading.current_thread().name

    async def ask(number: int) -> str:
        caller.set(number)
        return await threads.arun(work)

    async def main() -> list[str]:
        return await asyncio.gather(*(ask(number) for number in range(6)))

    names = set(asyncio.run(main()))
    assert len(names) == 2
    assert [number // 2 for number in order] == [0, 0, 1, 1, 2, 2]


def test_a_task_that_is_cancelled_before_a_thread_is_free_does_not_run() -> None:
    threads, go, ran = WorkerThreads("few"), threading.Event(), []

    async def main() -> None:
        first, second = (asyncio.create_task(threads.arun(work)) for work in (go.wait, lambda: ran.append("second")))
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.wait([second])
        go.set()
        assert await first
        assert second.cancelled()

    asyncio.run(main())
    threads.submit(lambda: None).result()
    assert not ran


def test_an_error_of_a_task_reaches_the_coroutine_that_awaits_it() -> None:
    def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        asyncio.run(WorkerThreads("few").arun(fail))
