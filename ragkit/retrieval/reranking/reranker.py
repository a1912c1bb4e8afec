"""Reranking with a cross-encoder: the slowest step, and off unless a model is named."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ragkit.cross_encoder import load_cross_encoder
from ragkit.errors import ModelError
from ragkit.settings import ModelSettings


class Reranker(Protocol):
    """Scores how well each text answers a question. Thread-safe."""

    def score(self, question: str, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return one score in 0..1 per text, shape (n,)."""
        ...


class CrossEncoderReranker:
    """A sentence-transformers CrossEncoder with one output; its logit goes through a sigmoid."""

    def __init__(self, name: str, *, models: ModelSettings) -> None:
        self._model = load_cross_encoder(
            name, models=models, purpose="reranking", cure="name a folder that holds it, or allow the download"
        )
        if self._model.num_labels != 1:
            raise ModelError(
                f"the cross-encoder {name!r} has {self._model.num_labels} outputs", cure="name one with one"
            )

    def score(self, question: str, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return the sigmoid of each pair's logit."""
        import torch

        if not texts:
            return np.zeros(0)
        logits = self._model.predict(
            [(question, text) for text in texts], activation_fn=torch.nn.Sigmoid(), show_progress_bar=False
        )
        return np.clip(np.asarray(logits, dtype=np.float64).reshape(-1), 0.0, 1.0)


def load_reranker(name: str, *, models: ModelSettings) -> Reranker:
    """Load the cross-encoder of that name or folder. Raises ModelError, MissingPackageError."""
    return CrossEncoderReranker(name, models=models)
