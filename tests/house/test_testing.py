"""The fakes behave like the real thing where tests depend on it."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from ragkit.embedding.base import Embedder
from ragkit.embedding.loading import check_vectors, compatible
from ragkit.errors import EmbeddingError
from ragkit.testing import BrokenEmbedder, Fault, HashEmbedder


def test_shared_words_mean_similar_vectors() -> None:
    embedder: Embedder = HashEmbedder()
    texts = ["Refunds are paid within 30 days.", "The printer is on the second floor.", "払い戻しは三十日以内です。"]
    documents = embedder.embed_documents(texts)
    queries = embedder.embed_queries(["How are refunds paid?", "where is a printer", "払い戻し"])
    assert (queries @ documents.T).argmax(axis=1).tolist() == [0, 1, 2]
    assert documents.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(documents, axis=1), 1, atol=1e-6)


def test_same_vectors_in_another_process() -> None:
    code = (
        "from ragkit.testing import HashEmbedder; print(HashEmbedder().embed_queries(['alpha beta']).tobytes().hex())"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert out == HashEmbedder().embed_queries(["alpha beta"]).tobytes().hex()


def test_tokens_are_pieces_with_exact_spans() -> None:
    embedder = HashEmbedder(document_prompt="passage: ")
    text = "Encyclopaedia, of  Ä"
    pieces = [text[start:end] for start, end in embedder.token_offsets(text)]
    assert pieces == ["Encycl", "opaedi", "a", ",", "of", "Ä"]
    assert embedder.count_tokens([text, ""]) == [6 + 2 + 3, 2 + 3]


def test_over_long_document_is_named_and_over_long_query_works() -> None:
    embedder = HashEmbedder(max_tokens=10)
    with pytest.raises(EmbeddingError, match="text 1 has 102 tokens and the model takes 10; split it"):
        embedder.embed_documents(["short", "word " * 100])
    assert embedder.embed_queries(["word " * 100]).shape == (1, 64)


def test_empty_input_and_wordless_text() -> None:
    embedder = HashEmbedder(dimension=20)
    assert embedder.embed_documents([]).shape == (0, 20)
    assert np.isfinite(embedder.embed_documents(["", " ", "…"])).all()


def test_units_are_rows_of_the_slices() -> None:
    embedder = HashEmbedder()
    rows, units = embedder.embed_units(["alpha beta", "gamma"], [[(0, 5), (6, 10)], []])
    assert rows.shape == (2, 64)
    np.testing.assert_allclose(units[0], embedder.embed_queries(["alpha", "beta"]), atol=1e-6)
    assert units[1].shape == (0, 64)


def test_counters() -> None:
    embedder = HashEmbedder()
    embedder.embed_documents(["a", "b"])
    embedder.embed_queries(["c"])
    assert (embedder.documents_embedded, embedder.queries_embedded, embedder.calls) == (2, 1, 2)


def test_fingerprint_tells_fakes_apart() -> None:
    assert compatible(HashEmbedder().fingerprint, HashEmbedder().fingerprint)
    for other in (
        HashEmbedder(32),
        HashEmbedder(name="b"),
        HashEmbedder(max_tokens=9),
        HashEmbedder(query_prompt="q: "),
    ):
        assert not compatible(HashEmbedder().fingerprint, other.fingerprint)


@pytest.mark.parametrize("fault", ["nan", "infinite", "zero", "few_rows", "many_rows", "dimension", "not_unit"])
def test_every_fault_is_caught_by_the_check(fault: Fault) -> None:
    embedder = BrokenEmbedder(fault, at_call=1)
    check_vectors(embedder.embed_documents(["a", "b"]), count=2, dimension=64)
    with pytest.raises(EmbeddingError):
        check_vectors(embedder.embed_documents(["a", "b"]), count=2, dimension=64)


def test_broken_embedder_raises_for_the_calls_it_was_told() -> None:
    embedder = BrokenEmbedder("raises", at_call=1, times=1)
    embedder.embed_documents(["a"])
    with pytest.raises(EmbeddingError):
        embedder.embed_documents(["a"])
    assert embedder.embed_documents(["a"]).shape == (1, 64)


def test_import_is_light() -> None:
    code = (
        "import sys, ragkit.testing, ragkit.embedding.loading;"
        "print([m for m in ('torch', 'openvino', 'tokenizers', 'transformers', 'faiss') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert out == "[]"
