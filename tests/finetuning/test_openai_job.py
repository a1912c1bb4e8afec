"""`ragkit finetune openai` against a server on loopback that speaks the API: dry run, start, follow, failure."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ragkit import ChatError, ChatTimeoutError, InputError
from ragkit.cli.app import cli
from ragkit.finetuning.openai_job import OpenAIJobs
from tests.support.packages import needs

pytestmark = needs("openai")
KEY = "sk-canary-5cd1tuning"


class Service(ThreadingHTTPServer):
    """Keeps uploads and jobs; a job passes through its states, one a look. refuse: what every call is answered with."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.uploads: list[bytes] = []
        self.jobs: list[dict[str, Any]] = []
        self.states = ["validating_files", "running", "succeeded"]
        self.looks = 0
        self.refuse = ""
        self.keys: set[str] = set()

    def job(self) -> dict[str, Any]:
        """Return the job as the API tells it."""
        status = self.states[min(self.looks, len(self.states) - 1)]
        tuned = "ft:m:me::1" if status == "succeeded" else None
        error = {"code": "x", "message": "the file is of another tongue", "param": None} if status == "failed" else None
        return {
            "id": "ftjob-1", "object": "fine_tuning.job", "created_at": 1, "model": "m", "organization_id": "o",
            "result_files": [], "seed": 3, "status": status, "training_file": "file-1", "validation_file": "file-2",
            "hyperparameters": {"n_epochs": 2}, "fine_tuned_model": tuned, "error": error, "finished_at": None,
            "trained_tokens": None,
        }  # fmt: skip


class _Handler(BaseHTTPRequestHandler):
    server: Service

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.keys.add(str(self.headers["Authorization"]))
        if self.server.refuse:
            self._send(400, {"error": {"message": f"{self.server.refuse} {KEY}", "type": "invalid_request_error"}})
        elif self.path == "/v1/files":
            self.server.uploads.append(body)
            number = len(self.server.uploads)
            self._send(
                200,
                {
                    "id": f"file-{number}",
                    "object": "file",
                    "bytes": 1,
                    "created_at": 1,
                    "filename": "f",
                    "purpose": "fine-tune",
                    "status": "processed",
                },
            )
        else:
            self.server.jobs.append(json.loads(body))
            self._send(200, self.server.job())

    def do_GET(self) -> None:
        if self.path.split("?")[0].endswith("/events"):
            events = [
                {
                    "id": f"e{n}",
                    "object": "fine_tuning.job.event",
                    "created_at": n,
                    "level": "info",
                    "message": f"step {n}",
                }
                for n in range(self.server.looks, 0, -1)
            ]
            self._send(200, {"object": "list", "data": events, "has_more": False})
            return
        self._send(200, self.server.job())
        self.server.looks += 1

    def _send(self, status: int, shape: dict[str, Any]) -> None:
        body = json.dumps(shape).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def serving() -> Iterator[Service]:
    with Service() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    with serving() as server:
        monkeypatch.setenv("RAGKIT_CHAT_BASE_URL", f"http://127.0.0.1:{server.server_port}/v1")
        monkeypatch.setenv("RAGKIT_CHAT_API_KEY", KEY)
        yield server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = [{"input": f"Which tide number {n} of {n * 31} comes?", "output": f"The {n}th."} for n in range(50)]
    path = tmp_path / "e.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    result = CliRunner().invoke(cli, ["export", "finetune", str(path), str(tmp_path / "data")])
    assert result.exit_code == 0, result.output
    return tmp_path / "data"


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, ["finetune", "openai", *words, "--every", "0.01"])


def test_without_start_nothing_is_sent(service: Service, folder: Path) -> None:
    result = run(str(folder), "--model", "m", "--json")
    shape = json.loads(result.stdout)
    assert shape["sent"] is False
    assert shape["examples"] == 40
    shown = run(str(folder), "--model", "m").output
    assert "nothing was sent" in shown
    assert re.search(r"epochs +the service decides\ncost +not known", shown)
    assert not service.uploads
    assert not service.jobs


def test_a_plan_costs_what_its_own_epochs_cost(tmp_path: Path) -> None:
    rows = [{"input": f"Which tide number {n} of {n * 31} comes?", "output": f"The {n}th."} for n in range(50)]
    path = tmp_path / "e.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    words = ["export", "finetune", str(path), str(tmp_path / "data"), "--price-of", "openai:gpt-4.1", "--epochs", "2"]
    exported = CliRunner().invoke(cli, [*words, "--json"])
    cost = json.loads(exported.stdout)["cost"]
    assert json.loads(run(str(tmp_path / "data"), "--model", "m", "--json").stdout)["cost"] == pytest.approx(cost)
    planned = run(str(tmp_path / "data"), "--model", "m", "--epochs", "6", "--json")
    assert json.loads(planned.stdout)["cost"] == pytest.approx(3 * cost)
    assert "USD for 6 epochs of openai:gpt-4.1\n" in run(str(tmp_path / "data"), "--model", "m", "--epochs", "6").output


def test_start_uploads_two_files_and_follows_the_job_to_its_end(service: Service, folder: Path) -> None:
    result = run(str(folder), "--model", "m", "--start", "--epochs", "2", "--seed", "3", "--suffix", "me", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout) == {"id": "ftjob-1", "status": "succeeded", "model": "ft:m:me::1", "error": ""}
    assert len(service.uploads) == 2
    assert (folder / "train.jsonl").read_bytes() in service.uploads[0]
    tested = [json.loads(line)["messages"][1]["content"] for line in (folder / "test.jsonl").read_text().splitlines()]
    assert not any(text.encode() in upload for text in tested for upload in service.uploads)
    (job,) = service.jobs
    assert (job["training_file"], job["validation_file"], job["seed"], job["suffix"]) == ("file-1", "file-2", 3, "me")
    assert job["method"]["supervised"]["hyperparameters"] == {"n_epochs": 2}
    steps = [line for line in result.stderr.splitlines() if line.startswith("step")]
    assert steps == ["step 1", "step 2", "step 3"]
    assert service.keys == {f"Bearer {KEY}"}


def test_a_failed_job_is_an_error_with_the_reason(service: Service) -> None:
    service.states = ["running", "failed"]
    result = run("--follow", "ftjob-1")
    assert isinstance(result.exception, ChatError)
    assert "another tongue" in str(result.exception)


def test_a_refusal_does_not_tell_the_key(service: Service, folder: Path) -> None:
    service.refuse = "no such model for"
    result = run(str(folder), "--model", "m", "--start")
    assert isinstance(result.exception, ChatError)
    assert "no such model" in str(result.exception)
    assert KEY not in str(result.exception)


def test_following_ends_at_its_limit(service: Service) -> None:
    service.states = ["running"]
    jobs = OpenAIJobs(base_url=f"http://127.0.0.1:{service.server_port}/v1")
    with pytest.raises(ChatTimeoutError, match="--follow ftjob-1"):
        jobs.follow("ftjob-1", report=print, every=0.01, seconds=0.05)


def test_changed_or_foreign_data_is_refused_before_anything_is_sent(
    service: Service, folder: Path, tmp_path: Path
) -> None:
    with (folder / "train.jsonl").open("a") as file:
        file.write("{}\n")
    assert "changed after the export" in str(run(str(folder), "--model", "m", "--start").exception)
    assert isinstance(run(str(tmp_path), "--model", "m", "--start").exception, InputError)
    assert isinstance(run(str(folder)).exception, InputError)
    assert not service.uploads


def test_offline_forbids_to_send(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGKIT_OFFLINE", "1")
    monkeypatch.delenv("RAGKIT_CHAT_BASE_URL", raising=False)
    assert "RAGKIT_OFFLINE" in str(run(str(folder), "--model", "m", "--start").exception)
