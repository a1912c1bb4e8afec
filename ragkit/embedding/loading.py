"""Loads the embedder that a setting names: compiled, on torch, a static table, or one of an installed package."""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path

from ragkit.embedding.base import Embedder, UnitEmbedder
from ragkit.embedding.model_files import cache_root, find_model, weights_sha256
from ragkit.embedding.module_chain import begins_with_table
from ragkit.errors import ConfigError, MissingPackageError, ModelError
from ragkit.extensions import EMBEDDERS, extension_names, make_extension
from ragkit.numeric.vectors import check_vectors, compatible
from ragkit.settings import ModelSettings

__all__ = ["Embedder", "UnitEmbedder", "check_vectors", "compatible", "load_embedder"]

_log = logging.getLogger("ragkit")
_CPU = frozenset({"auto", "cpu"})
_PREFIX = re.compile(r"[A-Za-z][\w.-]+")  # at least two letters: C:\model is a path
_NEEDS = ("fingerprint", "max_tokens", "embed_documents", "embed_queries", "count_tokens", "token_offsets")


def load_embedder(settings: ModelSettings) -> Embedder:
    """Load the embedder that settings name: a model of sentence-transformers, or "PREFIX:NAME".

    PREFIX is an entry point of the group `ragkit.embedders`. runtime "auto": compiled on a CPU, torch on a GPU. A model
    that cannot be compiled runs on torch, with one warning. A static model is a table, whatever the runtime and device.
    Raises ModelError, MissingPackageError, ConfigError (a broken or unknown entry point, or the compiled model or int8
    on another device than a CPU).
    """
    made = _extension(settings)
    if made is not None:
        return made
    if settings.runtime == "openvino" and settings.device not in _CPU:
        raise ConfigError(
            f"the runtime is openvino, which runs on CPUs, and the device is {settings.device!r}",
            cure="set the device to auto or cpu, or the runtime to auto or torch",
        )
    model = find_model(settings)
    weights = weights_sha256(model, stamps=cache_root(settings) / "hashes")
    if model.static:
        from ragkit.embedding.static.loading import load_static

        return load_static(model, weights_sha256=weights)
    on_torch = _wants_torch(settings) or begins_with_table(model.chain)
    if settings.precision == "int8" and on_torch:
        raise ConfigError(
            "the precision is int8, which only the compiled model has, and the model would run on torch",
            cure="set the precision to auto, or the runtime to openvino and the device to cpu",
        )
    if not on_torch:
        from ragkit.embedding.openvino.compiled_cache import load_compiled

        try:
            return load_compiled(model, settings, weights_sha256=weights)
        except (ModelError, ImportError, MissingPackageError) as error:
            if settings.precision == "int8":
                raise  # torch would give other vectors than those that were asked for
            _log.warning("model %s runs on torch, several times slower: %s", model.name, error)
    from ragkit.embedding.torch_runtime import load_torch

    return load_torch(model, settings, weights_sha256=weights)


def _extension(settings: ModelSettings) -> Embedder | None:
    """Return the embedder of an installed package where the name is PREFIX:NAME and not a path."""
    prefix, colon, name = settings.resolved.partition(":")
    if not colon or not _PREFIX.fullmatch(prefix) or os.path.exists(settings.resolved):
        return None
    made: Embedder | None = make_extension(EMBEDDERS, prefix, name, settings, needs=_NEEDS)
    if made is None:
        known = ", ".join(f"{known}:NAME" for known in extension_names(EMBEDDERS)) or "none"
        raise ConfigError(
            f"the embedding model {settings.resolved!r} is not known: no package has an embedder {prefix!r}",
            cure=f"install the package that has it (installed: {known}), or give the name or folder of a model",
        )
    return made


def _wants_torch(settings: ModelSettings) -> bool:
    """Return whether to use torch: by setting, or for a GPU; torch is imported only where a driver is present."""
    if settings.runtime == "torch" or settings.device not in _CPU:
        return True
    if settings.runtime == "openvino" or settings.device == "cpu" or not Path("/dev/nvidiactl").exists():
        return False
    from ragkit.embedding.torch_runtime import pick_device

    return pick_device("auto") != "cpu"
