"""Embedders of executors: found by entry point, started and ended by the command that uses them."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

import ragkit
from ragkit import ConfigError, Document
from ragkit.cli.app import cli
from ragkit.embedding.remote import remote_embedder
from ragkit.extensions import EXECUTORS
from ragkit.settings import ModelSettings
from ragkit.testing import HashEmbedder
from tests.support.installed import install

CODE = """
from contextlib import contextmanager
from ragkit.testing import HashEmbedder

log = []

class Lanes(HashEmbedder):
    lanes = 3

@contextmanager
def start(address, settings):
    log.append(("start", address, settings.name))
    embedder = Lanes(24, name=settings.name or "hash")
    yield embedder
    log.append(("end", embedder.documents_embedded))

def broken(address, settings):
    return 7
"""


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    """Install the executors `farm` and `broken`; return what `farm` has done."""
    points = {"farm": "more_models:start", "broken": "more_models:broken"}
    install(monkeypatch, tmp_path / "package", EXECUTORS, points=points, code=CODE)
    from importlib import import_module

    done: list[tuple[object, ...]] = import_module("more_models").log
    return done


def test_local_is_the_embedder_of_the_collection() -> None:
    for name in ("", "local"):
        with remote_embedder(name, ModelSettings()) as embedder:
            assert embedder is None


def test_an_executor_is_started_with_its_address_and_ended(log: list[tuple[object, ...]]) -> None:
    with remote_embedder("farm:[::1]:5", ModelSettings(name="hash")) as embedder:
        assert embedder is not None
        assert embedder.embed_documents(["a", "b"]).shape == (2, 24)
        assert log == [("start", "[::1]:5", "hash")]
    assert log[1:] == [("end", 2)]


def test_an_executor_that_is_unknown_or_broken_is_one_error(log: list[tuple[object, ...]]) -> None:
    with pytest.raises(ConfigError, match="the executor 'dask:x' is not known; it is one of local, broken, farm"):
        remote_embedder("dask:x", ModelSettings())
    with pytest.raises(ConfigError, match="from the package more-models, made a int without __enter__, __exit__"):
        remote_embedder("broken", ModelSettings())


def test_rebuild_embeds_where_it_is_told(tmp_path: Path, log: list[tuple[object, ...]]) -> None:
    with ragkit.open(tmp_path / "kb", embedder=HashEmbedder(24, name="former")) as kb:
        kb.add([Document.from_text(f"{number}.txt", f"Barge {number} carries gravel.") for number in range(5)])
    arguments = ["rebuild", "--data", str(tmp_path / "kb"), "--model", "newer", "--executor", "farm", "--json"]
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 0, (result.output, result.exception)
    assert log == [("start", "", "newer"), ("end", 5)]
    with ragkit.open(tmp_path / "kb", embedder=HashEmbedder(24, name="newer"), create=False) as kb:
        assert kb.status()["documents"] == 5
        assert kb.search("Barge 3")[0].source == "3.txt"
        assert kb.doctor()["ok"]
