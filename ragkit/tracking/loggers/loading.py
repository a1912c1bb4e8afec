"""Loads the run logger that a name states: "mlflow:ADDRESS" or "wandb:PROJECT"."""

from __future__ import annotations

from pathlib import Path

from ragkit.errors import ConfigError
from ragkit.tracking.loggers.base import RunLogger


def load_logger(name: str, *, folder: Path, offline: bool = False) -> RunLogger:
    """Return a logger. folder: where a logger keeps files of its own. offline: nothing may be sent off this machine.

    Raises ConfigError for an unknown name, MissingPackageError when its package is not installed.
    """
    kind, _, rest = name.partition(":")
    if kind == "mlflow" and rest:
        from ragkit.tracking.loggers.mlflow import MLflowLogger

        return MLflowLogger(rest)
    if kind == "wandb" and rest:
        from ragkit.tracking.loggers.wandb import WandbLogger

        return WandbLogger(rest, folder=folder, offline=offline)
    raise ConfigError(f"{name!r} is no logger of runs", cure="write mlflow:http://HOST:PORT or wandb:PROJECT")
