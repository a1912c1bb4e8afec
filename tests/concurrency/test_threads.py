"""Tests of ragkit/concurrency/threads.py."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import partial

import pytest

from ragkit.concurrency.threads import HelperThread, Lane


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


def run_together(lane: Lane, works: list[Callable[[], object]]) -> list[threading.Thread]:
    """Let threads give works to a lane that is taken, in their order."""
    threads = []
    for number, work in enumerate(works):
        threads.append(threading.Thread(target=lane.run, args=(work,)))
        threads[-1].start()
        while len(lane._waiting) <= number:
            time.sleep(0.001)
    return threads


def test_a_lane_runs_one_piece_at_a_time_and_gives_each_caller_its_own_result() -> None:
    lane, inside, most, wrong = Lane("test"), [0], [0], []

    def work(number: int) -> int:
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        time.sleep(0)
        inside[0] -= 1
        return number

    def ask(first: int) -> None:
        for number in range(first, first + 300):
            if lane.run(partial(work, number)) != number:
                wrong.append(number)

    threads = [threading.Thread(target=ask, args=(1_000 * number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]
    assert not wrong
    assert not lane._taken


def test_who_comes_alone_works_in_his_own_thread_and_those_who_waited_share_one() -> None:
    lane, order, inside = Lane("test"), [], []

    def work(number: int) -> None:
        order.append(number)
        inside.append(threading.get_ident())

    def hold() -> list[threading.Thread]:
        work(-1)
        return run_together(lane, [partial(work, number) for number in range(6)])

    threads = lane.run(hold)
    lane.run(partial(work, 6))  # comes after all who were there
    for thread in threads:
        thread.join()
    assert order == list(range(-1, 7))
    assert inside[0] == threading.get_ident()
    assert len(set(inside[1:7])) == 1
    assert inside[1] not in {threading.get_ident(), *(thread.ident for thread in threads)}


def test_an_error_is_its_own_callers_and_the_lane_goes_on() -> None:
    lane, seen = Lane("test"), []

    def fail() -> None:
        raise ValueError("no")

    def expect() -> None:
        with pytest.raises(ValueError, match="no"):
            lane.run(fail)
        seen.append("error")

    with pytest.raises(ValueError, match="no"):
        lane.run(fail)

    def hold() -> list[threading.Thread]:
        thread = threading.Thread(target=expect)
        thread.start()
        while not lane._waiting:
            time.sleep(0.001)
        return [thread]

    (thread,) = lane.run(hold)
    thread.join()
    assert seen == ["error"]
    assert lane.run(lambda: 7) == 7


INTERRUPTED = """
import signal, threading, time
from ragkit.concurrency.threads import Lane
lane, held, go, ran = Lane("test"), threading.Event(), threading.Event(), []
def hold():
    held.set()
    go.wait()
other = threading.Thread(target=lane.run, args=(hold,))
other.start()
held.wait()
def interrupt():
    while not lane._waiting:
        time.sleep(0.001)
    signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
threading.Thread(target=interrupt).start()
try:
    lane.run(lambda: ran.append("never"))
except KeyboardInterrupt:
    print(len(lane._waiting), end=" ")
go.set()
other.join()
print(lane.run(lambda: "free"), ran)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals to threads")
def test_who_is_interrupted_leaves_the_line() -> None:
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, timeout=300, check=True)
    assert done.stdout == "0 free []\n"


FORKED = """
import os, threading
from ragkit.concurrency.threads import Lane
lane, held, go = Lane("test"), threading.Event(), threading.Event()
def hold():
    held.set()
    go.wait()
threading.Thread(target=lane.run, args=(hold,)).start()
held.wait()
child = os.fork()
if child == 0:
    os._exit(lane.run(lambda: 7))
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
go.set()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork")
def test_a_child_finds_the_lane_free() -> None:
    done = subprocess.run([sys.executable, "-c", FORKED], capture_output=True, text=True, timeout=300, check=True)
    assert done.stdout == "7\n"
