"""Tuning an embedding model: pairs from a set, a loss that falls, a model folder of its own, and the refusal."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import ragkit
from ragkit import AdapterRefusedError, ConflictError, Document, InputError, ModelSettings, load_embedder
from ragkit.cli.app import cli
from ragkit.evaluation.datasets.beir import load_ranking_set
from ragkit.finetuning.embedder.pairs import Pair, make_pairs, with_negatives
from ragkit.finetuning.embedder.training import EmbedderConfig, tune_model
from ragkit.settings import ChunkSettings
from ragkit.testing import HashEmbedder
from ragkit.tracking.catalog import list_runs
from tests.support.packages import needs
from tests.support.tiny_model import write_tiny_model

pytestmark = [needs("peft"), pytest.mark.usefixtures("one_thread")]
BIRDS = ("wren", "heron", "stork", "finch", "crane", "owl", "rook", "swift", "kite", "lark", "dove", "teal")


def silent(_stage: str, _done: int, _total: int) -> None:
    """Report nothing."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set of `ragkit eval make` on twelve documents of some sentences each."""
    folder = tmp_path_factory.mktemp("set")
    with ragkit.open(folder / "kb", embedder=HashEmbedder()) as kb:
        for number, bird in enumerate(BIRDS):
            sentences = [
                f"The {bird} of reserve {number} builds nest {part} from {word} near the {place}."
                for part, (word, place) in enumerate(
                    (w, p) for w in ("willow", "reeds", "heather", "mud") for p in ("quay", "barn", "dyke", "mill")
                )
            ]
            kb.add(
                Document.from_text(f"{bird}.md", f"# The {bird}\n\n" + " ".join(sentences), media_type="text/markdown")
            )
    words = ["eval", "make", str(folder / "set"), "--questions", "150", "--data", str(folder / "kb")]
    from ragkit.cli.context import Tools

    assert CliRunner().invoke(cli, words, obj=Tools(embedder=HashEmbedder())).exit_code == 0
    return folder / "set"


def test_pairs_are_of_one_part_and_hold_the_answer(made: Path, tmp_path: Path) -> None:
    dataset = load_ranking_set(made)
    pairs = make_pairs(dataset, part="tune", embedder=HashEmbedder(), settings=ChunkSettings())
    assert {pair.question for pair in pairs} == {
        query.text for query in dataset.queries.values() if query.part == "tune"
    }
    with ragkit.open(tmp_path, embedder=HashEmbedder()) as kb:
        kb.add(dataset.documents)
        hard = with_negatives(pairs, kb)
    assert [(pair.question, pair.positive) for pair in hard] == [(pair.question, pair.positive) for pair in pairs]
    assert any(pair.negative for pair in hard)
    assert not any(pair.negative == pair.positive for pair in hard)
    with pytest.raises(InputError, match="30 is the least"):
        make_pairs(dataset, part="none", embedder=HashEmbedder(), settings=ChunkSettings())


@pytest.mark.filterwarnings("ignore")
def test_training_lowers_the_held_loss_and_gives_a_model_with_its_own_fingerprint(tmp_path: Path) -> None:
    base = write_tiny_model(tmp_path / "base")
    letters = [f"{one}{two}" for one in "abcdefgh" for two in "ijklmnop"]
    pairs = [Pair(f"x {name}", f"y {name} z", "") for name in letters]
    config = EmbedderConfig(epochs=4, learning_rate=0.02, rank=8, patience=4)
    result = tune_model(base, tmp_path / "out", train=pairs[:48], held=pairs[48:], config=config, progress=silent)
    assert result.best > 0
    assert min(held for _, held in result.losses) < result.first
    assert result.trainable == 2 * 3 * 2 * 32 * 8  # layers, projections, two matrices each
    settings = [ModelSettings(name=str(folder), runtime="torch") for folder in (base, tmp_path / "out")]
    one, two = (load_embedder(setting) for setting in settings)
    assert one.fingerprint.id != two.fingerprint.id
    assert one.fingerprint.dimension == two.fingerprint.dimension
    vectors = two.embed_documents(["y ai z", "y bj z"])
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)
    assert not [path for path in (tmp_path / "out").rglob("*") if path.suffix in {".bin", ".pt"}]


@pytest.mark.filterwarnings("ignore")
def test_a_model_that_is_no_better_is_refused_and_nothing_is_written(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAGKIT_RUNTIME", "torch")
    base = write_tiny_model(tmp_path / "base")
    words = ["tune", "embedder", str(made), str(tmp_path / "out"), "--model", str(base), "--data", str(tmp_path / "kb")]
    result = CliRunner().invoke(cli, [*words, "--epochs", "1", "--learning-rate", "0.0000001", "--json"])
    assert isinstance(result.exception, AdapterRefusedError), (result.output, result.exception)
    evidence = json.loads(result.stdout)
    assert evidence["kept"] is False
    assert evidence["before"] == pytest.approx(evidence["after"], abs=0.02)
    assert evidence["training"]["pairs"] >= 30
    assert not (tmp_path / "out").exists()
    assert not list(tmp_path.glob(".out*"))
    (run,) = list_runs(tmp_path / "kb" / "runs")
    assert (run.kind, run.status) == ("tune embedder", "failed")


def test_an_existing_folder_and_a_set_without_parts_are_refused(made: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").touch()
    words = ["tune", "embedder", str(made), str(tmp_path / "out"), "--data", str(tmp_path / "kb")]
    assert isinstance(CliRunner().invoke(cli, words).exception, ConflictError)
    plain = tmp_path / "plain"
    (plain / "qrels").mkdir(parents=True)
    (plain / "corpus.jsonl").write_text('{"_id": "d", "text": "Owls hunt at night."}\n')
    (plain / "queries.jsonl").write_text('{"_id": "q", "text": "When do owls hunt?"}\n')
    (plain / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq\td\t1\n")
    words[2:4] = [str(plain), str(tmp_path / "new")]
    assert "no tuning" in str(CliRunner().invoke(cli, words).exception)
