"""Embedders whose model runs elsewhere, such as in a cluster; installed packages provide them."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

from ragkit.embedding.base import Embedder
from ragkit.errors import ConfigError
from ragkit.extensions import EXECUTORS, extension_names, make_extension
from ragkit.settings import ModelSettings
from ragkit.text.cleaning import show


def remote_embedder(executor: str, settings: ModelSettings) -> AbstractContextManager[Embedder | None]:
    """Return a context manager of the embedder of an executor, "NAME" or "NAME:ADDRESS"; of None for "local".

    NAME is an entry point of the group `ragkit.executors`. Raises ConfigError for an unknown or broken one; entering it
    raises what starting the executor raises.
    """
    if executor in ("", "local"):
        return nullcontext()
    name, _, address = executor.partition(":")
    made: AbstractContextManager[Embedder] | None = make_extension(
        EXECUTORS, name, address, settings, needs=("__enter__", "__exit__")
    )
    if made is None:
        known = ", ".join(["local", *extension_names(EXECUTORS)])
        raise ConfigError(f"the executor {show(executor, 80)!r} is not known", cure=f"it is one of {known}")
    return made
