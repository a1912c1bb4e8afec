"""The embedding seam: what every embedder promises, and which one a setting names."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ragkit.embedding.model_files import cache_root, find_model, weights_sha256
from ragkit.errors import ConfigError, MissingPackageError, ModelError
from ragkit.numeric.vectors import check_vectors, compatible
from ragkit.settings import ModelSettings
from ragkit.types.collection import Fingerprint

__all__ = ["Embedder", "UnitEmbedder", "check_vectors", "compatible", "load_embedder"]

_log = logging.getLogger("ragkit")
_CPU = frozenset({"auto", "cpu"})


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


def load_embedder(settings: ModelSettings) -> Embedder:
    """Load the embedder that settings name.

    runtime "auto": compiled on a CPU, torch on a GPU. A model that cannot be compiled runs on torch, with one warning.
    Raises ModelError, MissingPackageError, ConfigError (the compiled model is asked for on another device than a CPU).
    """
    if settings.runtime == "openvino" and settings.device not in _CPU:
        raise ConfigError(
            f"the runtime is openvino, which runs on CPUs, and the device is {settings.device!r}",
            cure="set the device to auto or cpu, or the runtime to auto or torch",
        )
    model = find_model(settings)
    weights = weights_sha256(model, stamps=cache_root(settings) / "hashes")
    if not _wants_torch(settings):
        from ragkit.embedding.openvino.compiled_cache import load_compiled

        try:
            return load_compiled(model, settings, weights_sha256=weights)
        except (ModelError, ImportError, MissingPackageError) as error:
            _log.warning("model %s runs on torch, several times slower: %s", model.name, error)
    from ragkit.embedding.torch_runtime import load_torch

    return load_torch(model, settings, weights_sha256=weights)


def _wants_torch(settings: ModelSettings) -> bool:
    """Tell whether torch is asked for, or there is a GPU for it; torch is imported only where a driver is present."""
    if settings.runtime == "torch" or settings.device not in _CPU:
        return True
    if settings.runtime == "openvino" or settings.device == "cpu" or not Path("/dev/nvidiactl").exists():
        return False
    from ragkit.embedding.torch_runtime import pick_device

    return pick_device("auto") != "cpu"
