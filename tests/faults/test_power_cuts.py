"""Power cuts at random moments of recorded runs: what was acknowledged is there whole, whatever else is."""

from __future__ import annotations

import ctypes
import mmap
import os
import random
from pathlib import Path

import pytest

from tests.faults.powercut import Disk
from tests.faults.supervisor import read_memory
from tests.faults.test_fault_points import assert_right, run_faults, supervised


@supervised
def test_power_cuts_lose_nothing(tmp_path: Path) -> None:
    assert_right(run_faults("powercut", tmp_path / "report.json", "--cuts", 120), 120)


@supervised
def test_a_writer_that_never_flushes_is_caught(tmp_path: Path) -> None:
    assert run_faults("powercut", tmp_path / "report.json", "--cuts", 30, "--broken", "no-flush")["wrong"]


@supervised
@pytest.mark.slow
def test_two_thousand_power_cuts(tmp_path: Path) -> None:
    assert_right(run_faults("powercut", tmp_path / "report.json", "--cuts", 2_000, "--seed", 100), 2_000)


def test_the_model_disk_keeps_what_was_flushed_and_nothing_else_for_sure() -> None:
    disk = Disk(Path("/d"))
    for event in (
        ("create", "/d/a"),
        ("write", "/d/a", 0, b"one"),
        ("sync", "/d/a"),
        ("sync", "/d"),
        ("write", "/d/a", 3, b"two"),
        ("create", "/d/b"),
        ("rename", "/d/a", "/d/c"),
    ):
        disk.apply(event)
    left = [disk.crash(random.Random(seed)) for seed in range(200)]
    assert disk.everything() == {"/b": b"", "/c": b"onetwo"}
    for found in left:
        assert set(found) in ({"/a"}, {"/a", "/b"}, {"/b", "/c"})  # names in the order they were made
        assert found.get("/a", found.get("/c", b""))[:3] == b"one"  # type: ignore[index]
    assert {len(found.get("/a", b"") or b"") for found in left} >= {3, 6}


@supervised
def test_a_path_at_the_end_of_mapped_memory_is_read() -> None:
    """Such a path made the recorder lose a call, at random: the heap of a thread may end right behind it."""
    library = ctypes.CDLL(None)
    library.mmap.restype = ctypes.c_void_p
    library.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
    library.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    page = mmap.PAGESIZE
    start = library.mmap(None, 2 * page, mmap.PROT_READ | mmap.PROT_WRITE, flags, -1, 0)
    assert library.munmap(start + page, page) == 0
    ctypes.memmove(start + page - 6, b"/made\0", 6)
    assert read_memory(os.getpid(), start + page - 6, 4096) == b"/made\0"
    assert library.munmap(start, page) == 0
