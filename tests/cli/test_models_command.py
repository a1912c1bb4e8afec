"""`ragkit models`: one line for people, JSON for programs, and errors with the cure."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest

from ragkit.cli.app import run
from ragkit.embedding.loading import load_embedder
from ragkit.embedding.model_files import BUNDLED_SHA256
from ragkit.embedding.openvino import compiled_cache
from ragkit.settings import ModelSettings


@pytest.fixture(scope="module", autouse=True)
def compiled() -> None:
    """The default model is compiled in the user's cache."""
    load_embedder(ModelSettings(device="cpu", offline=True))


def test_path_and_its_errors(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "path"]) == 0
    folder = Path(capsys.readouterr().out.strip())
    assert (folder / "model.safetensors").exists()
    assert run(["models", "path", "--json", str(folder)]) == 0
    assert json.loads(capsys.readouterr().out) == {"model": str(folder), "origin": "folder", "folder": str(folder)}
    assert run(["models", "path", "/no/such/folder"]) == 2
    assert capsys.readouterr().err == "ragkit: model folder '/no/such/folder' does not exist; check the path\n"


def test_compile_says_what_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "compile", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["compiled"] is False
    assert report["runtime"].startswith("openvino-")
    assert report["least_cosine"] >= 0.9995
    assert run(["models", "compile"]) == 0
    assert "was compiled already: openvino-" in capsys.readouterr().out


def test_compile_fails_where_nothing_is_kept(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = tempfile.TemporaryDirectory(dir=tmp_path)
    made = compiled_cache.Compiled(Path(owner.name), {}, fresh=True, owner=owner)
    monkeypatch.setattr(compiled_cache, "ensure_compiled", lambda *_, **__: made)
    monkeypatch.setenv("RAGKIT_CACHE", str(tmp_path))
    assert run(["models", "compile"]) == 1
    problem = f"all-MiniLM-L6-v2 was compiled and could not be kept: {tmp_path} cannot be written"
    cure = "free space, or set RAGKIT_CACHE to a folder that can be written"
    assert capsys.readouterr() == ("", f"ragkit: {problem}; {cure}\n")


def test_verify(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "verify", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["weights_sha256"] == BUNDLED_SHA256
    assert report["problems"] == []
    assert run(["models", "verify"]) == 0
    assert f"weights sha256 {BUNDLED_SHA256}" in capsys.readouterr().out


def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "list", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert "all-MiniLM-L6-v2" in {item["model"] for item in report["compiled"]}
    assert run(["models", "list"]) == 0
    assert "model: all-MiniLM-L6-v2 (default: all-MiniLM-L6-v2)" in capsys.readouterr().out


def test_a_damaged_and_an_outdated_model_are_listed_verified_and_cleaned(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAGKIT_CACHE", str(tmp_path))
    assert run(["models", "list"]) == 0
    assert f"No model is compiled in {tmp_path}; the first use compiles one." in capsys.readouterr().out
    assert run(["models", "clean"]) == 0
    assert capsys.readouterr().out == "Nothing to remove.\n"
    outdated, damaged = tmp_path / "models" / "a", tmp_path / "models" / "b"
    for folder in (outdated, damaged):
        folder.mkdir(parents=True)
        (folder / "model.bin").write_bytes(b"12345")
    (outdated / "manifest.json").write_text('{"model": "old", "openvino": "2020.1", "format": 1}')
    (damaged / "manifest.json").write_text("{")
    assert run(["models", "list", "--json"]) == 0
    assert [item["model"] for item in json.loads(capsys.readouterr().out)["compiled"]] == ["old", "(unreadable)"]
    assert run(["models", "clean", "--json"]) == 0
    assert [item["folder"] for item in json.loads(capsys.readouterr().out)["removed"]] == [str(outdated), str(damaged)]
    assert list((tmp_path / "models").iterdir()) == []


def test_verify_says_what_is_wrong(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(["models", "compile", "--json"]) == 0
    folder = Path(json.loads(capsys.readouterr().out)["folder"])
    copy = tmp_path / "models" / folder.name
    copy.mkdir(parents=True)
    for path in folder.iterdir():
        (copy / path.name).symlink_to(path)
    (copy / "tokenizer.json").unlink()
    (copy / "tokenizer.json").write_bytes((folder / "tokenizer.json").read_bytes() + b" ")
    monkeypatch.setenv("RAGKIT_CACHE", str(tmp_path))
    assert run(["models", "verify"]) == 1
    assert f"wrong: {copy}: tokenizer.json has another hash" in capsys.readouterr().out
