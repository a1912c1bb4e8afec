"""What every search index promises (ragkit/index/base.py), asked of each.

Another vector index is one more entry of VECTORS, another index of terms one of TERMS; a local one
that the cache keeps in files is one more of PARTS.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ragkit.errors import EmbeddingError
from ragkit.index.base import ChunkSource, IndexPart, IndexSnapshot, TermIndex, VectorIndex
from ragkit.index.dense.part import DensePart
from ragkit.index.lexical.part import LexicalPart
from ragkit.index.manifest import Manifest
from ragkit.index.pgvector.upkeep import build_hnsw
from ragkit.index.policy import SMALL_TAIL, owner_of
from tests.support.index_source import DIMENSION, WORDS, FakeSource, Ids

PARTS: dict[str, Callable[[], IndexPart[Any]]] = {
    "dense exact": lambda: DensePart("exact"),
    "dense auto": lambda: DensePart("auto"),
    "dense rabitq": lambda: DensePart("rabitq"),
    "dense ivf": lambda: DensePart("ivf"),
    "lexical": LexicalPart,
}
RECALL = {
    **{f"dense {kind} {how}": 0.9 for kind in ("rabitq", "ivf") for how in ("built", "followed")},
    "pgvector hnsw": 0.95,
    "pgvector binary": 0.6,
    "milvus built": 0.95,
    "milvus followed": 0.95,
}
"""The least share of the true nearest chunks that an index of codes finds of random vectors; 1 for others."""

History = Sequence[FakeSource]


def built(name: str) -> Callable[[History], Any]:
    """Return what builds an index of the last revision at once."""
    return lambda history: PARTS[name]().in_memory(history[-1])


def followed(name: str) -> Callable[[History], Any]:
    """Return what builds an index of the first revision, and follows the others."""

    def make(history: History) -> Any:
        part = PARTS[name]()
        index, before = part.in_memory(history[0]), history[0]
        for source in history[1:]:
            changes = source.changes_since(before.revision)
            assert changes is not None
            index, before = part.follow(index, changes, source), source
        return index

    return make


MILVUS = ("milvus built", "milvus followed")
"""Rows of the last revision; rows of the first one, with the changes since in memory."""
ENGINES = ("pgvector built", "pgvector followed", "pgvector hnsw", "pgvector binary")
"""Built when all is there; kept by the writers since the first revision; with an HNSW index; with one of bits."""
VECTORS: dict[str, Callable[[History], Any] | None] = {
    f"{name} {how}": make(name)
    for name in PARTS
    if name.startswith("dense")
    for how, make in (("built", built), ("followed", followed))
} | dict.fromkeys((*ENGINES, *MILVUS))
TERMS: dict[str, Callable[[History], Any] | None] = {
    f"lexical {how}": make("lexical") for how, make in (("built", built), ("followed", followed))
}
TERMS |= dict.fromkeys((*ENGINES[:2], *MILVUS))


@pytest.fixture(scope="module")
def history() -> History:
    """1,400 chunks, then a revision with 60 more and 40 fewer, then one with two fewer."""
    first = FakeSource().next(add=1_400, seed=1)
    second = first.next(add=60, remove=list(range(100, 140)), seed=2)
    return [first, second, second.next(remove=[7, 1_405])]


@contextmanager
def in_postgres(name: str, request: pytest.FixtureRequest, history: History) -> Iterator[IndexSnapshot]:
    """Open both indexes of the last revision, kept in a database."""
    pytest.importorskip("psycopg", reason="pip install ragkit[postgres]")
    from tests.support.index_in_postgres import CommittedHistory

    server: str = request.getfixturevalue("server")
    folder: Path = request.getfixturevalue("tmp_path_factory").mktemp("local")
    collection = f"{request.fixturename}-{name}".replace(" ", "-")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAGKIT_LOCAL", str(folder))
        patch.setattr("ragkit.index.pgvector.vectors.HNSW_FROM", 1)
        with closing(CommittedHistory(server, collection, history, binary=name == "pgvector binary")) as committed:
            for source in history:
                if name != "pgvector built":
                    committed.indexes.prepare()
                committed.commit(source)
            if name in ENGINES[2:]:
                with committed.store.upkeep() as session:
                    build_hnsw(session, binary=name == "pgvector binary", least=1)
            with committed.opened() as snapshot:
                yield snapshot


@contextmanager
def in_milvus(name: str, request: pytest.FixtureRequest, history: History) -> Iterator[IndexSnapshot]:
    """Open both indexes of the last revision, with rows in Milvus Lite."""
    pytest.importorskip("milvus_lite", reason="pip install ragkit[milvus]")
    from ragkit.index.milvus.address import Address
    from ragkit.index.milvus.indexes import MilvusIndexes

    folder: Path = request.getfixturevalue("tmp_path_factory").mktemp("milvus")
    with closing(MilvusIndexes(Address(str(folder / "index.db")))) as indexes:
        for source in history if name == "milvus followed" else ():
            indexes.snapshot(source)
        yield indexes.snapshot(history[-1])


def in_engine(name: str, request: pytest.FixtureRequest, history: History) -> AbstractContextManager[IndexSnapshot]:
    """Open both indexes of the last revision in the engine that a name begins with."""
    return (in_milvus if name in MILVUS else in_postgres)(name, request, history)


@pytest.fixture(scope="module", params=VECTORS)
def vectors(request: pytest.FixtureRequest, history: History) -> Iterator[tuple[str, VectorIndex]]:
    make = VECTORS[request.param]
    if make is not None:
        yield request.param, make(history)
        return
    with in_engine(request.param, request, history) as snapshot:
        yield request.param, snapshot.dense


@pytest.fixture(scope="module", params=TERMS)
def terms(request: pytest.FixtureRequest, history: History) -> Iterator[TermIndex]:
    make = TERMS[request.param]
    if make is not None:
        yield make(history)
        return
    with in_engine(request.param, request, history) as snapshot:
        yield snapshot.lexical


# ------------------------------------------------------------------ vectors


def nearest(source: ChunkSource, query: np.ndarray[Any, Any], among: Ids) -> tuple[list[int], list[float]]:
    """Return all chunks by the cosine of their float16 rows with a query, ties by id."""
    rows = source.vectors(among).astype(np.float16).astype(np.float64)
    scores = (rows @ query.astype(np.float64) / np.linalg.norm(query.astype(np.float64))).astype(np.float32)
    order = np.lexsort((among, -scores))
    return among[order].tolist(), scores[order].tolist()


def test_the_nearest_chunks_come_best_first(vectors: tuple[str, VectorIndex], history: History) -> None:
    name, index = vectors
    rng = np.random.default_rng(5)
    found = 0
    for _ in range(20):
        query = rng.standard_normal(DIMENSION).astype(np.float32)
        expected, scores = nearest(history[-1], query, history[-1].all_chunk_ids())
        ids, cosines = index.search(query, 10)
        assert len(ids) == len(set(ids.tolist())) == 10
        assert cosines.dtype == np.float32
        assert cosines.tolist() == sorted(cosines.tolist(), reverse=True)
        score_of = dict(zip(expected, scores, strict=True))
        assert cosines.tolist() == pytest.approx([score_of[number] for number in ids.tolist()], abs=1e-6)
        found += len(set(ids.tolist()) & set(expected[:10]))
        if name not in RECALL:
            assert ids.tolist() == expected[:10]
    assert found >= 200 * RECALL.get(name, 1.0)


def test_k_of_those_allowed_come_back_and_no_others(vectors: tuple[str, VectorIndex], history: History) -> None:
    _, index = vectors
    query = np.random.default_rng(6).standard_normal(DIMENSION).astype(np.float32)
    present = history[-1].all_chunk_ids()
    for allowed in (present[::3], present[5:9], np.array([7, 120, 1_405]), np.empty(0, dtype=np.int64)):
        ids, _ = index.search(query, 8, allowed=allowed)
        there = np.intersect1d(allowed, present)
        assert set(ids.tolist()) <= set(there.tolist())
        assert len(ids) == min(8, len(there))
    expected, _ = nearest(history[-1], query, present[5:9])
    assert index.search(query, 8, allowed=present[5:9])[0].tolist() == expected


def test_its_chunks_are_those_of_the_revision(vectors: tuple[str, VectorIndex], history: History) -> None:
    _, index = vectors
    present = history[-1].all_chunk_ids()
    assert index.ids().tolist() == present.tolist()
    assert len(index) == len(present)
    assert index.dimension == DIMENSION
    query = np.random.default_rng(7).standard_normal(DIMENSION).astype(np.float32)
    assert len(index.search(query, 0)[0]) == 0
    assert not {7, 120, 1_405} & set(index.search(query, len(present))[0].tolist())


def test_vectors_come_in_the_order_of_ids(vectors: tuple[str, VectorIndex], history: History) -> None:
    _, index = vectors
    wanted = np.array([1_459, 3, 120, 99, 9_999, 1_405])
    rows = index.vectors(wanted)
    there = np.array([1_459, 3, 99])
    assert rows[[0, 1, 3]].tolist() == history[-1].vectors(there).astype(np.float16).astype(np.float32).tolist()
    assert not rows[[2, 4, 5]].any()


@pytest.mark.parametrize("query", [np.zeros(DIMENSION), np.full(DIMENSION, np.nan), np.ones(DIMENSION + 1)])
def test_a_query_that_is_no_direction_is_an_error(
    vectors: tuple[str, VectorIndex], query: np.ndarray[Any, Any]
) -> None:
    with pytest.raises(EmbeddingError):
        vectors[1].search(query.astype(np.float32), 3)


def test_many_threads_search_vectors_at_once(vectors: tuple[str, VectorIndex]) -> None:
    queries = np.random.default_rng(8).standard_normal((40, DIMENSION)).astype(np.float32)
    expected = [vectors[1].search(query, 5)[0].tolist() for query in queries]
    with ThreadPoolExecutor(4) as pool:
        assert [ids.tolist() for ids, _ in pool.map(lambda query: vectors[1].search(query, 5), queries)] == expected


# ------------------------------------------------------------------ terms


def test_only_chunks_with_a_term_come_best_first(terms: TermIndex) -> None:
    for text in ("pump", "item1445", "warranty manual", "Section", "of the"):
        ids, scores = terms.search(text, 25)
        assert scores.tolist() == sorted(scores.tolist(), reverse=True)
        assert (scores > 0).all()
        wanted = set(terms.question(text).terms)
        assert all(wanted & set(held.split()) for held in terms.terms(ids))
    assert terms.search("item1445", 5)[0].tolist()[0] == 1_445
    assert 120 not in terms.search("item120", len(terms))[0].tolist()  # deleted
    assert terms.search("xyzzy", 5)[0].tolist() == []


def test_ties_come_by_id_and_filters_before_the_cut(terms: TermIndex, history: History) -> None:
    ids, scores = terms.search("pump", len(terms))
    keys = list(zip((-scores).tolist(), ids.tolist(), strict=True))
    assert keys == sorted(keys)
    allowed = np.sort(ids[-6:])
    assert terms.search("pump", 4, allowed=allowed)[0].tolist() == [i for i in ids.tolist() if i in allowed][:4]
    assert terms.search("pump", 4, allowed=np.empty(0, dtype=np.int64))[0].tolist() == []
    assert terms.search("pump", 0)[0].tolist() == []


def test_a_question_that_was_analysed_finds_what_its_text_finds(terms: TermIndex) -> None:
    for text in (
        "pressure of the filter",
        "",
        "AND OR body:x*",
        "revenue " * 500,
        " ".join(f"item{n}" for n in range(300)),
    ):
        question = terms.question(text)
        assert terms.search(question, 10)[0].tolist() == terms.search(text, 10)[0].tolist()


def test_statistics_count_what_can_be_found(terms: TermIndex, history: History) -> None:
    present = history[-1].all_chunk_ids()
    assert terms.ids().tolist() == present.tolist()
    assert len(terms) == terms.statistics().documents == len(present)
    lengths = [len(text.split()) for text in terms.terms(present)]
    assert terms.statistics().mean_length == pytest.approx(np.mean(lengths))
    rarity = terms.idf(["pump", "item1445", "xyzzy"])
    assert set(rarity) == {"pump", "item1445"}
    assert rarity["item1445"] > rarity["pump"] > 0
    assert set(terms.main_languages) <= set(terms.languages)


def test_terms_and_codes_come_in_the_order_of_ids(terms: TermIndex) -> None:
    found = terms.terms(np.array([1_445, 9_999, 3]))
    assert "item1445" in found[0].split()
    assert found[1] == ""
    assert "item3" in found[2].split()
    codes, sizes = terms.codes(np.array([1_445, 9_999, 3]))
    assert [int(size) > 0 for size in sizes] == [True, False, True]
    assert len(codes) == sizes.sum()


def test_many_threads_search_terms_at_once(terms: TermIndex) -> None:
    queries = [f"{one} {other}" for one in WORDS for other in WORDS]
    expected = [terms.search(query, 5)[0].tolist() for query in queries]
    with ThreadPoolExecutor(4) as pool:
        assert [ids.tolist() for ids, _ in pool.map(lambda query: terms.search(query, 5), queries)] == expected


# ------------------------------------------------------------------ parts of the cache


@pytest.fixture(params=PARTS)
def part(request: pytest.FixtureRequest) -> IndexPart[Any]:
    return PARTS[request.param]()


def sealed(part: IndexPart[Any], folder: Path, source: FakeSource, *, old: Path | None = None) -> Manifest:
    """Write files, or add to those of `old`, and return the manifest they would get."""
    folder.mkdir()
    before = Manifest(part.name, owner_of(source.identity, source.fingerprint), source.revision, 0, 0, [])
    if old is not None:
        read = json.loads((old / "test.json").read_text())
        before = Manifest(
            part.name,
            owner_of(source.identity, source.fingerprint),
            read["revision"],
            0,
            read["count"],
            [],
            facts=read["facts"],
        )
    written = part.write(folder, source) if old is None else part.extend(old, folder, before, source)
    assert set(written.names) <= {item.name for item in folder.iterdir()}
    body = {"revision": source.revision, "count": written.count, "facts": written.facts}
    (folder / "test.json").write_text(json.dumps(body))  # facts go through JSON on their way to a manifest
    facts = json.loads(json.dumps(body))["facts"]
    return Manifest(
        part.name, owner_of(source.identity, source.fingerprint), source.revision, 0, written.count, [], facts=facts
    )


def test_files_that_are_written_can_be_opened_followed_and_extended(
    part: IndexPart[Any], history: History, tmp_path: Path
) -> None:
    first, second, last = history
    manifest = sealed(part, tmp_path / "first", first)
    assert manifest.count == len(first.all_chunk_ids())
    assert part.fits(manifest, first)
    opened = part.open(tmp_path / "first", manifest)
    assert part.ids(opened).tolist() == first.all_chunk_ids().tolist()
    changes = last.changes_since(first.revision)
    assert changes is not None
    late = part.follow(opened, changes, last)
    assert part.ids(late).tolist() == last.all_chunk_ids().tolist()
    assert part.ids(opened).tolist() == first.all_chunk_ids().tolist()  # an earlier state is never changed
    grown = part.open(tmp_path / "second", sealed(part, tmp_path / "second", second, old=tmp_path / "first"))
    assert part.ids(grown).tolist() == second.all_chunk_ids().tolist()


def test_nothing_is_an_index_too(part: IndexPart[Any]) -> None:
    empty = FakeSource()
    index = part.in_memory(empty)
    assert part.ids(index).tolist() == []
    assert part.due(index, empty) == "nothing"
    one = empty.next(add=1)
    changes = one.changes_since(0)
    assert changes is not None
    assert part.ids(part.follow(index, changes, one)).tolist() == [1]


def test_much_in_memory_asks_for_new_files(part: IndexPart[Any], history: History) -> None:
    first = history[0]
    index = part.in_memory(first)
    assert part.due(index, first) == "nothing"
    later = first.next(add=SMALL_TAIL + 200, seed=9)
    changes = later.changes_since(first.revision)
    assert changes is not None
    assert part.due(part.follow(index, changes, later), later) in ("extend", "rebuild")


def test_digests_tell_chunks_apart_and_are_the_same_in_every_revision(part: IndexPart[Any], history: History) -> None:
    ids = np.array([1, 2, 3, 50])
    first = part.digests(history[0], ids)
    assert len(set(first)) == 4
    assert part.digests(history[-1], ids) == first
    other = FakeSource().next(add=60, seed=77)
    assert part.digests(other, ids) != first
