"""The measure of stalls tells a thread that holds the GIL from one that does not, and from a busy machine."""

from __future__ import annotations

import hashlib
import os
import threading
import time

import pytest

from tests.support.stall_probe import stall_probe

SECONDS = 0.15
TRIES = 30


def spend(work: object, *arguments: object) -> float:
    """Call a function again and again for some processor time of this thread; return the longest call's."""
    assert callable(work)
    longest, began = 0.0, time.thread_time()
    while time.thread_time() - began < SECONDS:
        before = time.thread_time()
        work(*arguments)
        longest = max(longest, time.thread_time() - before)
    return longest


def test_a_call_that_holds_the_gil_is_a_stall() -> None:
    numbers = range(3_000_000)
    shares: list[float] = []
    # A kernel may let the waking thread wait for the CPU of the busy one, which counts as a busy machine: try again.
    while len(shares) < TRIES and not any(0.5 < share < 2 for share in shares):
        with stall_probe() as probe:
            longest = spend(sum, numbers)
        assert longest > 0.02
        shares.append(probe.worst / longest)
    if max(shares) <= 0.5 and os.getloadavg()[0] >= (os.cpu_count() or 1):
        pytest.skip(f"other processes keep every CPU busy: {shares}")
    assert any(0.5 < share < 2 for share in shares), shares


def test_work_without_the_gil_is_none() -> None:
    data = b"x" * (64 << 20)
    with stall_probe() as probe:
        longest = spend(hashlib.sha256, data)
    assert longest > 0.02
    assert probe.worst < longest / 2


def test_threads_that_come_and_go_do_not_disturb_it() -> None:
    with stall_probe() as probe:
        for _ in range(200):
            thread = threading.Thread(target=time.sleep, args=(0.0005,))
            thread.start()
            thread.join()
    assert probe.worst < 0.05
