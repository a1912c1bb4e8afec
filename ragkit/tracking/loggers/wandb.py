"""Log a run to Weights & Biases; with WANDB_MODE=offline into a folder that `wandb sync` sends later."""

from __future__ import annotations

from pathlib import Path

from ragkit.errors import ConfigError, MissingPackageError
from ragkit.text.cleaning import show
from ragkit.tracking.loggers.base import parameters
from ragkit.tracking.types import Run


class WandbLogger:
    """A project of Weights & Biases. folder: where its own files go. offline: send nothing, whatever WANDB_MODE is."""

    def __init__(self, project: str, *, folder: Path, offline: bool = False) -> None:
        """Connect to nothing yet. Raises MissingPackageError without the package."""
        try:
            import wandb
        except ImportError as error:
            raise MissingPackageError(
                "wandb", purpose="logging to Weights & Biases", install="'ragkit[wandb]'"
            ) from error
        self._wandb = wandb
        self._project = project
        self._folder = folder
        self._offline = offline

    def log(self, run: Run, folder: Path) -> str:
        """Log a run with its files as an artifact; return its path there. Raises ConfigError when it is refused."""
        self._folder.mkdir(parents=True, exist_ok=True)
        try:
            with self._wandb.init(
                project=self._project,
                name=run.id,
                job_type=run.kind,
                config=parameters(run),
                dir=str(self._folder),
                mode="offline" if self._offline else None,
            ) as logged:
                logged.summary.update(dict(run.metrics))
                artifact = self._wandb.Artifact(run.id, type="ragkit-run")
                artifact.add_dir(str(folder))
                logged.log_artifact(artifact)
                return f"{self._project}/{logged.id}"
        except self._wandb.Error as error:
            reason = show(str(error), 300)
            raise ConfigError(
                f"Weights & Biases did not take run {run.id}: {reason}", cure="log in, or set WANDB_MODE=offline"
            ) from error
