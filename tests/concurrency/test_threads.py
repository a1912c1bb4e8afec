"""Tests of ragkit/concurrency/threads.py."""

from __future__ import annotations

import threading

import pytest

from ragkit.concurrency.threads import HelperThread


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
