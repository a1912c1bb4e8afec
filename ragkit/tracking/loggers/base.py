"""The seam of run loggers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from ragkit.tracking.catalog import flat
from ragkit.tracking.types import Run


class RunLogger(Protocol):
    """Logs a finished run somewhere else."""

    def log(self, run: Run, folder: Path) -> str:
        """Log parameters, metrics and the files of a run; return where it is. Raises ConfigError when it is refused."""


def parameters(run: Run) -> dict[str, str]:
    """Return the inputs of a run as flat parameters: settings, models, digests of inputs and prompts, versions."""
    found: Mapping[str, Any] = {
        "kind": run.kind,
        "models": ", ".join(run.models),
        **{f"input.{item.name}": item.digest for item in run.inputs},
        **{f"prompt.{item.name}": item.digest for item in run.prompts},
        **{f"version.{name}": value for name, value in run.versions.items()},
        **{f"setting.{name}": value for name, value in flat(run.settings).items()},
    }
    return {name: str(value) for name, value in found.items()}
