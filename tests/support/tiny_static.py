"""A static model of a few kilobytes, written as sentence-transformers and model2vec write theirs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

WORDS = ("[PAD]", "[UNK]", "ferry", "tide", "harbour", "salt", "##s", "##ing", "a", "b", ".", ",", "ask", ":")
WIDTH = 8


def table(seed: int = 0) -> NDArray[np.float32]:
    """Return random rows (tokens, d), those of "[PAD]" and "a" all zero."""
    rows = np.random.default_rng(seed).standard_normal((len(WORDS), WIDTH)).astype(np.float32)
    rows[[0, 8]] = 0
    return rows


def write_static(
    folder: Path,
    tensors: dict[str, NDArray[Any]] | None = None,
    *,
    after: tuple[str, ...] = (),
    prompts: dict[str, str] | None = None,
    place: str = "",
) -> Path:
    """Write a folder that begins with a StaticEmbedding, its files in the subfolder `place`.

    tensors: those of model.safetensors, the table as "embedding.weight" by default. after: kinds of modules after it.
    """
    from safetensors.numpy import save_file
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    inside = folder / place
    inside.mkdir(parents=True, exist_ok=True)
    tokenizer = Tokenizer(models.WordPiece({word: at for at, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(single="a $A b", special_tokens=[("a", 8), ("b", 9)])
    tokenizer.save(str(inside / "tokenizer.json"))
    save_file(tensors or {"embedding.weight": table()}, inside / "model.safetensors")
    stem = "sentence_transformers.sentence_transformer.modules"
    parts = [{"idx": 0, "name": "0", "path": place, "type": f"{stem}.static_embedding.StaticEmbedding"}]
    for at, kind in enumerate(after, 1):
        (folder / f"{at}_{kind}").mkdir()
        parts.append(
            {"idx": at, "name": str(at), "path": f"{at}_{kind}", "type": f"sentence_transformers.models.{kind}"}
        )
    (folder / "modules.json").write_text(json.dumps(parts), encoding="utf-8")
    config = {"prompts": prompts or {}, "default_prompt_name": None}
    (folder / "config_sentence_transformers.json").write_text(json.dumps(config), encoding="utf-8")
    return folder
