"""Dense search equals comparing with every row, whatever was added and removed since the files were written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ragkit.errors import EmbeddingError, StoreError
from ragkit.index.dense.files import build_dense, open_dense
from ragkit.index.dense.float16_file import half, open_rows, rows_in_memory, single, write_index, write_rows
from ragkit.index.dense.index import DenseIndex
from ragkit.index.dense.quantizer import Kind, choose_kind

Ids = NDArray[np.int64]
Vectors = NDArray[np.float32]


def unit_rows(count: int, dimension: int, *, seed: int, copies: int = 0) -> Vectors:
    """Return random unit rows, the last `copies` equal to earlier ones."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((count, dimension)).astype(np.float32)
    for row in range(count - copies, count):
        rows[row] = rows[rng.integers(0, max(count - copies, 1))]
    unit: Vectors = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


def brute_force(ids: Ids, vectors: Vectors, query: Vectors, k: int) -> tuple[list[int], list[float]]:
    """Compare a query with every float16 row, in float64."""
    rows = vectors.astype(np.float16).astype(np.float64)
    scores = (rows @ (query.astype(np.float64) / np.linalg.norm(query.astype(np.float64)))).astype(np.float32)
    order = np.lexsort((ids, -scores))[:k]
    return ids[order].tolist(), scores[order].tolist()


def index_of(ids: Ids, vectors: Vectors, folder: Path | None = None) -> DenseIndex:
    return DenseIndex(build_dense(folder, [(ids, vectors)], dimension=vectors.shape[1], kind="exact"))


@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(0, 60),
    dimension=st.sampled_from([1, 3, 8, 33]),
    copies=st.integers(0, 20),
    k=st.integers(1, 80),
    data=st.data(),
)
@settings(max_examples=120, deadline=None)
def test_results_are_those_of_brute_force(
    seed: int, count: int, dimension: int, copies: int, k: int, data: st.DataObject
) -> None:
    ids = np.cumsum(np.random.default_rng(seed).integers(1, 4, count)).astype(np.int64)
    vectors = unit_rows(count, dimension, seed=seed, copies=min(copies, count))
    split = data.draw(st.integers(0, count))
    index = index_of(ids[:split], vectors[:split])
    middle = data.draw(st.integers(split, count))
    removed = set(data.draw(st.lists(st.sampled_from(ids.tolist()), unique=True))) if count else set()
    first = np.array(sorted(removed & set(ids[:middle].tolist())), dtype=np.int64)
    index = index.followed(removed=first[first <= (ids[split - 1] if split else 0)], added=ids[split:middle],
                           vectors=vectors[split:middle])  # fmt: skip
    index = index.followed(removed=np.array(sorted(removed), dtype=np.int64)[: len(first)], added=ids[middle:],
                           vectors=vectors[middle:])  # fmt: skip
    alive = ~np.isin(ids, first)
    allowed = None
    if data.draw(st.booleans()):
        allowed = np.array(sorted(data.draw(st.sets(st.integers(0, 200)))), dtype=np.int64)
        alive &= np.isin(ids, allowed)
    query = unit_rows(1, dimension, seed=seed ^ 1)[0] * 3
    expected = brute_force(ids[alive], vectors[alive], query, k)
    found, scores = index.search(query, k, allowed=allowed)
    assert found.tolist() == expected[0]
    assert scores.tolist() == expected[1]
    assert len(index) == int((~np.isin(ids, first)).sum())


def test_files_give_the_same_as_memory(tmp_path: Path) -> None:
    ids = np.arange(10, 3010, dtype=np.int64)
    vectors = unit_rows(3000, 48, seed=1, copies=500)
    (tmp_path / "a").mkdir()
    index_of(ids, vectors, tmp_path / "a")
    opened = DenseIndex(open_dense(tmp_path / "a", facts={"kind": "exact"}, dimension=48, count=3000))
    memory = index_of(ids, vectors)
    for query in unit_rows(20, 48, seed=2):
        expected = brute_force(ids, vectors, query, 30)
        for index in (opened, memory):
            found, scores = index.search(query, 30)
            assert (found.tolist(), scores.tolist()) == expected


def test_equal_vectors_come_by_id_however_many() -> None:
    vectors = np.repeat(unit_rows(1, 16, seed=3), 2000, axis=0)
    ids = np.arange(1, 2001, dtype=np.int64)
    index = index_of(ids, vectors).followed(removed=np.array([1, 3]), added=np.array([3000]), vectors=vectors[:1])
    found, _ = index.search(vectors[0], 5)
    assert found.tolist() == [2, 4, 5, 6, 7]
    found, _ = index.search(vectors[0], 5, allowed=np.array([1, 2, 3, 1999, 2000, 3000]))
    assert found.tolist() == [2, 1999, 2000, 3000]


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5])
def test_filters_bring_k_whenever_k_match(share: float) -> None:
    ids = np.arange(1, 6001, dtype=np.int64)
    vectors = unit_rows(6000, 24, seed=4)
    index = index_of(ids, vectors)
    rng = np.random.default_rng(5)
    allowed = np.sort(rng.choice(ids, int(6000 * share), replace=False))
    for query in unit_rows(10, 24, seed=6):
        found, _ = index.search(query, 50, allowed=allowed)
        assert found.tolist() == brute_force(allowed, vectors[allowed - 1], query, 50)[0]


def test_scores_and_vectors_of_given_chunks() -> None:
    ids = np.array([3, 5, 9], dtype=np.int64)
    vectors = unit_rows(4, 12, seed=7)
    index = index_of(ids, vectors[:3]).followed(removed=np.array([5]), added=np.array([12]), vectors=vectors[3:])
    query = unit_rows(1, 12, seed=8)[0]
    scores = index.scores(query, np.array([12, 5, 3, 77]))
    exact = vectors.astype(np.float16).astype(np.float64) @ (query.astype(np.float64) / np.linalg.norm(query))
    assert scores.tolist() == pytest.approx([exact[3], 0.0, exact[0], 0.0], abs=1e-6)
    assert index.vectors(np.array([9, 12])).tolist() == vectors[[2, 3]].astype(np.float16).astype(np.float32).tolist()


@pytest.mark.parametrize(
    "query",
    [
        np.full(8, np.nan), np.full(8, np.inf), np.zeros(8), np.ones(7), np.ones((1, 8)),
        np.array([np.nan, *[0.1] * 7]),
    ],
)  # fmt: skip
def test_bad_queries_are_refused(query: NDArray[np.float64]) -> None:
    index = index_of(np.arange(5, dtype=np.int64), unit_rows(5, 8, seed=9))
    with pytest.raises(EmbeddingError):
        index.search(query.astype(np.float32), 3)
    with pytest.raises(EmbeddingError):
        index.scores(query.astype(np.float32), np.array([1]))


def test_bad_stored_vectors_are_refused() -> None:
    rows = unit_rows(3, 8, seed=10)
    rows[1, 2] = np.nan
    with pytest.raises(EmbeddingError):
        index_of(np.arange(3, dtype=np.int64), rows)
    with pytest.raises(EmbeddingError):
        build_dense(None, [(np.arange(3), unit_rows(3, 7, seed=1))], dimension=8, kind="exact")
    with pytest.raises(StoreError):
        index_of(np.array([2, 1, 3]), unit_rows(3, 8, seed=10))


def test_nothing_is_found_in_nothing() -> None:
    index = index_of(np.empty(0, dtype=np.int64), np.empty((0, 8), dtype=np.float32))
    found, scores = index.search(np.ones(8, dtype=np.float32), 5)
    assert found.tolist() == []
    assert scores.tolist() == []
    assert len(index) == 0


def themed_rows(count: int, dimension: int, *, seed: int) -> Vectors:
    """Return unit rows around a few themes, as vectors of texts are."""
    rng = np.random.default_rng(seed)
    themes = rng.standard_normal((20, dimension))
    rows = (rng.standard_normal((count, dimension)) + themes[rng.integers(0, 20, count)]).astype(np.float32)
    unit: Vectors = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


@pytest.mark.parametrize("memory", [False, True])
@pytest.mark.parametrize("kind", ["rabitq", "ivf"])
def test_codes_find_what_brute_force_finds(tmp_path: Path, kind: Kind, memory: bool) -> None:
    count = 6000
    ids = np.arange(10, 10 + 2 * count, 2, dtype=np.int64)
    vectors = themed_rows(count, 64, seed=11)
    base = build_dense(None if memory else tmp_path, [(ids, vectors)], dimension=64, kind=kind)
    if not memory:
        base = open_dense(tmp_path, facts=base.facts, dimension=64, count=count)
    assert base.kind == kind
    removed, added = ids[:900], np.arange(ids[-1] + 1, ids[-1] + 301)
    more = themed_rows(300, 64, seed=12)
    index = DenseIndex(base).followed(removed=removed, added=added, vectors=more)
    alive, rows = np.concatenate([ids[900:], added]), np.concatenate([vectors[900:], more])
    rng = np.random.default_rng(13)
    filters = [None, alive, *(np.sort(rng.choice(alive, size, replace=False)) for size in (1, 40, 700, 3000))]
    filters.append(alive[rows @ rows[0] < 0.1])  # what is about something else than the question
    for allowed in filters:
        chosen = np.ones(len(alive), dtype=np.bool_) if allowed is None else np.isin(alive, allowed)
        hits = 0
        for query in rows[:30] + 0.5 * rows[30:60]:
            found, scores = index.search(query, 20, allowed=allowed)
            truth, best = brute_force(alive[chosen], rows[chosen], query, 20)
            assert len(found) == min(20, int(chosen.sum()))
            assert np.isin(found, alive[chosen]).all()
            assert scores.tolist() == sorted(scores.tolist(), reverse=True)
            assert scores == pytest.approx(index.scores(query, found))
            assert scores[0] <= best[0]
            hits += len(np.intersect1d(found, truth))
        assert hits / (30 * min(20, int(chosen.sum()))) > 0.97


def test_an_index_is_the_same_each_time_it_is_built(tmp_path: Path) -> None:
    vectors = themed_rows(3000, 32, seed=14)
    ids = np.arange(1, 3001, dtype=np.int64)
    files = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        build_dense(
            tmp_path / name, [(ids[:1000], vectors[:1000]), (ids[1000:], vectors[1000:])], dimension=32, kind="ivf"
        )
        files.append({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()})
    assert files[0] == files[1]


@pytest.mark.parametrize("count", [0, 1, 700])
def test_rows_written_one_by_one_are_a_file_of_faiss(tmp_path: Path, count: int) -> None:
    rows = half(unit_rows(count, 24, seed=15))
    assert write_rows(tmp_path / "a", [rows[:300], rows[300:]], dimension=24) == count
    write_index(rows_in_memory(rows, 24), tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    with pytest.raises(StoreError):
        open_rows(tmp_path / "a", count=count + 1, dimension=24)


def test_kinds_follow_the_size_and_the_setting() -> None:
    assert [choose_kind("auto", count) for count in (0, 49_999, 50_000, 74_999, 75_000)] == [
        "exact", "exact", "rabitq", "rabitq", "ivf",
    ]  # fmt: skip
    assert choose_kind("ivf", 10) == "exact"
    assert choose_kind("ivf", 5_000) == "ivf"
    assert choose_kind("rabitq", 1_000_000) == "rabitq"
    assert choose_kind("exact", 1_000_000) == "exact"


def test_every_finite_half_becomes_the_same_single() -> None:
    bits = np.arange(1 << 16, dtype=np.uint16)
    halves = bits.view(np.float16)
    halves = halves[np.isfinite(halves)].astype("<f2")
    found = single(halves)
    assert found.dtype == np.float32
    assert found.tobytes() == halves.astype(np.float32).tobytes()  # zeros keep their sign
    assert single(halves[:6].reshape(2, 3)).shape == (2, 3)
    assert single(halves[:0]).shape == (0,)
