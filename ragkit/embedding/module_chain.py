"""The modules of a sentence-transformers folder: read from modules.json, each with the files that it cannot lack."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ragkit.errors import ModelError

TOKENIZERS: Final = (
    "tokenizer.json",
    "vocab.txt",
    "vocab.json",
    "tokenizer.model",
    "sentencepiece.bpe.model",
    "spiece.model",
)
PICKLED: Final = ("*.bin", "*.pt", "*.pth", "*.ckpt")
WEIGHTS: Final = "model.safetensors"
_CONFIGURED = frozenset({"CNN", "Dense", "Dropout", "LSTM", "LayerNorm", "Pooling", "WeightedLayerPooling"})
_WEIGHTED = frozenset({"CNN", "Dense", "LSTM", "LayerNorm", "StaticEmbedding", "WeightedLayerPooling"})
_UNSUPPORTED = {
    "Asym": "it embeds questions and documents with different networks",
    "BoW": "its words have no places in the text, which chunks and quotes need",
    "CLIPModel": "it embeds pictures and short captions",
    "Router": "it embeds questions and documents with different networks",
    "WordEmbeddings": "its words have no places in the text, which chunks and quotes need",
}


@dataclass(frozen=True, slots=True)
class ChainModule:
    """One module. kind: its class, such as "Transformer". folder: where its files are."""

    kind: str
    folder: Path


def read_chain(folder: Path, *, name: str) -> tuple[ChainModule, ...]:
    """Return the modules of a model's folder in their order; without a modules.json it is a Transformer alone.

    Raises ModelError for a broken file, a module with code of its own or outside the folder, and a first module whose
    tokenizer cannot say where a word stands.
    """
    path = folder / "modules.json"
    if not path.exists():
        return (ChainModule("Transformer", folder),)
    try:
        parts = [dict(part) for part in json.loads(path.read_bytes())]
    except (OSError, ValueError, TypeError) as error:
        raise ModelError(f"{path} cannot be read: {error}", cure="copy the model's folder again") from error
    chain = tuple(_module(part, folder, name) for part in parts)
    if not chain:
        raise ModelError(f"{path} names no module", cure="copy the model's folder again")
    reason = _UNSUPPORTED.get(chain[0].kind)
    if reason:
        raise ModelError(
            f"model {name!r} begins with {chain[0].kind}, which ragkit does not run: {reason}",
            cure="choose a model that begins with a Transformer or a StaticEmbedding",
        )
    return chain


def begins_with_table(chain: Sequence[ChainModule]) -> bool:
    """Return whether the first module is a table of token vectors, which needs no network."""
    return chain[0].kind == "StaticEmbedding"


def is_static(chain: Sequence[ChainModule]) -> bool:
    """Return whether a vector is the mean of the text's rows in a table, with nothing after it but a normalisation."""
    return begins_with_table(chain) and all(module.kind == "Normalize" for module in chain[1:])


def weight_files(chain: Sequence[ChainModule]) -> list[Path]:
    """Return the safetensors files of the modules, each once, sorted by folder and name."""
    return [path for folder in sorted({module.folder for module in chain}) for path in sorted(_weights(folder))]


def missing_file(chain: Sequence[ChainModule]) -> Path | None:
    """Return the first file that a module lacks, None when the folder is complete."""
    for module in chain[1:]:
        if module.kind in _CONFIGURED and not (module.folder / "config.json").exists():
            return module.folder / "config.json"
    first = chain[0]
    if begins_with_table(chain):
        if not (first.folder / "tokenizer.json").exists():
            return first.folder / "tokenizer.json"
    else:
        if not (first.folder / "config.json").exists():
            return first.folder / "config.json"
        if not any((first.folder / name).exists() for name in TOKENIZERS):
            return first.folder / "tokenizer.json"
        if not _weights(first.folder):  # a network's may be several files
            return first.folder / WEIGHTS
    own = [module.folder / WEIGHTS for module in chain if module.kind in _WEIGHTED]
    return next((path for path in own if not path.exists()), None)


def _weights(folder: Path) -> list[Path]:
    return list(folder.glob("*.safetensors"))


def _module(part: dict[str, Any], folder: Path, name: str) -> ChainModule:
    """Return the module of an entry of modules.json. Raises ModelError for foreign code and foreign folders."""
    kind, path = str(part.get("type", "")), str(part.get("path", ""))
    if not kind.startswith("sentence_transformers."):
        raise ModelError(
            f"model {name!r} needs code of its own ({part.get('type')}), which ragkit never runs",
            cure="choose a model of sentence-transformers' own modules",
        )
    if not (folder / path).resolve().is_relative_to(folder.resolve()):
        raise ModelError(f"modules.json of {name!r} leaves its folder: {path!r}", cure="do not trust it")
    return ChainModule(kind.rsplit(".", 1)[-1], folder / path)
