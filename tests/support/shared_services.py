"""Several `ragkit serve` processes over one database, each with a folder of its own, as on machines of their own."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.support.tiny_static import write_static

ROOT: Final = Path(__file__).parents[2]
_START_SECONDS: Final = 60.0
_END_SECONDS: Final = 20.0


@dataclass(frozen=True, slots=True)
class RunningService:
    """A service that runs. local: its folder."""

    process: subprocess.Popen[str]
    host: str
    port: int
    local: Path

    def request(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Send a request on a connection of its own; return the status and the JSON of the response."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=_START_SECONDS)
        try:
            return send(connection, method, path, body)
        finally:
            connection.close()

    def kill(self) -> None:
        """Kill the service and its process of jobs at once, as a machine that fails."""
        children = self._children()
        os.kill(self.process.pid, signal.SIGKILL)
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        self.process.wait()

    @contextmanager
    def jobs_held(self) -> Iterator[None]:
        """Stop the service's process of jobs for a while: it takes none meanwhile."""
        children = self._children()
        assert children
        for child in children:
            os.kill(child, signal.SIGSTOP)
        try:
            yield
        finally:
            for child in children:
                os.kill(child, signal.SIGCONT)

    def _children(self) -> list[int]:
        """Return the processes that any thread of the service has started."""
        lists = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        return [int(child) for found in lists for child in found.read_text().split()]


def send(connection: http.client.HTTPConnection, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """Send a request; return the status and the JSON of the response, None for an empty one."""
    content = None if body is None else json.dumps(body)
    connection.request(method, path, body=content, headers={"Content-Type": "application/json"})
    response = connection.getresponse()
    read = response.read()
    return response.status, json.loads(read) if read else None


@contextmanager
def shared_services(address: str, folder: Path, *, count: int, **settings: str) -> Iterator[Sequence[RunningService]]:
    """Run services over a database until the block ends. settings: further environment variables."""
    model = write_static(folder / "model")
    with ExitStack() as stack:
        places = [folder / f"local-{number}" for number in range(count)]
        begun = [stack.enter_context(_begun(address, local, model, settings)) for local in places]
        yield [_ready(process, local) for process, local in zip(begun, places, strict=True)]


def environ(address: str, local: Path, model: Path, settings: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a process of one machine."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAGKIT_")}
    path = os.pathsep.join(str(ROOT / part) for part in (".", "service", "ingest"))
    own = {"RAGKIT_DATA": address, "RAGKIT_LOCAL": str(local), "RAGKIT_MODEL": str(model), "PYTHONPATH": path}
    return {**kept, **own, "RAGKIT_OFFLINE": "1", "RAGKIT_THREADS": "1", **settings}


@contextmanager
def _begun(address: str, local: Path, model: Path, settings: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    """Start a service, and stop it at the end."""
    local.mkdir(parents=True)
    with (local / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "ragkit.cli", "serve", "--port", "0", "--json"],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=environ(address, local, model, settings),
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _ready(process: subprocess.Popen[str], local: Path) -> RunningService:
    """Wait until a service can answer."""
    assert process.stdout is not None
    host, port = json.loads(process.stdout.readline())["url"].removeprefix("http://").split(":")
    service = RunningService(process, host, int(port), local)
    end = time.monotonic() + _START_SECONDS
    while service.request("GET", "/readyz")[0] != 200:
        assert time.monotonic() < end, (local / "log").read_text()
        time.sleep(0.1)
    return service
