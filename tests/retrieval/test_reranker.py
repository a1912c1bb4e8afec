"""Reranking by a cross-encoder and by diversity: a tiny model of random weights, loaded as a real one is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import ragkit
from ragkit.environment import settings_from_env
from ragkit.errors import ModelError
from ragkit.retrieval.diversity import diverse
from ragkit.retrieval.reranking.reranker import CrossEncoderReranker, load_reranker
from ragkit.retrieval.retriever import Retriever
from ragkit.settings import ModelSettings, RetrievalSettings, Settings
from ragkit.testing import HashEmbedder
from ragkit.types.documents import Document
from tests.support.tiny_model import write_tiny_model

OFFLINE = ModelSettings(offline=True)
TOPICS = ("refunds of meters", "shipping of parcels", "roses in spring", "trains to Oslo", "buffers for probes")


def write_cross_encoder(folder: Path, *, labels: int = 1) -> Path:
    """Write a BERT classifier of random weights with the tiny model's tokenizer."""
    from transformers import BertConfig, BertForSequenceClassification

    config = BertConfig(
        vocab_size=200,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=64,
        pad_token_id=0,
    )
    config.num_labels = labels
    import torch

    torch.manual_seed(0)
    write_tiny_model(folder)
    for name in ("modules.json", "sentence_bert_config.json", "config_sentence_transformers.json", "model.safetensors"):
        (folder / name).unlink()
    BertForSequenceClassification(config).save_pretrained(folder)
    tokenizer = {"tokenizer_class": "BertTokenizerFast", "do_lower_case": True, "model_max_length": 64}
    special = {f"{name.lower()}_token": f"[{name}]" for name in ("PAD", "UNK", "CLS", "SEP", "MASK")}
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer | special), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_cross_encoder(tmp_path_factory.mktemp("cross") / "encoder")


def test_a_cross_encoder_gives_one_score_a_text_in_any_batch(model: Path) -> None:
    reranker = load_reranker(str(model), models=OFFLINE)
    texts = ["the refund window is thirty days", "query passage", "days " * 300, ""]
    found = reranker.score("refund window", texts)
    assert found.shape == (4,)
    assert ((found >= 0) & (found <= 1)).all()
    assert len(set(found.tolist())) > 1
    alone = [float(reranker.score("refund window", [text])[0]) for text in texts]
    assert np.allclose(found, alone, atol=1e-5)
    assert reranker.score("refund window", []).shape == (0,)


def test_a_knowledge_base_ranks_by_it(model: Path, tmp_path: Path) -> None:
    documents = [Document(source=f"{at}.txt", text=f"The refund {topic}.") for at, topic in enumerate(TOPICS)]
    settings = Settings(model=OFFLINE, retrieval=RetrievalSettings(rerank=str(model)))
    with ragkit.open(tmp_path / "kb", settings=settings, embedder=HashEmbedder()) as kb:
        kb.add(documents)
        hits = kb.search("refund window", k=5)
    expected = load_reranker(str(model), models=OFFLINE).score("refund window", [hit.text for hit in hits])
    assert [hit.scores["rerank"] for hit in hits] == pytest.approx(expected.tolist(), abs=1e-4)
    assert list(expected) == sorted(expected, reverse=True)
    assert all(0.5 <= hit.score <= 1 for hit in hits)


@pytest.mark.parametrize("name", ["nowhere/no-such-model", "/no/such/folder"])
def test_a_model_that_is_not_there_is_one_line_and_no_download(name: str) -> None:
    settings = settings_from_env({"RAGKIT_OFFLINE": "1", "RAGKIT_RERANK": name})
    with pytest.raises(ModelError) as error:
        load_reranker(settings.retrieval.rerank, models=settings.model)
    assert f"the cross-encoder {name!r} cannot be loaded" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_folder_that_is_no_model_and_a_model_with_more_outputs_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match="cannot be loaded"):
        CrossEncoderReranker(str(tmp_path / "empty"), models=OFFLINE)
    with pytest.raises(ModelError, match="has 3 outputs"):
        CrossEncoderReranker(str(write_cross_encoder(tmp_path / "three", labels=3)), models=OFFLINE)


class Backwards:
    """Judges by the number at the end of a text: the larger the better."""

    def __init__(self) -> None:
        self.texts: list[Sequence[str]] = []

    def score(self, question: str, texts: Sequence[str]) -> NDArray[np.float64]:
        self.texts.append(texts)
        return np.array([int(text.rsplit(" ", 1)[1].strip(".")) / 100 for text in texts])


def test_the_best_thirty_are_judged_and_stand_above_all_others(tmp_path: Path) -> None:
    judge = Backwards()
    settings = RetrievalSettings(merge=False)
    embedder = HashEmbedder()
    with ragkit.open(tmp_path, embedder=embedder) as kb:
        kb.add(Document(source=f"{at:02d}.txt", text=f"Refund of meter number {at}.") for at in range(50))
        retriever = Retriever(lambda: embedder, settings, ModelSettings(), reranker=judge)
        with kb._store.read() as reader:
            hits = retriever.retrieve(
                "refund of a meter", reader=reader, snapshot=kb._indexes.snapshot(reader.chunks), k=50
            )
    (judged,) = judge.texts
    assert len(judged) == 30
    numbers = [int(hit.source[:2]) for hit in hits]
    assert numbers[:30] == sorted(numbers[:30], reverse=True)
    assert min(hit.score for hit in hits[:30]) >= 0.5 >= max(hit.score for hit in hits[30:])


# ------------------------------------------------------------------ diversity


def test_mmr_passes_over_what_says_the_same() -> None:
    vectors = np.array([[1, 0], [1, 0], [0, 1]], dtype=np.float32)
    scores = np.array([0.9, 0.89, 0.5])
    order = np.array([0, 1, 2])
    assert diverse(order, scores, vectors, share=0.5, count=3).tolist() == [0, 2, 1]
    assert diverse(order, scores, vectors, share=0.01, count=3).tolist() == [0, 1, 2]


def test_mmr_agrees_with_its_definition() -> None:
    random = np.random.default_rng(3)
    vectors = random.standard_normal((20, 6)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    scores = random.uniform(size=20)
    order = np.lexsort((np.arange(20), -scores))
    chosen, left = [int(order[0])], order[1:].tolist()
    while left and len(chosen) < 10:
        value = [0.6 * scores[at] - 0.4 * max(float(vectors[at] @ vectors[one]) for one in chosen) for at in left]
        chosen.append(left.pop(int(np.argmax(value))))
    assert diverse(order, scores, vectors, share=0.4, count=10).tolist() == chosen


def test_mmr_brings_another_document_up(tmp_path: Path) -> None:
    texts = {f"copy{at}.txt": "The refund window of the meter is thirty days." for at in range(4)}
    texts["other.txt"] = "A refund needs the original package and the receipt."
    found = {}
    for share in (0.0, 0.7):
        settings = Settings(retrieval=RetrievalSettings(mmr=share))
        with ragkit.open(tmp_path / str(share), settings=settings, embedder=HashEmbedder()) as kb:
            kb.add(Document(source=name, text=text) for name, text in texts.items())
            found[share] = [hit.source for hit in kb.search("refund window of the meter", k=5)]
    assert found[0.0].index("other.txt") == 4
    assert found[0.7].index("other.txt") == 1
    assert sorted(found[0.7]) == sorted(texts)
