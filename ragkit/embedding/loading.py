"""The embedding seam: what every embedder promises, and which one a setting names."""

from __future__ import annotations

import logging
from pathlib import Path

from ragkit.embedding.base import Embedder, UnitEmbedder
from ragkit.embedding.model_files import cache_root, find_model, weights_sha256
from ragkit.errors import ConfigError, MissingPackageError, ModelError
from ragkit.numeric.vectors import check_vectors, compatible
from ragkit.settings import ModelSettings

__all__ = ["Embedder", "UnitEmbedder", "check_vectors", "compatible", "load_embedder"]

_log = logging.getLogger("ragkit")
_CPU = frozenset({"auto", "cpu"})


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
