"""Log a run to an MLflow server, through its client (`mlflow-skinny` suffices)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from ragkit.errors import ConfigError, MissingPackageError
from ragkit.text.cleaning import show
from ragkit.tracking.loggers.base import parameters
from ragkit.tracking.types import Run

EXPERIMENT: Final = "ragkit"
_NAME = re.compile(r"[^\w\-. /:]")
_LONGEST_VALUE: Final = 500


class MLflowLogger:
    """An experiment of an MLflow tracking server. uri: the server's address, or a database such as sqlite:///runs.db."""

    def __init__(self, uri: str, *, experiment: str = EXPERIMENT) -> None:
        """Connect to nothing yet. Raises MissingPackageError without the client."""
        try:
            from mlflow.tracking import MlflowClient
        except ImportError as error:
            raise MissingPackageError(
                "mlflow-skinny", purpose="logging to MLflow", install="'ragkit[mlflow]'"
            ) from error
        self._client = MlflowClient(tracking_uri=uri)
        self._host = urlsplit(uri).hostname or uri
        self._experiment = experiment

    def log(self, run: Run, folder: Path) -> str:
        """Log a run with its files as artifacts; return its id there. Raises ConfigError when the server refuses."""
        from mlflow.exceptions import MlflowException

        try:
            return self._log(run, folder)
        except (MlflowException, OSError) as error:
            reason = show(str(error), 300)
            raise ConfigError(
                f"MLflow at {self._host} did not take run {run.id}: {reason}", cure="check the address"
            ) from error

    def _log(self, run: Run, folder: Path) -> str:
        client = self._client
        found = client.get_experiment_by_name(self._experiment)
        experiment = found.experiment_id if found else client.create_experiment(self._experiment)
        made = client.create_run(experiment, run_name=run.id, tags={"ragkit.run": run.id, "ragkit.kind": run.kind})
        number = str(made.info.run_id)
        for name, value in parameters(run).items():
            client.log_param(number, _NAME.sub("_", name), value[:_LONGEST_VALUE])
        for name, metric in run.metrics.items():
            client.log_metric(number, _NAME.sub("_", name), metric)
        client.log_artifacts(number, str(folder))
        client.set_terminated(number, status="FINISHED" if run.status == "finished" else "FAILED")
        return f"{self._experiment}/{number}"
