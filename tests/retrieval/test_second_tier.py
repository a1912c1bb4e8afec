"""Two tiers: the best candidates of one model are ranked by another, which embeds each text once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import ragkit
from ragkit.knowledge.models import LoadedModels
from ragkit.retrieval.reranking import second_tier
from ragkit.retrieval.reranking.second_tier import DEPTH, SecondTier
from ragkit.settings import RetrievalSettings, Settings
from ragkit.testing import HashEmbedder

TWO_TIERS = Settings(retrieval=RetrievalSettings(rerank="embedder", merge=False))


class Tilted(HashEmbedder):
    """Finds one text nearest to every question, and counts what it embeds."""

    def __init__(self, favourite: str) -> None:
        super().__init__(48)
        self.favourite = favourite
        self.seen: list[str] = []

    @property
    def supports_units(self) -> bool:
        return False

    def embed_documents(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.seen += texts
        rows = np.zeros((len(texts), 48), dtype=np.float32)
        rows[np.arange(len(texts)), [0 if self.favourite in text else 1 for text in texts]] = 1
        return rows

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = np.zeros((len(texts), 48), dtype=np.float32)
        rows[:, 0] = 1
        return rows


@pytest.fixture
def tilted(monkeypatch: pytest.MonkeyPatch) -> Tilted:
    made = Tilted("the lamp of hall 7 ")
    monkeypatch.setattr(LoadedModels, "second", lambda _: made)
    return made


def documents(count: int) -> list[ragkit.Document]:
    return [
        ragkit.Document.from_text(f"{number:03}.txt", f"Somebody saw the lamp of hall {number} in the evening.")
        for number in range(count)
    ]


def test_the_second_model_decides_and_embeds_a_text_once(tmp_path: Path, tilted: Tilted) -> None:
    with ragkit.open(tmp_path, embedder=HashEmbedder(), settings=TWO_TIERS) as kb:
        kb.add(documents(20))
        hits = kb.search("lamp of a hall", k=3)
        assert hits[0].source == "007.txt"
        assert hits[0].scores["dense"] > 0.9 > 0.5 > hits[1].scores["dense"]
        assert sorted(tilted.seen) == sorted(set(tilted.seen))
        embedded = len(tilted.seen)
        assert [hit.source for hit in kb.search("lamp of a hall", k=3)] == [hit.source for hit in hits]
        assert len(tilted.seen) == embedded == 20


def test_only_the_best_candidates_are_embedded(tmp_path: Path, tilted: Tilted) -> None:
    with ragkit.open(tmp_path, embedder=HashEmbedder(), settings=TWO_TIERS) as kb:
        kb.add(documents(DEPTH + 40))
        hits = kb.search("lamp of a hall", k=DEPTH + 20)
        assert len(tilted.seen) == DEPTH
    assert len({hit.source for hit in hits}) == DEPTH + 20  # the others follow
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert {hit.text for hit in hits[:DEPTH]} <= set(tilted.seen)


def test_a_question_without_a_candidate_and_an_empty_collection_find_nothing(tmp_path: Path, tilted: Tilted) -> None:
    with ragkit.open(tmp_path, embedder=HashEmbedder(), settings=TWO_TIERS) as kb:
        assert list(kb.search("lamp")) == []
        kb.add(documents(2))
        assert list(kb.search("lamp", where={"type": "eq", "key": "source", "value": "no such"})) == []
    assert tilted.seen == []


def test_the_memory_for_vectors_is_bounded(tmp_path: Path, tilted: Tilted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(second_tier, "KEPT_BYTES", 5 * 48 * 2)
    tier = SecondTier(lambda: tilted)
    with ragkit.open(tmp_path, embedder=HashEmbedder()) as kb:
        kb.add(documents(9))
        with kb._store.read() as reader:
            ids = reader.chunks.all_chunk_ids()
            query = tier.query("lamp")
            whole = tier.look(query, ids, reader.chunks)
            assert whole.vectors.shape == (9, 48)
            tilted.seen.clear()
            tier.look(query, ids[-5:], reader.chunks)
            assert tilted.seen == []
            tier.look(query, ids[:2], reader.chunks)
            assert len(tilted.seen) == 2


class Narrow(Tilted):
    """A model that takes four words."""

    @property
    def max_tokens(self) -> int:
        return 4


def test_a_text_over_the_limit_of_the_second_model_loses_its_end(tmp_path: Path) -> None:
    narrow = Narrow("hall")
    tier = SecondTier(lambda: narrow)
    with ragkit.open(tmp_path, embedder=HashEmbedder()) as kb:
        kb.add(documents(1))
        with kb._store.read() as reader:
            tier.look(tier.query("lamp"), reader.chunks.all_chunk_ids(), reader.chunks)
    (text,) = narrow.seen
    assert narrow.count_tokens([text])[0] <= 4
    assert documents(1)[0].text.startswith(text)


@pytest.mark.parametrize(
    ("name", "two"), [("", False), ("embedder", True), ("embedder:./e5", True), ("./embedder", False), ("bge", False)]
)
def test_which_settings_mean_two_tiers(name: str, two: bool) -> None:
    assert RetrievalSettings(rerank=name).two_tiers is two
