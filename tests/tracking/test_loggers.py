"""MLflow and Weights & Biases: a run arrives there with parameters, metrics and files; skipped where missing."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from ragkit import ConfigError
from ragkit.tracking.catalog import read_run
from ragkit.tracking.loggers.base import parameters
from ragkit.tracking.loggers.loading import load_logger
from ragkit.tracking.recorder import Plan, RunRecorder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    data = tmp_path / "q.jsonl"
    data.write_text("{}\n")
    plan = Plan(
        kind="eval answers",
        files={"questions": data},
        settings={"retrieval": {"k": 5}, "long": "x" * 900},
        prompts={"judge v1": "Grade."},
        models=("openai:m",),
    )
    with RunRecorder(tmp_path / "runs", plan) as recorder:
        recorder.output({"text": "yes"})
        recorder.finish({"rag@openai:m/token_f1": 0.25, "rag/facts": 1.0})
    return recorder.folder


def test_parameters_are_flat(folder: Path) -> None:
    found = parameters(read_run(folder))
    assert found["setting.retrieval.k"] == "5"
    assert found["models"] == "openai:m"
    assert len(found["input.questions"]) == len(found["prompt.judge v1"]) == 64


@pytest.mark.parametrize("name", ["", "mlflow:", "wandb:", "neptune:x", "mlflow"])
def test_an_unknown_logger_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="mlflow:http"):
        load_logger(name, folder=tmp_path)


@pytest.mark.filterwarnings("ignore")
def test_wandb_keeps_a_run_offline(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wandb")
    for name in ("WANDB_CONFIG_DIR", "WANDB_CACHE_DIR", "WANDB_DATA_DIR", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.setenv("WANDB_SILENT", "true")
    place = load_logger("wandb:ladder", folder=tmp_path / "w", offline=True).log(read_run(folder), folder)
    assert place.startswith("ladder/")
    (log,) = (tmp_path / "w").rglob("*.wandb")
    for _ in range(100):  # its own process writes the file, a moment after the run has ended
        if read_run(folder).id.encode() in log.read_bytes():
            break
        time.sleep(0.2)
    assert read_run(folder).id.encode() in log.read_bytes()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    pytest.importorskip("mlflow.server", reason="the MLflow server is not installed (pip install mlflow)")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    command = [
        sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
        "--backend-store-uri", f"sqlite:///{tmp_path}/mlflow.db",
        "--artifacts-destination", str(tmp_path / "artifacts"),
    ]  # fmt: skip
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    with (tmp_path / "server.log").open("wb") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, cwd=tmp_path, env=environment, start_new_session=True
        )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(240):
            try:
                with urllib.request.urlopen(f"{url}/health", timeout=2):
                    break
            except (urllib.error.URLError, OSError):
                assert process.poll() is None, (tmp_path / "server.log").read_text()
                time.sleep(0.5)
        yield url
    finally:
        os.killpg(process.pid, 15)
        process.wait(30)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_an_mlflow_server_has_the_run_with_its_files(
    server: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow.tracking import MlflowClient

    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    logged = [load_logger(f"mlflow:{server}", folder=tmp_path).log(read_run(folder), folder) for _ in range(2)]
    assert logged[0] != logged[1]
    client = MlflowClient(tracking_uri=server)
    run = client.get_run(logged[0].partition("/")[2])
    assert run.info.status == "FINISHED"
    assert run.data.metrics["rag/facts"] == 1.0
    assert run.data.metrics["rag_openai:m/token_f1"] == 0.25
    assert run.data.params["setting.retrieval.k"] == "5"
    assert run.data.tags["ragkit.run"] == folder.name
    path = client.download_artifacts(run.info.run_id, "run.json", str(tmp_path))
    assert json.loads(Path(path).read_text())["id"] == folder.name


@pytest.mark.filterwarnings("ignore")
def test_a_server_that_is_not_there_is_a_clear_error(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    with pytest.raises(ConfigError, match=r"127\.0\.0\.1"):
        load_logger("mlflow:http://127.0.0.1:9", folder=tmp_path).log(read_run(folder), folder)
