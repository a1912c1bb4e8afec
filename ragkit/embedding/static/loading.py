"""Loads a folder that begins with a StaticEmbedding: no torch, no OpenVINO, no sentence-transformers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ragkit.embedding.model_embedder import ModelEmbedder
from ragkit.embedding.model_files import ModelFolder
from ragkit.embedding.module_chain import WEIGHTS
from ragkit.embedding.prompts import document_prompt, query_prompt
from ragkit.embedding.static.runtime import StaticRuntime
from ragkit.embedding.static.table import read_table
from ragkit.embedding.tokenizer import NO_LIMIT, WordPieces
from ragkit.errors import ModelError


def load_static(model: ModelFolder, *, weights_sha256: str) -> ModelEmbedder:
    """Load a static model. Raises ModelError, MissingPackageError.

    Its vectors are those of sentence-transformers, normalised. It takes texts of any length.
    """
    folder = model.chain[0].folder
    prompts = _prompts(model.path)
    pieces = WordPieces.from_file(
        folder / "tokenizer.json",
        max_tokens=NO_LIMIT,
        query_prompt=query_prompt(*prompts),
        document_prompt=document_prompt(*prompts),
        special_tokens=False,
    )
    table = read_table(folder / WEIGHTS)
    needed = pieces.rows()
    if needed > len(table):
        raise ModelError(
            f"the table of {model.name!r} has {len(table):,} rows, and its tokenizer needs {needed:,}",
            cure="copy the model's folder again",
        )
    return ModelEmbedder(StaticRuntime(table), pieces, model=model.name, weights_sha256=weights_sha256)


def _prompts(folder: Path) -> tuple[dict[str, str | None], str | None]:
    """Return the prompts of a model by name, and the name of the default one. Raises ModelError."""
    path = folder / "config_sentence_transformers.json"
    if not path.exists():
        return {}, None
    try:
        config: dict[str, Any] = dict(json.loads(path.read_bytes()))
        return dict(config.get("prompts") or {}), config.get("default_prompt_name")
    except (OSError, ValueError, TypeError) as error:
        raise ModelError(f"{path} cannot be read: {error}", cure="copy the model's folder again") from error
