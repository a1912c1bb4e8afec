"""Tests of ragkit/beside.py."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest

from ragkit.beside import Beside, Turn


def test_work_runs_on_the_helper_thread() -> None:
    result = Beside("helper").start(lambda: threading.current_thread().name)
    assert result().startswith("helper")


def test_a_caller_that_finds_the_helper_taken_does_its_work_itself() -> None:
    beside, go = Beside("helper"), threading.Event()
    first = beside.start(go.wait)
    second = beside.start(threading.get_ident)
    assert second() == threading.get_ident()
    go.set()
    assert first()


def test_the_helper_is_free_again_after_an_error_which_the_caller_gets() -> None:
    beside = Beside("helper")

    def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        beside.start(fail)()
    # run() has released the helper before its future had a result
    assert beside.start(threading.get_ident)() != threading.get_ident()


def test_several_works_run_in_order_and_one_that_fails_does_not_stop_the_next() -> None:
    beside, order = Beside("helper"), []

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


def test_turns_are_taken_one_after_the_other() -> None:
    turn, inside, most = Turn(), [0], [0]

    def work() -> None:
        for _ in range(500):
            with turn:
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                inside[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]


def test_who_waits_longest_has_the_next_turn() -> None:
    turn, order, threads = Turn(), [], []

    def work(number: int) -> None:
        with turn:
            order.append(number)

    with turn:
        for number in range(6):
            threads.append(threading.Thread(target=work, args=(number,)))
            threads[-1].start()
            while len(turn._waiting) <= number:
                time.sleep(0.001)
    with turn:  # comes after all who were there
        order.append(6)
    for thread in threads:
        thread.join()
    assert order == list(range(7))


def test_a_turn_is_given_back_after_an_error() -> None:
    turn = Turn()
    with pytest.raises(ValueError, match="no"), turn:
        raise ValueError("no")
    with turn:
        pass


FORKED = """
import os, threading
from ragkit.beside import Turn
turn, held, go = Turn(), threading.Event(), threading.Event()
def hold():
    with turn:
        held.set()
        go.wait()
threading.Thread(target=hold).start()
held.wait()
child = os.fork()
if child == 0:
    with turn:
        os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
go.set()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork")
def test_a_child_finds_the_turn_free() -> None:
    done = subprocess.run([sys.executable, "-c", FORKED], capture_output=True, text=True, timeout=300, check=True)
    assert done.stdout == "7\n"
