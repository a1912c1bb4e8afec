"""The cache of compiled models: made once, whole or not at all, verified by hash, and never needed to work."""

from __future__ import annotations

import gc
import importlib.util
import io
import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ragkit.embedding.loading import load_embedder
from ragkit.embedding.model_files import find_model, weights_sha256
from ragkit.embedding.openvino import compiled_cache, conversion
from ragkit.embedding.openvino.compiled_cache import (
    compiled_folder,
    ensure_compiled,
    list_compiled,
    load_compiled,
    verify_compiled,
)
from ragkit.embedding.openvino.runtime import processor
from ragkit.errors import ModelError
from ragkit.settings import ModelSettings
from tests.support.tiny_model import MAX_TOKENS, write_tiny_model

PROMPTS = {"query": "query: ", "passage": "passage: "}
TEXTS = ["the refund window is thirty days", "", "the window " * 11]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> ModelSettings:
    """Settings of a tiny model that is compiled in a cache of its own."""
    folder = tmp_path_factory.mktemp("compiled")
    settings = ModelSettings(
        name=str(write_tiny_model(folder / "tiny", prompts=PROMPTS)),
        cache_dir=str(folder / "cache"),
        device="cpu",
        offline=True,
        threads=2,
    )
    model = find_model(settings)
    assert ensure_compiled(model, settings, weights_sha256=weights_sha256(model)).fresh
    return settings


def folder_of(settings: ModelSettings) -> Path:
    ((folder, _),) = list_compiled(settings)
    return folder


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Conversions run here and not in a child: importing torch takes seven seconds of processor, each time."""

    def run(command: Sequence[str], **options: Any) -> subprocess.CompletedProcess[bytes]:
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdin", io.StringIO(options["input"].decode()))
            patch.setattr(sys, "stdout", io.StringIO())
            code = conversion.main(command[-4:])
            said = sys.stdout.getvalue()
        logging.disable(logging.NOTSET)
        return subprocess.CompletedProcess(command, code, said.encode(), b"")

    stand_in = SimpleNamespace(run=run, TimeoutExpired=subprocess.TimeoutExpired)
    monkeypatch.setattr(compiled_cache, "subprocess", stand_in)


def in_a_process(settings: ModelSettings) -> subprocess.Popen[str]:
    """Load and use the model elsewhere; prints its runtime, its log lines and its rows as JSON."""
    code = (
        "import json, logging\n"
        "from ragkit.settings import ModelSettings\n"
        "from ragkit.embedding.loading import load_embedder\n"
        "lines = []\n"
        "handler = logging.Handler(); handler.emit = lambda record: lines.append(record.getMessage())\n"
        "logging.getLogger('ragkit').addHandler(handler)\n"
        f"model = load_embedder({settings!r})\n"
        f"print(json.dumps([model.fingerprint.runtime, lines, model.embed_documents({TEXTS!r}).tolist()]))\n"
    )
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def result(process: subprocess.Popen[str]) -> tuple[str, list[str], np.ndarray]:
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    runtime, lines, rows = json.loads(out.splitlines()[-1])
    return runtime, lines, np.array(rows)


def test_the_manifest_says_what_was_made_and_how_well_it_agrees(made: ModelSettings) -> None:
    ((folder, manifest),) = list_compiled(made)
    assert (manifest["dimension"], manifest["max_tokens"]) == (24, MAX_TOKENS)
    assert (manifest["query_prompt"], manifest["document_prompt"]) == ("query: ", "passage: ")
    assert manifest["units"] is False, "a Dense layer after the pooling: a mean of states is no vector"
    assert len(manifest["cosines"]) >= 10
    assert min(manifest["cosines"]) >= 0.9995
    assert sorted(path.name for path in folder.iterdir()) == sorted([*manifest["files"], "manifest.json"])


def test_a_later_load_compiles_nothing_and_counts_with_prompts(
    made: ModelSettings, caplog: pytest.LogCaptureFixture
) -> None:
    embedder = load_embedder(made)
    assert caplog.messages == []
    assert embedder.max_tokens == MAX_TOKENS
    assert embedder.count_tokens(["", "refund"]) == [4, 5]
    assert embedder.fingerprint.query_prompt == "query: "
    documents, queries = embedder.embed_documents(TEXTS), embedder.embed_queries(TEXTS)
    assert documents.shape == (3, 24)
    assert not np.allclose(documents, queries, atol=0.01), "the prompts differ, so the vectors do"


def test_a_query_of_many_windows(made: ModelSettings) -> None:
    row = load_embedder(made).embed_queries(["the refund window is thirty days, " * 100])[0]
    assert abs(np.linalg.norm(row) - 1) < 1e-5


def flip_byte(folder: Path) -> str:
    path = folder / "model.bin"
    data = bytearray(path.read_bytes())
    data[1000] ^= 1
    path.write_bytes(data)
    return "model.bin has another hash"


def lose_file(folder: Path) -> str:
    (folder / "model.blob").unlink()
    return "model.blob is missing"


def edit_manifest(folder: Path) -> str:
    path = folder / "manifest.json"
    path.write_text(path.read_text().replace(f'"max_tokens": {MAX_TOKENS}', '"max_tokens": 4800'))
    return "its manifest was changed"


def cut_manifest(folder: Path) -> str:
    path = folder / "manifest.json"
    path.write_bytes(path.read_bytes()[:100])
    return "its manifest is not JSON"


@pytest.mark.parametrize("spoil", [lose_file, edit_manifest, cut_manifest, flip_byte])
def test_damage_is_seen(made: ModelSettings, tmp_path: Path, spoil: Callable[[Path], str]) -> None:
    folder = folder_of(made)
    copy = tmp_path / "models" / folder.name
    copy.mkdir(parents=True)
    for path in folder.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    settings = ModelSettings(name=made.name, cache_dir=str(tmp_path), offline=True)
    model = find_model(settings)
    weights = weights_sha256(model)
    assert verify_compiled(model, settings, weights_sha256=weights) == []
    problem = spoil(copy)
    assert compiled_folder(model, settings, weights_sha256=weights) is None
    (found,) = verify_compiled(model, settings, weights_sha256=weights)
    assert problem in found


def test_a_damaged_model_is_made_again_once_by_two_processes_at_once(made: ModelSettings, tmp_path: Path) -> None:
    folder = folder_of(made)
    expected = load_embedder(made).embed_documents(TEXTS)
    flip_byte(folder)
    left_by_a_killed_one, of_another_now = folder.parent / ".x.tmp-old", folder.parent / ".x.tmp-new"
    for path in (left_by_a_killed_one, of_another_now):
        path.mkdir()
    os.utime(left_by_a_killed_one, (1, 1))
    results = [result(process) for process in [in_a_process(made), in_a_process(made)]]
    said = [line for _, lines, _ in results for line in lines]
    assert sum("is damaged (model.bin has another hash): compiling it again" in line for line in said) in {1, 2}
    assert sum(line.startswith("compiling ") for line in said) == 1
    for runtime, _, rows in results:
        assert runtime.startswith("openvino-")
        assert ((rows * expected).sum(axis=1) > 0.9995).all()
    assert {path.name for path in folder.parent.iterdir()} == {
        folder.name,
        f".{folder.name}.lock",
        of_another_now.name,
    }


@pytest.mark.usefixtures("in_process")
@pytest.mark.filterwarnings("ignore:Implicitly cleaning up:ResourceWarning")
def test_a_cache_that_cannot_be_written_still_works(
    made: ModelSettings, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    blocked = tmp_path / "file"
    blocked.write_bytes(b"")
    settings = ModelSettings(name=made.name, cache_dir=str(blocked / "cache"), device="cpu", offline=True)
    embedder = load_embedder(settings)
    assert embedder.fingerprint.runtime.startswith("openvino-")
    (line,) = caplog.messages
    assert "cannot be written (Not a directory): compiling into a temporary folder for this process only" in line
    rows = embedder.embed_documents(TEXTS)
    assert ((rows * load_embedder(made).embed_documents(TEXTS)).sum(axis=1) > 0.9995).all()
    (folder,) = (tmp_path / "temporary").glob("ragkit-model-*")
    del embedder
    gc.collect()
    assert not folder.exists()


def test_a_full_disk_falls_back_to_torch_with_one_line(
    made: ModelSettings, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = ModelSettings(name=made.name, cache_dir=str(tmp_path), device="cpu", offline=True)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(total=1, used=1, free=0))
    embedder = load_embedder(settings)
    assert embedder.fingerprint.runtime == "torch-fp32"
    (line,) = caplog.messages
    assert "cannot be compiled" in line
    assert "MiB are needed and 0 MiB are free" in line
    assert "set RAGKIT_CACHE" in line
    rows = embedder.embed_documents(TEXTS)
    assert ((rows * load_embedder(made).embed_documents(TEXTS)).sum(axis=1) > 0.9995).all()


@pytest.mark.usefixtures("in_process")
def test_vectors_that_differ_from_torch_are_refused(
    made: ModelSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversion, "FLOORS", {"fp32": conversion.Floor(1.1, 1.1)})
    settings = ModelSettings(name=made.name, cache_dir=str(tmp_path), device="cpu", precision="fp32", offline=True)
    model = find_model(settings)
    with pytest.raises(ModelError, match=r"compiled in fp32 differs from torch: cosine .*; set the runtime to torch"):
        ensure_compiled(model, settings, weights_sha256=weights_sha256(model))
    assert list_compiled(settings) == []


@pytest.mark.usefixtures("in_process")
def test_a_model_that_torch_cannot_load_is_one_line(tmp_path: Path) -> None:
    folder = write_tiny_model(tmp_path / "tiny")
    (folder / "config.json").write_text('{"model_type": "unheard-of"}')
    settings = ModelSettings(name=str(folder), cache_dir=str(tmp_path / "cache"), device="cpu", offline=True)
    model = find_model(settings)
    with pytest.raises(ModelError, match=r"cannot be loaded from .*; check that the folder is complete") as caught:
        load_compiled(model, settings, weights_sha256=weights_sha256(model))
    assert "\n" not in str(caught.value)
    assert list_compiled(settings) == []


@pytest.mark.usefixtures("in_process")
def test_without_torch_a_cpu_with_no_form_of_its_own_runs_the_fp32_form(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = ModelSettings(
        name=str(write_tiny_model(tmp_path / "tiny", prompts=PROMPTS)),
        cache_dir=str(tmp_path / "cache"),
        device="cpu",
        offline=True,
    )
    model = find_model(settings)
    weights = weights_sha256(model)
    portable = ensure_compiled(model, replace(settings, precision="fp32"), weights_sha256=weights)
    assert portable.fresh
    assert portable.manifest["precision"] == "fp32"
    monkeypatch.setattr(compiled_cache, "processor", lambda core: (processor(core)[0], "bf16"))
    assert compiled_folder(model, settings, weights_sha256=weights) is None
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "torch" else find(name))
    found = ensure_compiled(model, settings, weights_sha256=weights)
    assert (found.folder, found.fresh) == (portable.folder, False)
    assert load_embedder(settings).fingerprint.runtime == "openvino-fp32"
