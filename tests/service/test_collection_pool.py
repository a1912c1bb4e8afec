"""The pool of open collections: opened once, shared, noticed when deleted, closed when idle."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pytest

from ragkit import LockedError, NotFoundError, StoreError
from ragkit_service.collection_pool import CollectionPool
from tests.support.service_fakes import FakeKnowledge, FakeLibrary


def borrowed(pool: CollectionPool, name: str) -> FakeKnowledge:
    """Use a collection for a moment."""
    with pool.use(name) as knowledge:
        return cast(FakeKnowledge, cast(Any, knowledge))


def test_many_threads_open_a_collection_once() -> None:
    library = FakeLibrary("a")
    pool = CollectionPool(library)
    barrier = threading.Barrier(8)

    def work(_: int) -> int:
        barrier.wait()
        return id(borrowed(pool, "a"))

    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(work, range(8)))) == 1
    assert len(library.opened["a"]) == 1


def test_only_what_is_open_is_lent_without_waiting() -> None:
    library = FakeLibrary("a")
    pool = CollectionPool(library)
    with pool.use_open("a") as knowledge:
        assert knowledge is None
    with pytest.raises(NotFoundError), pool.use_open("b"):
        pass
    opened = borrowed(pool, "a")
    with pool.use_open("a") as knowledge:
        assert knowledge is opened
        pool.delete("a")
        assert not opened.closed
    assert opened.closed


def test_a_collection_that_was_made_again_is_opened_again() -> None:
    library = FakeLibrary("a")
    pool = CollectionPool(library)
    first = borrowed(pool, "a")
    library.delete("a")
    library.create("a")
    second = borrowed(pool, "a")

    assert second is not first
    assert first.closed
    assert not second.closed


def test_a_collection_that_another_process_deleted_is_gone_and_closed() -> None:
    library = FakeLibrary("a")
    pool = CollectionPool(library)
    first = borrowed(pool, "a")
    library.delete("a")

    with pytest.raises(NotFoundError):
        borrowed(pool, "a")
    assert first.closed


def test_who_is_at_work_on_a_deleted_collection_ends_undisturbed() -> None:
    library = FakeLibrary("a")
    pool = CollectionPool(library)
    with pool.use("a") as knowledge:
        fake = cast(FakeKnowledge, cast(Any, knowledge))
        pool.delete("a")
        assert not fake.closed
        with pytest.raises(NotFoundError):
            borrowed(pool, "a")
    assert fake.closed


def test_a_failed_delete_keeps_the_collection_open() -> None:
    library = FakeLibrary("a")
    library.delete_error = LockedError("locked")
    pool = CollectionPool(library)
    first = borrowed(pool, "a")
    with pytest.raises(LockedError):
        pool.delete("a")

    assert borrowed(pool, "a") is first


def test_a_failed_open_is_tried_again() -> None:
    library = FakeLibrary("a")
    library.open_error = StoreError("no")
    pool = CollectionPool(library)
    with pytest.raises(StoreError):
        borrowed(pool, "a")
    library.open_error = None

    assert not borrowed(pool, "a").closed


def test_the_longest_unused_one_is_closed_beyond_the_limit() -> None:
    library = FakeLibrary("a", "b", "c")
    pool = CollectionPool(library, limit=2)
    with pool.use("a"):
        b = borrowed(pool, "b")
        c = borrowed(pool, "c")
        a = library.opened["a"][0]

    assert (a.closed, b.closed, c.closed) == (False, True, False)
    assert not borrowed(pool, "b").closed
    assert a.closed


def test_close_closes_all_and_those_in_use_at_their_end() -> None:
    library = FakeLibrary("a", "b")
    pool = CollectionPool(library)
    a = borrowed(pool, "a")
    with pool.use("b") as knowledge:
        pool.close()
        b = cast(FakeKnowledge, cast(Any, knowledge))
        assert (a.closed, b.closed) == (True, False)
    assert b.closed
    late = borrowed(pool, "a")
    assert late.closed


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../a", "A", "a" * 64, "ä", "a\x00"])
def test_a_name_that_is_not_allowed_never_reaches_the_library(name: str) -> None:
    class Strict(FakeLibrary):
        def identity(self, name: str) -> int | None:
            raise AssertionError(name)

    with pytest.raises(NotFoundError):
        borrowed(CollectionPool(Strict()), name)
