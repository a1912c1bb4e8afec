"""The seam of embedders; tests/embedding/test_contract.py holds for every implementation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ragkit.types.collection import Fingerprint


class Embedder(Protocol):
    """Turns texts into unit vectors and counts tokens as the model does. Every method is thread-safe."""

    @property
    def fingerprint(self) -> Fingerprint:
        """The identity of the vectors: only those of equal fingerprints may be compared."""

    @property
    def max_tokens(self) -> int:
        """The model's limit for one text, special tokens and prompt included."""

    def embed_documents(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one unit row per text, shape (n, d), in the order of the texts.

        Nothing is truncated: a text above `max_tokens` is an EmbeddingError that names its index.
        """

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one unit row per query, shape (n, d), in the order of the queries.

        A query above `max_tokens` is cut into windows whose unit vectors are averaged, weighted by their tokens.
        """

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return the size of each text as a document: prompt and special tokens included, never truncated."""

    def token_offsets(self, text: str) -> list[tuple[int, int]]:
        """Return the half-open code-point span of each word piece of the text, special tokens left out."""


@runtime_checkable
class ParallelEmbedder(Protocol):
    """An embedder that has several models at work, such as the workers of a cluster.

    Optional: a writer gives it as many times more texts at once, so that none of them waits for work.
    """

    @property
    def lanes(self) -> int:
        """How many models embed at the same time, at least 1."""


@runtime_checkable
class UnitEmbedder(Protocol):
    """An embedder that also returns the vectors of parts of a text, from the same pass over the text.

    Optional: without it, or where `supports_units` is False, retrieval matches by chunk alone.
    """

    @property
    def supports_units(self) -> bool:
        """Whether `embed_units` works for this model."""

    def embed_units(
        self, texts: Sequence[str], spans: Sequence[Sequence[tuple[int, int]]]
    ) -> tuple[NDArray[np.float32], list[NDArray[np.float32]]]:
        """Return the rows of `embed_documents`, and for each text one unit row per code-point span, (m, d)."""
