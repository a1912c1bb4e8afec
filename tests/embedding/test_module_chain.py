"""Which folders of sentence-transformers are complete, and which of their modules ragkit does not run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ragkit.embedding.model_files import find_model
from ragkit.embedding.module_chain import missing_file, read_chain, weight_files
from ragkit.errors import ModelError
from ragkit.settings import ModelSettings


def write_chain(folder: Path, *parts: tuple[str, str, tuple[str, ...]]) -> Path:
    """Write modules.json and empty files. parts: kind, folder and files of each module."""
    folder.mkdir(exist_ok=True)
    chain = []
    for at, (kind, path, files) in enumerate(parts):
        (folder / path).mkdir(exist_ok=True)
        for name in files:
            (folder / path / name).touch()
        chain.append({"idx": at, "name": str(at), "path": path, "type": f"sentence_transformers.models.{kind}"})
    (folder / "modules.json").write_text(json.dumps(chain), encoding="utf-8")
    return folder


NETWORK = ("config.json", "tokenizer.json", "model.safetensors")
POOLING = ("Pooling", "1_Pooling", ("config.json",))


@pytest.mark.parametrize(
    "parts",
    [
        [("Transformer", "", NETWORK), POOLING],
        [("Transformer", "0_Transformer", NETWORK), POOLING, ("Normalize", "2_Normalize", ())],
        [("Transformer", "", NETWORK), POOLING, ("Dense", "2_Dense", ("config.json", "model.safetensors"))],
        [("BERT", "0_BERT", NETWORK), POOLING],
        [("Transformer", "", ("config.json", "vocab.txt", "model-00001-of-00002.safetensors")), POOLING],
        [("StaticEmbedding", "", ("tokenizer.json", "model.safetensors"))],
        [("StaticEmbedding", "0_StaticEmbedding", ("tokenizer.json", "model.safetensors")), ("Normalize", "1_N", ())],
    ],
)
def test_a_complete_folder(tmp_path: Path, parts: list[tuple[str, str, tuple[str, ...]]]) -> None:
    chain = read_chain(write_chain(tmp_path / "model", *parts), name="m")
    assert [module.kind for module in chain] == [kind for kind, _, _ in parts]
    assert missing_file(chain) is None
    assert len(weight_files(chain)) == sum("safetensors" in " ".join(files) for _, _, files in parts)


@pytest.mark.parametrize(
    ("parts", "missing"),
    [
        ([("Transformer", "0_Transformer", NETWORK[1:]), POOLING], "0_Transformer/config.json"),
        ([("Transformer", "", NETWORK), ("Pooling", "1_Pooling", ())], "1_Pooling/config.json"),
        ([("Transformer", "", NETWORK), ("Dense", "1_Dense", ("config.json",))], "1_Dense/model.safetensors"),
        ([("StaticEmbedding", "", ("model.safetensors",))], "tokenizer.json"),
        ([("StaticEmbedding", "0_S", ("tokenizer.json",))], "0_S/model.safetensors"),
    ],
)
def test_the_file_that_a_module_lacks(
    tmp_path: Path, parts: list[tuple[str, str, tuple[str, ...]]], missing: str
) -> None:
    folder = write_chain(tmp_path / "model", *parts)
    with pytest.raises(ModelError, match=f"lacks {missing} in "):
        find_model(ModelSettings(name=str(folder), offline=True))


def test_a_module_whose_weights_are_pickled(tmp_path: Path) -> None:
    dense = ("Dense", "2_Dense", ("config.json", "pytorch_model.bin"))
    folder = write_chain(tmp_path / "model", ("Transformer", "", NETWORK), POOLING, dense)
    with pytest.raises(ModelError, match=r"only pickled weights \(pytorch_model.bin\), which ragkit never loads"):
        find_model(ModelSettings(name=str(folder), offline=True))


@pytest.mark.parametrize("kind", ["BoW", "WordEmbeddings", "Router", "CLIPModel"])
def test_kinds_that_ragkit_does_not_run_are_named(tmp_path: Path, kind: str) -> None:
    folder = write_chain(tmp_path / "model", (kind, "", NETWORK))
    with pytest.raises(ModelError, match=f"begins with {kind}, which ragkit does not run: .*; choose a model"):
        find_model(ModelSettings(name=str(folder), offline=True))


def test_a_chain_of_no_module(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="names no module"):
        read_chain(write_chain(tmp_path / "model"), name="m")
