"""What every embedder promises (ragkit/embedding/base.py), asked of each: another is one more entry of EMBEDDERS."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from numpy.typing import NDArray

from ragkit.embedding.base import Embedder, UnitEmbedder
from ragkit.embedding.loading import load_embedder
from ragkit.embedding.query_batcher import QueryBatcher
from ragkit.embedding.tokenizer import NO_LIMIT
from ragkit.errors import ConfigError, EmbeddingError, ModelError
from ragkit.extensions import EMBEDDERS as GROUP
from ragkit.settings import ModelSettings
from ragkit.testing import HashEmbedder
from tests.support.installed import install
from tests.support.tiny_model import write_tiny_model
from tests.support.tiny_static import write_static

TEXTS = [
    "Refunds are paid within 30 days.",
    "",
    "the red cat sat on the mat " * 2,
    "退款将在三十天内支付。",
    "a",
    "Zahlung: 1,284.50 EUR 🙂",
]


@cache
def default_model() -> Embedder:
    return load_embedder(ModelSettings(device="cpu", offline=True))


@cache
def tiny_on_torch() -> Embedder:
    with TemporaryDirectory() as place:
        folder = write_tiny_model(Path(place) / "tiny", prompts={"query": "ask: "})
        return load_embedder(ModelSettings(name=str(folder), runtime="torch", device="cpu", offline=True))


@cache
def static_table() -> Embedder:
    with TemporaryDirectory() as place:
        folder = write_static(Path(place) / "static", prompts={"document": "ask: "})
        return load_embedder(ModelSettings(name=str(folder), offline=True))


EMBEDDERS: dict[str, Callable[[], Embedder]] = {
    "hash": lambda: HashEmbedder(48, max_tokens=40),
    "hash with prompts": lambda: HashEmbedder(max_tokens=40, query_prompt="query: ", document_prompt="passage: "),
    "batcher": lambda: QueryBatcher(HashEmbedder(max_tokens=40)),
    "openvino": default_model,
    "torch": tiny_on_torch,
    "static": static_table,
}


@pytest.fixture(params=EMBEDDERS)
def embedder(request: pytest.FixtureRequest) -> Embedder:
    return EMBEDDERS[request.param]()


def assert_unit(rows: NDArray[np.float32], count: int, embedder: Embedder) -> None:
    assert rows.dtype == np.float32
    assert rows.shape == (count, embedder.fingerprint.dimension)
    assert np.linalg.norm(rows.astype(np.float64), axis=1) == pytest.approx(np.ones(count), abs=1e-6)


def test_documents_are_unit_rows_in_their_order(embedder: Embedder) -> None:
    rows = embedder.embed_documents(TEXTS)
    assert_unit(rows, len(TEXTS), embedder)
    alone = np.concatenate([embedder.embed_documents([text]) for text in TEXTS])
    assert (rows * alone).sum(axis=1) == pytest.approx(np.ones(len(TEXTS)), abs=2e-3)


def test_queries_are_unit_rows_in_their_order_however_long(embedder: Embedder) -> None:
    queries = [*TEXTS, "how long is the refund window of this shop " * 60]
    rows = embedder.embed_queries(queries)
    assert_unit(rows, len(queries), embedder)
    alone = np.concatenate([embedder.embed_queries([text]) for text in queries])
    assert (rows * alone).sum(axis=1) == pytest.approx(np.ones(len(queries)), abs=2e-3)


def test_nothing_in_gives_nothing_of_the_right_width(embedder: Embedder) -> None:
    for rows in (embedder.embed_documents([]), embedder.embed_queries([])):
        assert rows.shape == (0, embedder.fingerprint.dimension)
        assert rows.dtype == np.float32
    assert embedder.count_tokens([]) == []


def test_a_document_at_the_limit_is_embedded_and_one_above_it_is_named(embedder: Embedder) -> None:
    if embedder.max_tokens >= NO_LIMIT:
        assert_unit(embedder.embed_documents(["a b " * 5_000]), 1, embedder)
        return
    words = next(n for n in range(1, 2_000) if embedder.count_tokens([" ".join(["a"] * n)])[0] == embedder.max_tokens)
    fits, above = " ".join(["a"] * words), " ".join(["a"] * (words + 1))
    assert_unit(embedder.embed_documents([fits]), 1, embedder)
    assert embedder.count_tokens([above])[0] > embedder.max_tokens
    with pytest.raises(EmbeddingError, match="text 1 has"):
        embedder.embed_documents(["a", above])


def test_counts_are_those_of_each_text_alone(embedder: Embedder) -> None:
    counts = embedder.count_tokens(TEXTS)
    assert counts == [embedder.count_tokens([text])[0] for text in TEXTS]
    assert all(count >= 1 for count in counts)
    assert counts[2] == max(counts)


def test_offsets_are_spans_of_the_text_in_order(embedder: Embedder) -> None:
    for text in TEXTS:
        spans = embedder.token_offsets(text)
        assert all(0 <= start <= end <= len(text) for start, end in spans)
        assert [start for start, _ in spans] == sorted(start for start, _ in spans)
        assert len(spans) <= embedder.count_tokens([text])[0]
    assert embedder.token_offsets("") == []


def test_the_fingerprint_says_what_the_vectors_are(embedder: Embedder) -> None:
    fingerprint = embedder.fingerprint
    assert fingerprint.max_tokens == embedder.max_tokens
    assert len(fingerprint.probe) == 4 * fingerprint.dimension
    assert fingerprint == embedder.fingerprint
    assert fingerprint.id


def test_the_callers_rows_are_its_own(embedder: Embedder) -> None:
    first = embedder.embed_queries(["refund"])
    kept = first.copy()
    first[:] = 7.0
    assert (embedder.embed_queries(["refund"])[0] @ kept[0]) == pytest.approx(1.0, abs=2e-3)


def test_units_come_with_the_rows_of_the_whole_texts(embedder: Embedder) -> None:
    if not isinstance(embedder, UnitEmbedder) or not embedder.supports_units:
        pytest.skip("this model has no units")
    texts = [TEXTS[0], TEXTS[2]]
    spans = [[(0, 7), (8, 32)], [(0, 12)]]
    rows, units = embedder.embed_units(texts, spans)
    assert (rows * embedder.embed_documents(texts)).sum(axis=1) == pytest.approx(np.ones(2), abs=2e-3)
    assert [len(part) for part in units] == [2, 1]
    for part in units:
        assert_unit(part, len(part), embedder)
    assert embedder.embed_units([], [])[1] == []


def test_many_threads_at_once(embedder: Embedder) -> None:
    queries = [f"question number {number}" for number in range(24)]
    expected = embedder.embed_queries(queries)
    with ThreadPoolExecutor(6) as pool:
        rows = np.concatenate(list(pool.map(lambda text: embedder.embed_queries([text]), queries)))
    assert (rows * expected).sum(axis=1) == pytest.approx(np.ones(len(queries)), abs=2e-3)


# Entry points

CODE = """
from ragkit.testing import HashEmbedder


def make(name, settings):
    return HashEmbedder(int(name), name=settings.name)


def fails(name, settings):
    raise KeyError("table")


def bare(name, settings):
    return dict()
"""
POINTS = {"hashes": "more_models:make", "fails": "more_models:fails", "bare": "more_models:bare", "gone": "nowhere_x:y"}


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    install(monkeypatch, tmp_path / "site", GROUP, points=POINTS, code=CODE)


@pytest.mark.usefixtures("installed")
def test_an_embedder_of_an_installed_package_is_found_by_its_prefix() -> None:
    made = load_embedder(ModelSettings(name="hashes:32"))
    assert made.fingerprint.dimension == 32
    assert made.fingerprint.model == "hashes:32"


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("fails:x", r"fails of ragkit.embedders, from the package more-models, failed: KeyError: 'table'"),
        ("bare:x", r"made a dict without fingerprint, max_tokens"),
        ("gone:x", r"gone .* failed: ModuleNotFoundError: No module named 'nowhere_x'"),
        ("static:x", r"'static:x' is not known: no package has an embedder 'static'"),
    ],
)
def test_a_broken_or_unknown_one_is_told_with_its_package(name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        load_embedder(ModelSettings(name=name))
    assert not isinstance(caught.value, ModelError)
    assert caught.value.cure


@pytest.mark.usefixtures("installed")
def test_a_folder_with_a_colon_in_its_name_is_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hashes:32").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError):
        load_embedder(ModelSettings(name="hashes:32", offline=True))
