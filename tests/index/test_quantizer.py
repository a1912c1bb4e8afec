"""Codes are relative to a quantizer that the store keeps: the same chunks are found, whenever codes were written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import numpy as np
import pytest
from numpy.typing import NDArray

import ragkit
from ragkit import Document, KnowledgeBase, Settings
from ragkit.errors import CorruptError
from ragkit.index.dense import index as dense_module
from ragkit.index.dense import quantizer as quantizer_module
from ragkit.index.dense.files import build_dense
from ragkit.index.dense.index import DenseIndex
from ragkit.index.dense.quantizer import Kind, Quantizer, is_outgrown, train_quantizer
from ragkit.settings import ChunkSettings, DenseSettings
from ragkit.testing import HashEmbedder
from tests.index.test_dense import themed_rows

Ids = NDArray[np.int64]
Vectors = NDArray[np.float32]
DIMENSION = 48


def trained(kind: Kind, vectors: Vectors, *, batch: int = 700) -> Quantizer:
    def batches() -> Iterator[Vectors]:
        for start in range(0, len(vectors), batch):
            yield vectors[start : start + batch]

    return train_quantizer(kind, len(vectors), rows=lambda places: vectors[places], batches=batches)


def halves(vectors: Vectors) -> Vectors:
    return vectors.astype(np.float16).astype(np.float32)


# --------------------------------------------------------------------- training


@pytest.mark.parametrize("kind", ["rabitq", "ivf"])
def test_training_is_the_same_each_time_and_however_it_is_fed(kind: Kind) -> None:
    vectors = themed_rows(3_000, DIMENSION, seed=1)
    one, other = trained(kind, vectors), trained(kind, vectors, batch=3_000)
    assert (one.kind, one.count, one.probes) == (kind, 3_000, other.probes)
    assert one.centres.tobytes() == other.centres.tobytes()
    assert len(one.centres) == (16 if kind == "rabitq" else 64)
    assert np.linalg.norm(one.centres, axis=1) == pytest.approx(1, abs=1e-5)
    assert one.probes == 16 if kind == "rabitq" else 4 <= one.probes <= 32


@pytest.mark.parametrize(
    ("trained_on", "count", "expected"),
    [
        (0, 49_999, False), (0, 50_000, True), (60_000, 49_000, False), (60_000, 29_000, True), (60_000, 0, True),
        (60_000, 120_000, False), (60_000, 120_001, True), (400_000, 200_000, False), (400_000, 199_999, True),
    ],
)  # fmt: skip
def test_centres_serve_from_half_to_twice_the_size(trained_on: int, count: int, expected: bool) -> None:
    assert is_outgrown(trained_on, count) is expected


# --------------------------------------------------------------------- files and rows in memory


@pytest.mark.parametrize("kind", ["rabitq", "ivf"])
@pytest.mark.parametrize("sizes", [(2_000, 1_900, 60, 30, 5, 5), (3_900, 1, 1, 1, 40, 57), (1_200, 2_800)])
def test_rows_in_memory_are_found_as_those_in_files_are(
    kind: Kind, sizes: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However chunks came, and whatever went, candidates are those of an index that is written at the end."""
    monkeypatch.setattr(dense_module, "_FILTERED_EXACTLY", 100)
    monkeypatch.setattr(dense_module, "_LEAST_PROPOSED", 60)  # few enough that codes decide what is found
    vectors = halves(themed_rows(sum(sizes), DIMENSION, seed=2))
    ids = np.arange(5, 5 + 3 * len(vectors), 3, dtype=np.int64)
    quantizer = trained(kind, vectors)

    def built(chosen: NDArray[np.bool_]) -> DenseIndex:
        return DenseIndex(
            build_dense(None, [(ids[chosen], vectors[chosen])], dimension=DIMENSION, kind=kind, quantizer=quantizer)
        )

    rng = np.random.default_rng(3)
    live = np.arange(len(ids)) < sizes[0]
    index, at = built(live), sizes[0]
    for size in sizes[1:]:
        gone = np.sort(rng.choice(ids[live], min(40, size), replace=False))
        index = index.followed(removed=gone, added=ids[at : at + size], vectors=vectors[at : at + size])
        live[at : at + size] = True
        live[np.isin(ids, gone)] = False
        at += size
    assert sum(map(len, index.parts)) == index.added
    assert all(len(first) >= 4 * len(second) - 80 for first, second in zip(index.parts, index.parts[1:], strict=False))
    anew = built(live)
    assert (index.removed > 0, anew.added, anew.removed) == (True, 0, 0)
    missed = 0
    for number, query in enumerate(vectors[:60] + 0.8 * vectors[100:160]):
        allowed = None if number % 3 else np.sort(rng.choice(ids, len(ids) // (2 + number % 5), replace=False))
        one, other = index.search(query, 10, allowed=allowed), anew.search(query, 10, allowed=allowed)
        assert one[0].tolist() == other[0].tolist()
        assert one[1].tolist() == other[1].tolist()
        among = live if allowed is None else live & np.isin(ids, allowed)
        best = ids[among][np.argsort(-(vectors[among] @ query))[:10]]
        missed += len(np.setdiff1d(best, one[0]))
    assert 0 < missed < 100  # codes, not exact scores, chose what was looked at


# --------------------------------------------------------------------- in the store


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a thousand chunks be many."""
    monkeypatch.setattr(quantizer_module, "RABITQ_FROM", 1_000)
    monkeypatch.setattr(quantizer_module, "IVF_FROM", 1_500)


def opened(data: Path, *, size: int = 16, kind: str = "auto") -> KnowledgeBase:
    chunk = ChunkSettings(max_tokens=32, min_tokens=1, context_tokens=0)
    dense = DenseSettings(kind=kind)  # type: ignore[arg-type]
    return ragkit.open(data, embedder=HashEmbedder(size), settings=Settings(chunk=chunk, dense=dense))


def documents(first: int, count: int) -> list[Document]:
    return [
        Document.from_text(f"{number}.txt", "\n\n".join(f"Word{number} part{part} tells about {part * 7}."
                                                         for part in range(60)))
        for number in range(first, first + count)
    ]  # fmt: skip


def stored(kb: KnowledgeBase) -> tuple[int, int, str]:
    """Return number, count and kind of the stored quantizer, zeros without one."""
    with kb._store.read() as reader:
        found = reader.chunks.quantizer()
        assert reader.chunks.quantizer_number() == (found.number if found else 0)
    return (found.number, found.count, found.kind) if found else (0, 0, "")


def used(kb: KnowledgeBase) -> tuple[int, str]:
    """Return number and kind of what the index is relative to."""
    with kb._store.read() as reader:
        base = kb._indexes.snapshot(reader.chunks).dense.base
    return base.quantizer, base.kind


def spoil(data: Path, sql: str) -> None:
    connection = apsw.Connection(str(data / "collections" / "default" / "collection.sqlite"))
    connection.execute(sql)
    connection.close()


@pytest.mark.usefixtures("small")
def test_a_collection_is_grouped_when_it_is_large_and_again_when_it_has_doubled(tmp_path: Path) -> None:
    with opened(tmp_path) as kb, opened(tmp_path) as other:
        kb.add(documents(0, 10))
        chunks = kb.status()["chunks"]
        assert (stored(kb), used(kb), used(other)) == ((0, 0, ""), (0, "exact"), (0, "exact"))
        each = chunks // 10
        kb.add(documents(10, 1_000 // each))
        count = kb.status()["chunks"]
        first, trained_on, kind = stored(kb)
        assert (trained_on, kind) == (count, "rabitq")
        assert used(kb) == used(other) == (first, "rabitq")
        kb.add(documents(500, 5))
        assert stored(kb)[0] == first
        kb.add(documents(600, 2 * count // each))
        second, trained_on, kind = stored(kb)
        assert second > first
        assert (trained_on, kind) == (kb.status()["chunks"], "ivf")
        assert used(kb) == used(other) == (second, "ivf")
        assert kb.doctor()["ok"]
        assert kb.verify() == []
        kb.remove(document.source for document in kb.documents())
        assert stored(kb) == (0, 0, "")


@pytest.mark.usefixtures("small")
def test_another_model_has_a_quantizer_of_its_own(tmp_path: Path) -> None:
    with opened(tmp_path) as kb:
        kb.add(documents(0, 160))
        first = stored(kb)
        kb.rebuild(embedder=HashEmbedder(24))
        second = stored(kb)
        assert first[0] < second[0]
        assert first[1:] == second[1:]
        assert used(kb)[0] == second[0]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("kind", ["exact", "rabitq", "ivf"])
def test_a_setting_goes_before_what_is_stored(tmp_path: Path, kind: str) -> None:
    with opened(tmp_path) as kb:
        kb.add(documents(0, 160))
        number, _, of_store = stored(kb)
    with opened(tmp_path, kind=kind) as kb:
        assert used(kb) == (number if kind == of_store else 0, kind)


@pytest.mark.usefixtures("small")
def test_a_damaged_quantizer_is_told_and_mended_by_the_next_run(tmp_path: Path) -> None:
    with opened(tmp_path) as kb:
        kb.add(documents(0, 160))
        number = stored(kb)[0]
    spoil(tmp_path, "UPDATE quantizers SET crc = crc + 1")
    (cache,) = (tmp_path / "collections" / "default" / "cache").glob("dense-*")
    (cache / "codes.faiss").unlink()
    with opened(tmp_path) as kb:
        with pytest.raises(CorruptError, match="ragkit rebuild"):
            stored(kb)
        assert [problem.kind for problem in kb.verify()] == ["quantizer"]
        assert kb.search("Word3 part4")[0].source == "3.txt"
        assert used(kb)[0] == 0
    written = {path.name for path in cache.parent.glob("dense-*")}
    with opened(tmp_path) as kb:
        assert used(kb)[0] == 0
        assert {path.name for path in cache.parent.glob("dense-*")} == written  # its own serve until there is another
        kb.add(documents(900, 1))
        assert stored(kb)[0] > number
        assert used(kb)[0] == stored(kb)[0]
        assert kb.verify() == []


@pytest.mark.usefixtures("small")
def test_codes_that_are_relative_to_another_quantizer_are_not_used(tmp_path: Path) -> None:
    """Another process has trained a new one, and was killed before it wrote its caches."""
    with opened(tmp_path) as kb:
        kb.add(documents(0, 160))
        number = stored(kb)[0]
    spoil(tmp_path, "UPDATE quantizers SET id = id + 1")
    with opened(tmp_path) as kb:
        assert used(kb)[0] == number + 1
        assert kb.doctor()["ok"]


@pytest.mark.usefixtures("small")
def test_vectors_that_cannot_be_grouped_do_not_undo_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_: Any, **__: Any) -> Quantizer:
        raise CorruptError("a stored vector is not of norm 1", cure="run: ragkit verify")

    monkeypatch.setattr("ragkit.store.quantizers.train_quantizer", fails)
    with opened(tmp_path) as kb:
        assert kb.add(documents(0, 160)).added == 160
        assert stored(kb) == (0, 0, "")
        assert used(kb)[1] == "ivf"  # trained by the cache itself
        assert kb.search("Word3 part4")[0].source == "3.txt"
    assert "no quantizer could be trained" in caplog.text
