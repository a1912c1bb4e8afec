"""The index in Milvus: answers of the local indexes, states that follow the store, and a Milvus that can't be used.

Milvus Lite stands for the server, by the same client.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ragkit import ConfigError, KnowledgeBase, RagkitError, Settings
from ragkit.errors import LockedError, StoreError
from ragkit.index.dense.part import DensePart
from ragkit.index.lexical.part import LexicalPart
from ragkit.index.milvus import engine as engine_module
from ragkit.index.milvus import upkeep as upkeep_module
from ragkit.index.milvus.address import Address
from ragkit.index.milvus.engine import Engine
from ragkit.index.milvus.indexes import MilvusIndexes
from ragkit.index.milvus.rows import TenantRows
from ragkit.index.milvus.state import Values
from ragkit.index.milvus.upkeep import Upkeep
from ragkit.index.policy import SMALL_TAIL
from ragkit.testing import HashEmbedder
from tests.support.index_source import DIMENSION, FakeSource
from tests.support.notices import QUESTIONS, assert_same, found, made

pytest.importorskip("pymilvus", reason="pip install ragkit[milvus]")
pytest.importorskip("milvus_lite", reason="pip install ragkit[milvus]")


@pytest.fixture
def file(tmp_path: Path) -> Address:
    return Address(str(tmp_path / "index.db"))


@pytest.fixture
def indexes(file: Address) -> Iterator[MilvusIndexes]:
    with closing(MilvusIndexes(file)) as indexes:
        yield indexes


def upkeep_of(file: Address, source: FakeSource) -> Upkeep:
    assert source.fingerprint is not None
    rows = TenantRows.of(Engine(file), source.identity, source.fingerprint)
    return Upkeep(rows, Values(rows))


def assert_right(indexes: MilvusIndexes, source: FakeSource) -> None:
    """Compare both indexes of a revision with those that are built from it in memory."""
    snapshot = indexes.snapshot(source)
    dense, lexical = DensePart("exact").in_memory(source), LexicalPart().in_memory(source)
    assert snapshot.dense.ids().tolist() == dense.ids().tolist()
    assert snapshot.lexical.statistics() == lexical.statistics()
    assert snapshot.lexical.main_languages == lexical.main_languages
    words = ["pump", "valve", "item3", "item1201", "section", "xyzzy"]
    assert snapshot.lexical.idf(words) == lexical.idf(words)
    for text in ("pump", "valve of item3", "warranty policy", "the of and"):
        assert snapshot.lexical.search(text, 20)[0].tolist() == lexical.search(text, 20)[0].tolist(), text
    query = np.random.default_rng(source.revision).standard_normal(DIMENSION).astype(np.float32)
    assert snapshot.dense.search(query, 5)[0].tolist() == dense.search(query, 5)[0].tolist()


def test_answers_of_a_collection_are_those_of_the_local_indexes(
    tmp_path: Path, file: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ragkit.index.milvus.vectors._COMPARED", 0)
    data, settings = str(tmp_path / "kb"), Settings(index=f"milvus:{file}")
    with (
        KnowledgeBase(data, embedder=HashEmbedder(64)) as local,
        KnowledgeBase(data, settings=settings, embedder=HashEmbedder(64)) as engine,
    ):
        local.add([made(number) for number in range(40)])
        assert_same((local, engine))  # built from what was there
        local.add([made(number, seed=4) for number in range(30, 48)])  # a writer that has not set it
        assert_same((local, engine))
        engine.remove([f"{number}.md" for number in range(9)])
        assert_same((local, engine))
        report = engine.doctor()
        assert report["ok"]
        revision = engine.status()["revision"]
        assert report["index"] == f"milvus:{file} (rows of revision {revision}, collection at {revision})"
        assert local.doctor()["index"] == "local"
        engine.rebuild(embedder=HashEmbedder(48))
    with (
        KnowledgeBase(data, embedder=HashEmbedder(48)) as local,
        KnowledgeBase(data, settings=settings, embedder=HashEmbedder(48)) as engine,
    ):
        assert_same((local, engine))


def test_collections_with_the_same_model_share_rows_and_see_their_own(tmp_path: Path, file: Address) -> None:
    settings, embedder = Settings(index=f"milvus:{file}"), HashEmbedder(32)
    with (
        KnowledgeBase(str(tmp_path / "kb"), collection="one", settings=settings, embedder=embedder) as one,
        KnowledgeBase(str(tmp_path / "kb"), collection="two", settings=settings, embedder=embedder) as two,
    ):
        one.add([made(number) for number in range(6)])
        two.add([made(number) for number in range(6, 12)])
        assert {source for source, _, _ in found(one, QUESTIONS[0], k=50)} == {f"{n}.md" for n in range(6)}
        assert {source for source, _, _ in found(two, QUESTIONS[0], k=50)} == {f"{n}.md" for n in range(6, 12)}
        assert len(Engine(file)._connected().list_collections()) == 1


def test_a_store_in_postgresql_is_followed_too(
    server: str, tmp_path: Path, file: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("psycopg", reason="pip install ragkit[postgres]")
    monkeypatch.setenv("RAGKIT_LOCAL", str(tmp_path / "local"))
    monkeypatch.setattr("ragkit.index.milvus.vectors._COMPARED", 0)
    embedder = HashEmbedder(64)
    with (
        KnowledgeBase(server, collection="rows-in-milvus", embedder=embedder) as local,
        KnowledgeBase(
            server, collection="rows-in-milvus", settings=Settings(index=f"milvus:{file}"), embedder=embedder
        ) as engine,
    ):
        engine.add([made(number) for number in range(20)])
        local.remove(["3.md", "4.md"])
        assert_same((local, engine))
        assert engine.doctor()["ok"]


def test_it_follows_changes_small_and_large_and_another_process_sees_them(
    indexes: MilvusIndexes, file: Address
) -> None:
    first = FakeSource().next(add=1_200, seed=1)
    assert_right(indexes, first)
    small = first.next(add=20, remove=[3, 800, 1_199], seed=2)
    assert_right(indexes, small)
    assert upkeep_of(file, first).values.read().revision == first.revision  # type: ignore[union-attr]
    indexes.persist(small)
    large = small.next(add=SMALL_TAIL + 1, remove=[1_205], seed=3)
    with closing(MilvusIndexes(file)) as other:
        assert_right(other, large)
    state = upkeep_of(file, first).values.read()
    assert state is not None
    assert (state.revision, state.documents) == (large.revision, len(large.chunks))
    last = large.next(remove=[5, 2_000])
    assert_right(indexes, last)
    assert indexes.check(last) == []
    assert_right(indexes, small)  # a question that began earlier


def test_two_that_bring_the_rows_up_at_once_leave_a_whole_state(file: Address) -> None:
    first = FakeSource().next(add=300, seed=1)
    later = first.next(add=50, remove=[10, 20], seed=2)
    with closing(MilvusIndexes(file)) as one, closing(MilvusIndexes(file)) as two:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda pair: pair[0].persist(pair[1]), [(one, first), (two, first)]))
            list(pool.map(lambda pair: pair[0].persist(pair[1]), [(one, later), (two, later.next(remove=[30]))]))
        last = later.next(remove=[30])
        for indexes in (one, two):
            indexes.persist(last)
            assert_right(indexes, last)
            assert indexes.check(last) == []


def test_rows_of_deleted_chunks_are_deleted_a_minute_later(
    indexes: MilvusIndexes, file: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = FakeSource().next(add=60, seed=1)
    indexes.persist(first)
    second = first.next(remove=[4, 5, 6])
    indexes.persist(second)
    rows = upkeep_of(file, first).rows
    assert {4, 5, 6} <= set(rows.ids(60).tolist())
    now = time.time()
    monkeypatch.setattr(upkeep_module.time, "time", lambda: now + 61)
    third = second.next(add=1, remove=[7])
    indexes.persist(third)
    assert rows.ids(61).tolist() == [number for number in range(1, 62) if number not in {4, 5, 6}]
    assert_right(indexes, third)
    indexes.renew(third)
    assert rows.ids(61).tolist() == sorted(third.chunks)


def test_the_counts_of_many_runs_are_joined(
    indexes: MilvusIndexes, file: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep_module, "_MOST_PARTS", 3)
    source = FakeSource()
    for number in range(6):
        source = source.next(add=10, remove=[number] if number else [], seed=number)
        indexes.persist(source)
        state = upkeep_of(file, source).values.read()
        assert state is not None
        assert len(state.parts) < 3
    assert_right(indexes, source)


def test_a_collection_that_was_restored_and_changed_in_another_way_is_built_anew(
    indexes: MilvusIndexes, file: Address
) -> None:
    first = FakeSource().next(add=80, seed=1)
    indexes.persist(first.next(add=5, seed=2))
    other = first.next(add=5, seed=3)  # the same identity, the same revision
    with closing(MilvusIndexes(file)) as opened:
        assert_right(opened, other)
        forgotten = other.next(add=3)
        forgotten.floor = forgotten.revision  # earlier revisions are not known any more
        assert_right(opened, forgotten)


def test_rows_that_are_lost_are_built_anew(indexes: MilvusIndexes, file: Address) -> None:
    source = FakeSource().next(add=40, seed=1)
    snapshot = indexes.snapshot(source)
    client: Any = Engine(file)._connected()
    (name,) = client.list_collections()
    client.drop_collection(name)
    with pytest.raises(StoreError, match=r"has lost the rows.*ask again"):
        snapshot.lexical.search("pump", 3)
    assert_right(indexes, source)
    client.delete(name, filter="chunk > 30")
    assert indexes.check(source) == ["Milvus has no rows of 10 of 40 chunks: run: ragkit rebuild"]


def test_a_damaged_lexicon_is_built_anew(indexes: MilvusIndexes, file: Address) -> None:
    source = FakeSource().next(add=40, seed=1)
    indexes.persist(source)
    upkeep = upkeep_of(file, source)
    state = upkeep.values.read()
    assert state is not None
    upkeep.rows.write_values({f"lexicon:{state.parts[0][0]}:0": "AAAA"})
    assert "damaged" in indexes.check(source)[0]
    assert_right(indexes, source)
    upkeep.rows.write_values({"state": '{"format": 1}'})
    with closing(MilvusIndexes(file)) as opened:
        assert_right(opened, source)


def test_a_filter_and_a_count_above_the_quota_of_a_search(
    indexes: MilvusIndexes, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("engine", "rows", "words", "vectors"):
        monkeypatch.setattr(f"ragkit.index.milvus.{module}.MOST_HITS", 100)
    monkeypatch.setattr("ragkit.index.milvus.vectors._COMPARED", 0)
    monkeypatch.setattr("ragkit.index.milvus.vectors._ALLOWED_COMPARED", 0)
    source = FakeSource().next(add=450, seed=1)
    snapshot = indexes.snapshot(source)
    dense, lexical = DensePart("exact").in_memory(source), LexicalPart().in_memory(source)
    query = np.random.default_rng(1).standard_normal(DIMENSION).astype(np.float32)
    every = source.all_chunk_ids()
    assert snapshot.dense.search(query, 150)[0].tolist() == dense.search(query, 150)[0].tolist()
    for k, allowed in ((150, None), (5, every[::40]), (20, every[200:])):
        mine, expected = lexical.search("pump", k, allowed=allowed), snapshot.lexical.search("pump", k, allowed=allowed)
        assert mine[0].tolist() == expected[0].tolist()
        if allowed is not None:  # the index of Milvus Lite is approximate under a filter
            ids = snapshot.dense.search(query, k, allowed=allowed)[0].tolist()
            assert len(ids) == k
            assert set(ids) <= set(allowed.tolist())


# ------------------------------------------------------------------ a Milvus that can't be used


def test_a_server_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "_CONNECT_SECONDS", 0.5)
    monkeypatch.setenv("no_proxy", "*")
    source = FakeSource().next(add=3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = Address(f"http://127.0.0.1:{silent.getsockname()[1]}", "root:s3cret")
        began = time.monotonic()
        with closing(MilvusIndexes(address)) as indexes:
            with pytest.raises(StoreError, match=r"does not answer; start it, .*RAGKIT_INDEX=local") as raised:
                indexes.snapshot(source)
            indexes.persist(source)  # a run that has ended is not undone
            assert "does not answer" in indexes.check(source)[0]
            assert indexes.describe(source) == f"milvus:{address} (can't be used)"
        assert time.monotonic() - began < 15
        assert "s3cret" not in str(raised.value)


def test_a_refused_token_is_not_shown() -> None:
    from pymilvus import MilvusException

    engine = Engine(Address("http://milvus.example:19530", "root:s3cret"))
    refused = engine._error("search", MilvusException(65535, "auth check failure, bad root:s3cret"))
    assert isinstance(refused, ConfigError)
    assert "RAGKIT_MILVUS_TOKEN" in str(refused)
    other = engine._error("search", MilvusException(7, "strange s3cret\nmore"))
    assert "s3cret" not in str(refused) + str(other)
    assert "more" not in str(other)


def test_a_file_that_another_process_has_open(file: Address, indexes: MilvusIndexes) -> None:
    source = FakeSource().next(add=3)
    script = f"""
import sys
from ragkit.index.milvus.address import Address
from ragkit.index.milvus.engine import Engine
Engine(Address({str(file)!r}))._connected()
print("open", flush=True)
sys.stdin.read()
"""
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        with pytest.raises(LockedError, match=r"is open in another process; Milvus Lite serves one process"):
            indexes.snapshot(source)
        other.communicate()
    assert_right(indexes, source)


def test_a_file_that_is_damaged_and_a_folder_that_is_not_there(file: Address, tmp_path: Path) -> None:
    source = FakeSource().next(add=30, seed=1)
    with closing(MilvusIndexes(file)) as indexes:
        indexes.persist(source)
    for part in Path(file.uri).rglob("*.json"):
        part.write_bytes(b"\0" * 40)
    with closing(MilvusIndexes(file)) as indexes, pytest.raises(RagkitError) as raised:
        indexes.snapshot(source)
    assert "\n" not in str(raised.value)
    assert "move it away" in str(raised.value)
    shutil.rmtree(file.uri)
    with closing(MilvusIndexes(file)) as indexes:
        assert_right(indexes, source)
    with (
        closing(MilvusIndexes(Address(str(tmp_path / "nowhere" / "a.db")))) as indexes,
        pytest.raises(ConfigError, match="does not exist"),
    ):
        indexes.snapshot(source)
