"""A sentence-transformers model of a few kilobytes, written without torch: random weights, real file formats."""

from __future__ import annotations

import json
import string
from pathlib import Path
from typing import Any

import numpy as np

WIDTH = 32
VOCABULARY = 200
MAX_TOKENS = 48


def write_tiny_model(folder: Path, *, prompts: dict[str, str] | None = None, seed: int = 0) -> Path:
    """Write a two-layer BERT with mean pooling, a Dense layer to 24 numbers and no final normalisation."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "hidden_size": WIDTH,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 64,
        "vocab_size": VOCABULARY,
        "max_position_embeddings": 64,
        "type_vocab_size": 2,
        "hidden_act": "gelu",
        "pad_token_id": 0,
    }
    _json(folder / "config.json", config)
    _json(folder / "sentence_bert_config.json", {"max_seq_length": MAX_TOKENS, "do_lower_case": False})
    _json(folder / "tokenizer_config.json", {"tokenizer_class": "BertTokenizer", "do_lower_case": True})
    _json(folder / "config_sentence_transformers.json", {"prompts": prompts or {}, "default_prompt_name": None})
    module = "sentence_transformers.models."
    parts = [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Dense", "Dense")]
    _json(
        folder / "modules.json",
        [{"idx": i, "name": str(i), "path": path, "type": module + kind} for i, (path, kind) in enumerate(parts)],
    )
    (folder / "1_Pooling").mkdir(exist_ok=True)
    (folder / "2_Dense").mkdir(exist_ok=True)
    _json(folder / "1_Pooling" / "config.json", {"word_embedding_dimension": WIDTH, "pooling_mode_mean_tokens": True})
    dense = {
        "in_features": WIDTH,
        "out_features": 24,
        "bias": True,
        "activation_function": "torch.nn.modules.activation.Tanh",
    }
    _json(folder / "2_Dense" / "config.json", dense)
    _write_tokenizer(folder)
    _write_weights(folder, np.random.default_rng(seed))
    return folder


def _write_tokenizer(folder: Path) -> None:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    letters = string.ascii_lowercase + string.digits + ".,?!-:äöü"
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{letter}" for letter in letters)]
    words += ["the", "refund", "window", "is", "days", "query", "passage", "thirty"]
    vocabulary = {word: index for index, word in enumerate(words)}
    assert len(vocabulary) <= VOCABULARY
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(strip_accents=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.enable_truncation(16)  # as the bundled model's file does: counting must not obey it
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "vocab.txt").write_text("\n".join(words), encoding="utf-8")


def _write_weights(folder: Path, random: np.random.Generator) -> None:
    from safetensors.numpy import save_file

    def values(*shape: int) -> Any:
        return (random.standard_normal(shape) * 0.3).astype(np.float32)

    weights = {
        "embeddings.word_embeddings.weight": values(VOCABULARY, WIDTH),
        "embeddings.position_embeddings.weight": values(64, WIDTH),
        "embeddings.token_type_embeddings.weight": values(2, WIDTH),
    }
    norms = ["embeddings.LayerNorm"]
    for layer in range(2):
        stem = f"encoder.layer.{layer}"
        linear = {f"attention.self.{name}": (WIDTH, WIDTH) for name in ("query", "key", "value")}
        linear |= {
            "attention.output.dense": (WIDTH, WIDTH),
            "intermediate.dense": (64, WIDTH),
            "output.dense": (WIDTH, 64),
        }
        for name, shape in linear.items():
            weights[f"{stem}.{name}.weight"] = values(*shape)
            weights[f"{stem}.{name}.bias"] = values(shape[0])
        norms += [f"{stem}.attention.output.LayerNorm", f"{stem}.output.LayerNorm"]
    for name in norms:
        weights[f"{name}.weight"] = np.ones(WIDTH, dtype=np.float32)
        weights[f"{name}.bias"] = np.zeros(WIDTH, dtype=np.float32)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    dense = {"linear.weight": values(24, WIDTH), "linear.bias": values(24)}
    save_file(dense, folder / "2_Dense" / "model.safetensors", metadata={"format": "pt"})


def _json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value), encoding="utf-8")
