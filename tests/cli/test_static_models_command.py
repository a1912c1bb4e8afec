"""`ragkit models distill`, and what the other commands say of a static model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ragkit.cli.app import run
from ragkit.knowledge.knowledge_base import KnowledgeBase
from ragkit.testing import HashEmbedder
from ragkit.types.documents import Document
from tests.support.fake_network import FakeNetwork, fake_model
from tests.support.tiny_static import WORDS, write_static


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a model that is loaded as a fake network."""
    folder = write_static(tmp_path / "base")
    network = fake_model(FakeNetwork(), tmp_path / "tokenizer")
    monkeypatch.setattr("ragkit.embedding.loading.load_embedder", lambda settings: network)
    return folder


def test_distill_writes_a_model_and_says_what_it_is(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    command = ["models", "distill", "--model", str(base), "--dimensions", "5"]
    assert run([*command, str(out), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["tokens"], report["words"], report["dimensions"], report["licence"]) == (len(WORDS), 0, 5, "")
    assert report["folder"] == str(out)
    assert (out / "modules.json").exists()
    assert run([*command, str(out)]) == 2
    assert f"{out} is there already; name a new folder" in capsys.readouterr().err
    assert run([*command, str(tmp_path / "again")]) == 0
    assert "14 tokens, 0 of them words of the collection" in capsys.readouterr().out


def test_distill_takes_words_of_a_collection(base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with KnowledgeBase(tmp_path / "kb", embedder=HashEmbedder(8)) as kb:
        kb.add([Document("a.txt", "The moorings. Moorings of iron."), Document("b.txt", "Old moorings")])
    command = ["models", "distill", "--model", str(base), "--dimensions", "5", "--json"]
    assert run([*command, str(tmp_path / "out"), "--data", str(tmp_path / "kb"), "--collection", "default"]) == 0
    assert json.loads(capsys.readouterr().out)["words"] == 1


def test_the_other_commands_know_a_static_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    static = write_static(tmp_path / "static")
    assert run(["models", "distill", str(tmp_path / "out"), "--model", str(static)]) == 2
    assert "cannot be distilled: it is a static model already" in capsys.readouterr().err
    assert run(["models", "compile", str(static)]) == 2
    assert "is a static model, which is not compiled; use it as it is" in capsys.readouterr().err
    assert run(["models", "verify", str(static)]) == 0
    assert "compiled: no" in capsys.readouterr().out
    (static / "model.safetensors").write_bytes(b"\xff" * 30)
    assert run(["models", "verify", str(static)]) == 1
    assert "wrong: " in capsys.readouterr().out
