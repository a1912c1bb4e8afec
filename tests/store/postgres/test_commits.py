"""Notices of commits, and search indexes that follow them before a question does."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import psycopg
import pytest

import ragkit
from ragkit import CommitWatch, Document, KnowledgeBase
from ragkit.testing import HashEmbedder
from ragkit_service.collection_pool import CollectionPool, DataFolder
from ragkit_service.state.commit_following import CommitFollowing
from tests.store.contract import writing
from tests.support.store_fakes import cut

SECONDS = 5.0


def opened(address: str, name: str = "default") -> KnowledgeBase:
    return ragkit.open(address, collection=name, embedder=HashEmbedder())


def add(knowledge: KnowledgeBase, number: int) -> None:
    knowledge.add(Document.from_text(f"{number}.md", f"The pump of number {number} needs {number} litres of oil."))


def put_and_fail(knowledge: KnowledgeBase) -> None:
    """Break a transaction off that has counted its revision already."""
    with writing(knowledge._store) as writer, writer.atomic():
        cut("a.md", ["A text."]).put(writer)
        raise ZeroDivisionError


def awaited(condition: Callable[[], bool]) -> bool:
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.01)
    return False


def heard(watch: CommitWatch) -> frozenset[str]:
    """Return what all waits say until one says nothing."""
    said: set[str] = set()
    while found := watch.wait(0.05):
        said |= found
    return frozenset(said)


@pytest.fixture
def watch(postgres: str) -> Iterator[CommitWatch]:
    database = ragkit.shared_database(postgres)
    assert database is not None
    watch = database.watch_commits()
    yield watch
    watch.close()
    database.close()


def test_a_commit_is_heard_and_a_rollback_is_not(postgres: str, watch: CommitWatch) -> None:
    with opened(postgres, "one") as one, opened(postgres, "two") as two:
        assert watch.wait(1.0) is None  # what was committed before it listened
        add(one, 1)
        assert heard(watch) == {"one"}
        with pytest.raises(ZeroDivisionError):
            put_and_fail(two)
        assert heard(watch) == frozenset()
        add(one, 2)
        add(two, 1)
        assert heard(watch) == {"one", "two"}


def test_a_lost_connection_is_made_again(postgres: str, watch: CommitWatch) -> None:
    assert watch.wait(1.0) is None
    with psycopg.connect(postgres, autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'ragkit listener'"
        )
    assert watch.wait(1.0) == frozenset()
    assert awaited(lambda: watch.wait(0.1) is None)
    with opened(postgres) as knowledge:
        add(knowledge, 1)
    assert heard(watch) == {"default"}


def test_without_a_server_a_wait_ends_and_raises_nothing(watch: CommitWatch, postgres: str) -> None:
    database = ragkit.shared_database(postgres.replace("host=", "host=/nowhere"))
    assert database is not None
    elsewhere = database.watch_commits()
    began = time.monotonic()
    assert [elsewhere.wait(0.05) for _ in range(3)] == [frozenset()] * 3
    assert time.monotonic() - began < SECONDS


def test_indexes_in_memory_follow_when_they_are_told_to(postgres: str) -> None:
    with opened(postgres) as here, opened(postgres) as there:
        add(here, 1)
        assert not there.follow_commits()  # nothing was asked yet
        assert there.search("pump")
        assert not there.follow_commits()
        add(here, 2)
        assert there.follow_commits()
        assert not there.follow_commits()
        assert [hit.source for hit in there.search("number 2 litres")][:1] == ["2.md"]


def test_open_collections_of_a_service_follow_by_themselves(postgres: str, watch: CommitWatch) -> None:
    with opened(postgres) as writer:
        add(writer, 1)
        pool = CollectionPool(DataFolder(postgres, settings=ragkit.Settings(), embedder=HashEmbedder()))
        following = CommitFollowing(pool, watch)
        following.start()
        try:
            with pool.use("default") as knowledge:
                assert knowledge.search("pump")
                add(writer, 2)

                def is_there() -> bool:
                    newest = knowledge._indexes.newest()
                    return newest is not None and len(newest.dense) == 2

                assert awaited(is_there)
        finally:
            following.close()
            pool.close()
