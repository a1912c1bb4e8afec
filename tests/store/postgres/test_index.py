"""Search indexes in the database: the same answers as the local ones, whoever writes and whatever is deleted."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ragkit import ConfigError, KnowledgeBase, Settings
from ragkit.index.lexical.part import LexicalPart
from ragkit.index.lexical.ranking import Weights
from ragkit.index.pgvector import upkeep
from ragkit.index.pgvector.hnsw import hnsw_indexes
from ragkit.index.pgvector.indexes import PgIndexes
from ragkit.index.pgvector.terms import PgTermIndex, TermTotals
from ragkit.index.pgvector.word_candidates import Counts, Ids, Scores, TableCandidates, offered_extensions
from ragkit.index.pgvector.writing import add_terms
from ragkit.store.opening import delete_collection, open_store
from ragkit.store.postgres.connection import connect
from ragkit.store.postgres.location import parse_location
from ragkit.store.postgres.schema import MIGRATIONS, SCHEMA_VERSION, migrate
from ragkit.testing import HashEmbedder
from tests.support.notices import PLACES, QUESTIONS, THINGS, assert_same, found, made


def opened(location: str, index: str, *, dimension: int = 64) -> KnowledgeBase:
    return KnowledgeBase(location, settings=Settings(index=index), embedder=HashEmbedder(dimension))


@pytest.fixture
def pair(postgres: str) -> Iterator[tuple[KnowledgeBase, KnowledgeBase]]:
    """The same collection, searched by the local indexes and by the database."""
    with opened(postgres, "local") as local, opened(postgres, "pgvector") as engine:
        yield local, engine


def test_answers_are_those_of_the_local_indexes_whoever_writes(
    pair: tuple[KnowledgeBase, KnowledgeBase], postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    local, engine = pair
    local.add([made(number) for number in range(40)])
    assert_same(pair)  # built from what was there
    monkeypatch.setattr(engine._querying._retriever, "_parallel_from", 1)  # several threads ask, as of a large one
    local.add([made(number, seed=4) for number in range(30, 48)])  # kept by a writer that has not set it
    engine.remove([f"{number}.md" for number in range(9)])
    assert_same(pair)
    assert engine.doctor()["ok"]
    engine.rebuild(embedder=HashEmbedder(48))
    local.close()
    with opened(postgres, "local", dimension=48) as again:
        assert_same((again, engine))


def test_a_run_makes_the_hnsw_index_while_others_read(
    pair: tuple[KnowledgeBase, KnowledgeBase], monkeypatch: pytest.MonkeyPatch
) -> None:
    local, engine = pair
    monkeypatch.setattr("ragkit.index.pgvector.indexes.HNSW_FROM", 10)
    local.add([made(number) for number in range(8)])
    engine.add([made(number) for number in range(8, 12)])
    store: Any = engine._store
    with store.upkeep() as session:
        before = hnsw_indexes(session)
        assert [valid for _, valid in before] == [True]
        engine.rebuild(embedder=HashEmbedder(48))
        assert [valid for _, valid in hnsw_indexes(session)] == [True]
        assert hnsw_indexes(session) != before  # that of the other model was dropped
    assert found(engine, QUESTIONS[0])


def test_only_one_session_makes_an_hnsw_index(pair: tuple[KnowledgeBase, KnowledgeBase]) -> None:
    _, engine = pair
    engine.add([made(number) for number in range(3)])
    store: Any = engine._store
    with store.upkeep() as first, store.upkeep() as second:
        taken = "SELECT pg_advisory_lock($2::integer, $1)"
        first.rows(taken, (upkeep._HNSW_CLASS,))
        upkeep.build_hnsw(second, binary=False, least=1)
        assert hnsw_indexes(second) == []
        first.rows(taken.replace("lock(", "unlock("), (upkeep._HNSW_CLASS,))
        upkeep.build_hnsw(second, binary=False, least=1)
        upkeep.build_hnsw(first, binary=False, least=1)  # the lock was given back
        assert [is_valid for _, is_valid in hnsw_indexes(first)] == [True]


def test_counts_are_exact_after_deletions_and_merges(
    pair: tuple[KnowledgeBase, KnowledgeBase], postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, engine = pair
    monkeypatch.setattr(upkeep, "_MERGE_FROM", 12)
    engine.add(made(0))
    for start in (1, 15, 30):
        engine.add([made(number) for number in range(start, start + 14)])
        engine.add([made(number, seed=5) for number in range(start, start + 5)])
        engine.remove([f"{number}.md" for number in range(start + 8, start + 12)])
    with open_store(postgres, "default") as store, store.read() as reader:
        expected = LexicalPart().in_memory(reader.chunks)
        held = PgIndexes(store.upkeep).snapshot(reader.chunks).lexical  # type: ignore[attr-defined]
        assert held.ids().tolist() == expected.ids().tolist()
        assert held.statistics() == expected.statistics()
        words = [*map(str.lower, PLACES), *THINGS, "may", "open", "notic"]
        assert held.idf(words) == expected.idf(words)
        assert (list(held.languages), held.main_languages) == (list(expected.languages), expected.main_languages)
    with psycopg.connect(postgres) as connection:
        rows = connection.execute("SELECT count(*), count(DISTINCT (field, term)) FROM ragkit.postings").fetchall()
    assert rows[0][0] < 12 * rows[0][1]


def test_a_cleared_collection_and_a_deleted_one_leave_nothing(
    pair: tuple[KnowledgeBase, KnowledgeBase], postgres: str
) -> None:
    _, engine = pair
    engine.add([made(number) for number in range(5)])
    store: Any = open_store(postgres, "default")
    with store, psycopg.connect(postgres, autocommit=True, options="-c search_path=ragkit,public") as connection:

        def held() -> list[int]:
            tables = ("chunk_terms", "postings", "term_totals", "lexicons")
            return [connection.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0] for table in tables]

        with store.upkeep() as session:
            upkeep.build_hnsw(session, binary=False, least=1)
            ((index, is_valid),) = hnsw_indexes(session)
            assert is_valid
        with store.write(kind="clear", fingerprint=None, settings={}) as writer:
            writer.clear()
        assert held() == [0, 0, 0, 1]
        engine.add([made(number) for number in range(5)])
        assert found(engine, QUESTIONS[0])
        delete_collection(postgres, "default")
        assert held() == [0, 0, 0, 0]
        assert connection.execute("SELECT to_regclass(%s)", (index,)).fetchall() == [(None,)]


def test_what_is_written_while_the_index_is_built_is_in_it(
    pair: tuple[KnowledgeBase, KnowledgeBase], postgres: str
) -> None:
    local, engine = pair
    local.add([made(number) for number in range(30)])
    building = threading.Thread(target=engine.search, args=("ferry",))
    with local.writer() as writer:
        writer.add([made(number, seed=6) for number in range(3)])
        building.start()
        for number in range(30, 45):
            writer.add([made(number)])
            writer.remove(f"{number - 20}.md")
    building.join(60)
    assert_same(pair)
    assert engine.doctor()["ok"]


def test_a_build_that_breaks_off_is_taken_up_again(
    pair: tuple[KnowledgeBase, KnowledgeBase], monkeypatch: pytest.MonkeyPatch
) -> None:
    local, engine = pair
    local.add([made(number) for number in range(12)])
    done: list[int] = []

    def breaks(sql: Any, ids: Sequence[int], texts: Sequence[Any]) -> None:
        if len(done) == 8:
            raise KeyboardInterrupt
        done.extend(ids)
        add_terms(sql, ids, texts)

    monkeypatch.setattr(upkeep, "BATCH", 4)
    monkeypatch.setattr(upkeep, "add_terms", breaks)
    with pytest.raises(KeyboardInterrupt):
        engine.search("ferry")
    local.remove("1.md")  # it has its terms
    local.remove("10.md")  # it has none yet
    local.add(made(12))
    monkeypatch.setattr(upkeep, "add_terms", add_terms)
    assert_same(pair)
    assert engine.doctor()["ok"]


def test_a_term_that_was_lost_is_reported_and_a_rebuild_mends_it(
    pair: tuple[KnowledgeBase, KnowledgeBase], postgres: str
) -> None:
    _, engine = pair
    engine.add([made(number) for number in range(4)])
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("DELETE FROM ragkit.chunk_terms WHERE chunk_id = 2")
    assert ["ragkit rebuild" in line for line in engine.doctor()["caches"]] == [True]
    engine.rebuild()
    assert engine.doctor()["ok"]


def test_another_search_of_words_can_take_the_place_of_the_tables(
    pair: tuple[KnowledgeBase, KnowledgeBase], postgres: str
) -> None:
    local, engine = pair
    local.add([made(number) for number in range(12)])

    class Reversed:
        """Finds what the tables find, the last first."""

        def __init__(self, tables: TableCandidates) -> None:
            self.tables = tables

        def best(self, weights: Weights, counts: Counts, k: int, *, allowed: Ids | None = None) -> tuple[Ids, Scores]:
            ids, scores = self.tables.best(weights, counts, k, allowed=allowed)
            return ids[::-1], scores[::-1]

    engine.search(QUESTIONS[0])  # builds the tables
    with open_store(postgres, "default") as store, store.read() as reader:
        source: Any = reader.chunks
        totals = TermTotals.read(source)
        usual = PgTermIndex(source, totals)
        other = PgTermIndex(source, totals, candidates=Reversed(TableCandidates(source, totals.saturations)))
        question = "the ferry of Oslo and the tram of Ghent"
        found = usual.search(question, 6)[0].tolist()
        assert len(found) == 6
        assert other.search(question, 6)[0].tolist() == found[::-1]


def test_extensions_for_bm25_are_detected(postgres: str, caplog: pytest.LogCaptureFixture) -> None:
    class Offering:
        def __init__(self, rows: list[tuple[Any, ...]]) -> None:
            self.found = rows

        def rows(self, sql: str, bindings: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
            return [row for row in self.found if row[0] in bindings[0]]

        def run(self, sql: str, bindings: Sequence[Any] = ()) -> int:
            raise AssertionError(sql)

        def command(self, sql: str) -> None:
            raise AssertionError(sql)

    rows: list[tuple[Any, ...]] = [("pg_search", "0.24.1", "0.24.2"), ("vchord_bm25", "", "0.3"), ("plpgsql", "1", "1")]
    assert offered_extensions(Offering(rows)) == ["pg_search 0.24.1 (installed)", "vchord_bm25 0.3 (available)"]
    caplog.set_level("INFO", "ragkit")
    with opened(postgres, "pgvector") as engine:
        engine.add([made(1)])
        store: Any = engine._store
        with store.upkeep() as session:
            offered = offered_extensions(session)
        assert [name for name in offered if name not in caplog.text] == []


def test_an_index_that_the_store_or_the_server_does_not_have(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"needs a store in PostgreSQL.*RAGKIT_INDEX=local"):
        opened(str(tmp_path), "pgvector")
    with pytest.raises(ConfigError, match=r"setting index is 'faiss'.*local, pgvector"):
        Settings(index="faiss")

    class Old:
        def rows(self, sql: str, bindings: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
            return [("0.7.4",)]

        def run(self, sql: str, bindings: Sequence[Any] = ()) -> int:
            raise AssertionError(sql)

        def command(self, sql: str) -> None:
            raise AssertionError(sql)

    with pytest.raises(ConfigError, match=r"has 0\.7\.4.*ALTER EXTENSION vector UPDATE"):
        upkeep.check_engine(Old())


def test_a_database_of_the_first_version_gets_the_tables(postgres: str) -> None:
    with opened(postgres, "local") as local:
        local.add([made(number) for number in range(3)])
    with psycopg.connect(postgres, autocommit=True, options="-c search_path=ragkit") as connection:
        connection.execute("DROP TABLE chunk_terms, postings, term_totals, lexicons; UPDATE version SET number = 1")
    with connect(parse_location(postgres)) as database:
        assert migrate(database, parse_location(postgres), steps=MIGRATIONS[:1]) == 1
        database.execute(f"UPDATE version SET number = {SCHEMA_VERSION}")
    with opened(postgres, "local") as local, opened(postgres, "pgvector") as engine:
        assert_same((local, engine), QUESTIONS[:2])
