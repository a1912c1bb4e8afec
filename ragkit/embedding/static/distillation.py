"""Makes a static model of another model: the vector of each token alone, in fewer dimensions, weighted by rarity.

The method is model2vec's (Tulkens and van Dongen 2024, https://github.com/MinishLab/model2vec, MIT): a principal
component analysis of the vectors of all tokens, then the weights of smooth inverse frequency (Arora, Liang and Ma 2017,
"A simple but tough-to-beat baseline for sentence embeddings"). It is written here for any model that ragkit runs, so
that it needs neither torch nor transformers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ragkit.embedding.model_embedder import ModelEmbedder
from ragkit.embedding.static.vocabulary import Vocabulary
from ragkit.errors import InputError, ModelError
from ragkit.types.collection import STATIC_RUNTIME

Progress = Callable[[int, int], None]
"""A callback that gets the number of tokens that have a vector, and the number of all."""

DIMENSIONS: Final = 256
SMOOTHING: Final = 1e-4
"""A token of probability p weighs SMOOTHING / (SMOOTHING + p)."""
_BATCH = 1_024
_UNUSED = re.compile(r"\[unused\d+\]")


@dataclass(frozen=True, slots=True)
class StaticModel:
    """A table float32 (tokens, d), and its tokenizer as JSON. words: the user's words that became tokens."""

    table: NDArray[np.float32]
    tokenizer: str
    words: tuple[str, ...]


def distill(
    embedder: object, *, texts: Iterable[str] = (), dimensions: int = DIMENSIONS, progress: Progress | None = None
) -> StaticModel:
    """Return the static model of another.

    texts: the user's own; words that the tokenizer would split become tokens (see `Vocabulary.new_words`). dimensions:
    numbers in a vector. Raises ModelError for a model whose tokens cannot be embedded one by one, InputError for more
    dimensions than the model has.
    """
    source = _source(embedder)
    most = source.fingerprint.dimension
    if not 2 <= dimensions <= most:
        raise InputError(f"a static model of {dimensions} dimensions is not possible", cure=f"choose from 2 to {most}")
    vocabulary = Vocabulary(source.vocabulary())
    tokens = vocabulary.tokens
    words = vocabulary.new_words(texts)
    rows = np.zeros((vocabulary.size + len(words), most), dtype=np.float32)
    report = progress or _silent
    for start in range(0, len(tokens), _BATCH):
        ids = sorted(tokens)[start : start + _BATCH]
        rows[ids] = source.embed_tokens(ids)
        report(start + len(ids), len(tokens) + len(words))
    for start in range(0, len(words), _BATCH):
        part = words[start : start + _BATCH]
        at = vocabulary.size + start
        rows[at : at + len(part)] = source.embed_documents([word.text for word in part])
        report(len(tokens) + start + len(part), len(tokens) + len(words))
    table = projected(rows, dimensions) * _rarity(tokens, len(rows))[:, None]
    return StaticModel(table.astype(np.float32), vocabulary.extended(words), tuple(word.text for word in words))


def _source(embedder: object) -> ModelEmbedder:
    """Return the embedder if its tokens can be embedded one by one. Raises ModelError."""
    if not isinstance(embedder, ModelEmbedder):
        raise ModelError(
            f"{embedder!r} cannot be distilled: its tokens are not known",
            cure="name the folder of a sentence-transformers model",
        )
    if embedder.fingerprint.runtime == STATIC_RUNTIME:
        raise ModelError(
            f"model {embedder.fingerprint.model!r} cannot be distilled: it is a static model already",
            cure="name the model that it was made of",
        )
    return embedder


def projected(rows: NDArray[np.float32], dimensions: int) -> NDArray[np.float64]:
    """Return rows (n, d) on their first principal components, centred, (n, dimensions)."""
    centred = rows.astype(np.float64) - rows.mean(axis=0, dtype=np.float64)
    _, axes = np.linalg.eigh(centred.T @ centred)  # in the order of rising variance
    return centred @ axes[:, : -dimensions - 1 : -1]


def _rarity(tokens: Mapping[int, str], size: int) -> NDArray[np.float64]:
    """Return the weight of each id (size,) by Zipf's law: vocabularies list their tokens from frequent to rare.

    Tokens that a tokenizer keeps unused have no rank and no weight.
    """
    used = np.array([number not in tokens or not _UNUSED.fullmatch(tokens[number]) for number in range(size)])
    probabilities = 1 / (np.cumsum(used) + 1.0)
    probabilities /= probabilities[used].sum()
    weights: NDArray[np.float64] = used * SMOOTHING / (SMOOTHING + probabilities)
    return weights


def _silent(_done: int, _all: int) -> None:
    """Ignore progress."""
