"""Copies of the vectors of units: for every revision the bytes of the source, or none, and never those of another."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from ragkit.index.cache import Caches
from ragkit.index.manifest import list_folders
from ragkit.index.policy import SMALL_TAIL
from ragkit.index.units.part import UnitFiles
from ragkit.settings import DenseSettings
from tests.support.index_source import FakeSource


class Holder:
    """A store that notes the files that it is given."""

    def __init__(self) -> None:
        self.files = UnitFiles()

    def hold_units(self, files: UnitFiles) -> None:
        self.files = files


def opened(folder: Path) -> tuple[Caches, Holder]:
    folder.mkdir(exist_ok=True)
    holder = Holder()
    return Caches(folder, dense=DenseSettings(), units=holder), holder


def found(files: UnitFiles, *ids: int) -> dict[int, bytes]:
    return {number: bytes(body) for number, body in files.find(np.array(ids, dtype=np.int64)).items()}


def test_the_first_search_copies_what_the_store_has(tmp_path: Path) -> None:
    source = FakeSource().next(add=400)
    caches, holder = opened(tmp_path)
    caches.snapshot(source)
    assert found(holder.files, 399, 3, 5, 401) == {3: b"units of 3", 5: b"", 399: b"units of 399"}
    assert caches.check(source) == []
    again, other = opened(tmp_path)
    again.snapshot(source)
    assert found(other.files, 7) == {7: b"units of 7"}


def test_later_chunks_are_left_to_the_store_until_there_are_many(tmp_path: Path) -> None:
    caches, holder = opened(tmp_path)
    first = FakeSource().next(add=300)
    caches.persist(first)
    second = first.next(add=40, remove=[9])
    caches.snapshot(second)
    assert found(holder.files, 310) == {}
    caches.persist(second)
    assert [revision for revision, _ in list_folders(tmp_path / "cache", "units")] == [1]
    third = second.next(add=SMALL_TAIL, remove=[12, 320])
    caches.persist(third)
    assert found(holder.files, 1, 310, third.last - 1) == {
        1: b"units of 1",
        310: b"",
        third.last - 1: f"units of {third.last - 1}".encode(),
    }
    assert caches.check(third) == []
    fourth = third.next(remove=[13])
    reopened, other = opened(tmp_path)
    reopened.snapshot(fourth)
    assert reopened.check(fourth) == []
    assert other.files.deleted.tolist() == [9, 12, 13]  # 320 came and went between the files


def test_a_damaged_copy_is_made_anew(tmp_path: Path) -> None:
    source = FakeSource().next(add=300)
    opened(tmp_path)[0].persist(source)
    ((_, folder),) = list_folders(tmp_path / "cache", "units")
    path = folder / "units-000000.bin"
    body = bytearray(path.read_bytes())
    body[100] ^= 1
    path.unlink()
    path.write_bytes(body)
    caches, holder = opened(tmp_path)
    assert any("units cache" in line for line in caches.check(source))
    caches.snapshot(source)
    assert found(holder.files, *range(1, 301)) == dict(
        zip(range(1, 301), source.unit_bodies(np.arange(1, 301)), strict=True)
    )


def test_a_copy_of_another_collection_is_not_used(tmp_path: Path) -> None:
    opened(tmp_path / "one")[0].persist(FakeSource("one").next(add=300))
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    mine = FakeSource("two").next(add=20)
    caches, holder = opened(tmp_path / "two")
    caches.snapshot(mine)
    assert found(holder.files, 3) == {}


@pytest.mark.parametrize("units", [True, False])
def test_only_a_store_that_holds_them_gets_copies(tmp_path: Path, units: bool) -> None:
    source = FakeSource().next(add=300)
    caches = opened(tmp_path)[0] if units else Caches(tmp_path, dense=DenseSettings())
    caches.persist(source)
    assert bool(list_folders(tmp_path / "cache", "units")) == units
