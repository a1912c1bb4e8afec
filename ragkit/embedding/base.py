"""The protocols of embedders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ragkit.types.collection import Fingerprint


class Embedder(Protocol):
    """Turns texts into unit vectors and counts as the model counts. Every method may be called from many threads."""

    @property
    def fingerprint(self) -> Fingerprint:
        """What makes the vectors comparable."""

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
class UnitEmbedder(Protocol):
    """An embedder that can also tell the vectors of parts of a text from the one pass over it.

    Optional: retrieval matches by chunk alone where an embedder is no UnitEmbedder, or `supports_units` is False.
    """

    @property
    def supports_units(self) -> bool:
        """Whether `embed_units` works for this model."""

    def embed_units(
        self, texts: Sequence[str], spans: Sequence[Sequence[tuple[int, int]]]
    ) -> tuple[NDArray[np.float32], list[NDArray[np.float32]]]:
        """Return what `embed_documents` does, and for each text one unit row (m, d) per code-point span of it."""
