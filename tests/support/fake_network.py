"""A network of random rows, for tests of what is made of a network: no model is loaded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ragkit.embedding.model_embedder import ModelEmbedder
from ragkit.embedding.tokenizer import WordPieces
from tests.support.tiny_static import WORDS, write_static


class FakeNetwork:
    """A runtime whose vector is the mean of a random row a token; notes the ids that it was given."""

    label = "fake"
    dimension = 12
    has_states = False

    def __init__(self) -> None:
        self.rows = np.random.default_rng(5).standard_normal((len(WORDS), self.dimension)).astype(np.float32)
        self.given: list[list[int]] = []

    def sequences(self, ids: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        self.given += [list(tokens) for tokens in ids]
        means = np.stack([self.rows[list(tokens)].mean(axis=0) for tokens in ids])
        unit: NDArray[np.float32] = means / np.linalg.norm(means, axis=1, keepdims=True)
        return unit

    def documents(self, texts: Sequence[str], ids: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        return self.sequences(ids)

    queries = documents

    def with_states(
        self, texts: Sequence[str], ids: Sequence[Sequence[int]], use: Callable[[int, NDArray[np.float32]], None]
    ) -> NDArray[np.float32]:
        raise AssertionError("this network shows no token states")


def fake_model(network: FakeNetwork, folder: Path) -> ModelEmbedder:
    """Return an embedder over the network, with the tokenizer of the tiny static model, written to a folder."""
    pieces = WordPieces.from_file(write_static(folder) / "tokenizer.json", max_tokens=64)
    return ModelEmbedder(network, pieces, model="lighthouse/base", weights_sha256="")
