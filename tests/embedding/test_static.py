"""A static model gives the vectors that sentence-transformers gives, from a table, without a network."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ragkit.embedding.loading import load_embedder
from ragkit.embedding.model_embedder import ModelEmbedder
from ragkit.errors import ModelError
from ragkit.settings import ModelSettings
from tests.support.tiny_static import WIDTH, WORDS, table, write_static

TEXTS = ["Ferry, tides.", "salting a harbour " * 90, "渡船", "b", "tide tide ferry"]


def load(folder: Path, **settings: Any) -> ModelEmbedder:
    found = load_embedder(ModelSettings(name=str(folder), offline=True, **settings))
    assert isinstance(found, ModelEmbedder)
    return found


@pytest.mark.parametrize(
    ("after", "place"), [((), ""), (("Normalize",), "0_StaticEmbedding"), (("Normalize", "Normalize"), "")]
)
def test_the_vectors_are_those_of_sentence_transformers(tmp_path: Path, after: tuple[str, ...], place: str) -> None:
    sentence_transformers = pytest.importorskip("sentence_transformers")
    folder = write_static(tmp_path / "static", after=after, place=place, prompts={"query": "ask: "})
    original = sentence_transformers.SentenceTransformer(str(folder), device="cpu")
    embedder = load(folder)
    assert embedder.fingerprint.runtime == "static"
    for ours, theirs in (
        (embedder.embed_documents(TEXTS), original.encode_document(TEXTS, normalize_embeddings=True)),
        (embedder.embed_queries(TEXTS), original.encode_query(TEXTS, normalize_embeddings=True)),
    ):
        assert np.abs(ours - theirs).max() < 1e-6


def test_every_device_and_runtime_uses_the_table(tmp_path: Path) -> None:
    folder = write_static(tmp_path / "static")
    found = [load(folder, runtime=runtime) for runtime in ("auto", "torch")] + [load(folder, device="cuda")]
    assert {embedder.fingerprint.runtime for embedder in found} == {"static"}


def test_it_runs_without_torch_openvino_and_sentence_transformers(tmp_path: Path) -> None:
    folder = write_static(tmp_path / "static")
    code = (
        "import sys; from ragkit.embedding.loading import load_embedder; from ragkit.settings import ModelSettings;"
        f"load_embedder(ModelSettings(name={str(folder)!r}, offline=True)).embed_queries(['ferry']);"
        "heavy = ('torch', 'openvino', 'sentence_transformers', 'transformers');"
        "print([name for name in heavy if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_a_text_without_tokens_or_of_zero_rows_has_a_vector(tmp_path: Path) -> None:
    embedder = load(write_static(tmp_path / "static"))
    rows = embedder.embed_documents(["", " \t", "a", "ferry"])
    assert rows[:3].tolist() == [[0.0] * (WIDTH - 1) + [1.0]] * 3
    assert embedder.count_tokens(["", "ferry tide"]) == [1, 2]
    assert embedder.embed_units(["", "ferry"], [[(0, 0)], [(0, 5)]])[1][1] == pytest.approx(rows[3:], abs=1e-6)


def test_the_vector_of_a_part_is_the_mean_of_its_tokens(tmp_path: Path) -> None:
    embedder = load(write_static(tmp_path / "static", prompts={"document": "ask: "}))
    _, (parts,) = embedder.embed_units(["ferry tides. salt"], [[(0, 12), (13, 17)]])
    wanted = np.stack([table()[[2, 3, 6, 10]].mean(axis=0), table()[5]])
    assert parts == pytest.approx(wanted / np.linalg.norm(wanted, axis=1, keepdims=True), abs=1e-6)


def write_bf16(path: Path, rows: NDArray[np.float32]) -> None:
    """Write rows as a table in bfloat16, which numpy has no type for: the upper halves of float32 numbers."""
    data = (rows.view(np.uint32) >> 16).astype("<u2").tobytes()
    tensor = {"dtype": "BF16", "shape": list(rows.shape), "data_offsets": [0, len(data)]}
    header = json.dumps({"embedding.weight": tensor}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + data)


def test_a_table_in_half_precision_and_one_of_clusters(tmp_path: Path) -> None:
    half = write_static(tmp_path / "half", {"embedding.weight": table().astype(np.float16)})
    assert load(half).embed_documents(TEXTS) == pytest.approx(
        load(write_static(tmp_path / "f")).embed_documents(TEXTS), abs=2e-3
    )
    brain = write_static(tmp_path / "brain")
    write_bf16(brain / "model.safetensors", table())
    assert load(brain).embed_documents(["tide"])[0] == pytest.approx(load(half).embed_documents(["tide"])[0], abs=1e-2)
    places = np.array([0, 1, 2, 2, 3, 3, 4, 4, 5, 5, 1, 1, 2, 3])
    weights = np.linspace(0.5, 2, len(WORDS)).astype(np.float32)
    clusters = {"embeddings": table()[:6], "mapping": places, "weights": weights}
    wanted = table()[places] * weights[:, None]
    found = load(write_static(tmp_path / "clusters", clusters)).embed_documents(["ferry salt"])[0]
    assert found == pytest.approx((wanted[2] + wanted[5]) / np.linalg.norm(wanted[2] + wanted[5]), abs=1e-6)


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"other": table()}, "has no tensor embedding.weight"),
        ({"embedding.weight": table()[0]}, r"has shape \(8,\) instead of"),
        ({"embedding.weight": table()[:5]}, "has 5 rows, and its tokenizer needs 14"),
        ({"embeddings": table(), "mapping": np.array([0, 99])}, "leaves its table of 14 rows"),
        ({"embeddings": table(), "weights": np.ones(3, dtype=np.float32)}, "has 3 weights for 14 tokens"),
        ({"embedding.weight": np.ones((14, 8), dtype=np.bool_)}, "numbers of kind BOOL"),
    ],
)
def test_a_table_that_cannot_be_used_is_one_line(tmp_path: Path, tensors: dict[str, Any], message: str) -> None:
    folder = write_static(tmp_path / "static", tensors)
    with pytest.raises(ModelError, match=message) as caught:
        load(folder)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_table_is_one_line(tmp_path: Path) -> None:
    folder = write_static(tmp_path / "static")
    (folder / "model.safetensors").write_bytes(b"\xff" * 40)
    with pytest.raises(ModelError, match=r"model\.safetensors cannot be read"):
        load(folder)
    (folder / "config_sentence_transformers.json").write_text("[1]")
    write_static(folder)
    (folder / "config_sentence_transformers.json").write_text("[1]")
    with pytest.raises(ModelError, match=r"config_sentence_transformers\.json cannot be read"):
        load(folder)
