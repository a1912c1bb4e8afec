"""The service under load: 64 clients with uploads and an ingest running, then honest clients beside idle and slow ones.

    python -m tests.bench.bench_service_load [--seconds 60] [--clients 64] [--part load|crowd] [--switch-ms 5]

The server, the clients, the ingest and this prober of /healthz are four processes; each one's processor time is
printed, because they share the cores. Goals: no error, event-loop lag under 20 ms and /healthz under 50 ms at the 99th
percentile, no stall over 100 ms; honest clients are slowed by 2 times at most.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench.bench_http import ROOT, cpu_seconds, ingest_samples, python_path, ragkit
from tests.bench.bench_stalls import write_text

_INGESTED_MIB = 8
_IDLE, _SLOW = 1_000, 200
_RUDE = "127.0.0.2"


@dataclass(slots=True)
class Server:
    """A running server; lags: what its event loop measured, there when it has ended."""

    process: subprocess.Popen[str]
    url: str
    lags: dict[str, float] = field(default_factory=dict)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        host, port = self.url.removeprefix("http://").split(":")
        return host, int(port)


@contextmanager
def serving(data: Path, *, switch_ms: float = 0.0) -> Iterator[Server]:
    """Run the measuring server over a data folder until the block ends. switch_ms: see load_server."""
    command = [sys.executable, "-m", "tests.bench.load_server", str(data), str(switch_ms)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=_environ())
    assert process.stdout is not None
    server = Server(process, json.loads(process.stdout.readline())["url"])
    try:
        while _status(server.address, "/readyz") != 200:
            time.sleep(0.2)
        yield server
    finally:
        process.terminate()
        told = process.stdout.read()
        process.wait(60)
    server.lags = json.loads(told)


def _environ() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": python_path(ROOT), "RAGKIT_API_KEY": ""}


def _status(address: tuple[str, int], path: str) -> int:
    connection = http.client.HTTPConnection(*address, timeout=30)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()


def run_clients(url: str, *arguments: str) -> subprocess.Popen[str]:
    """Start the process of the clients."""
    command = [sys.executable, "-m", "tests.bench.load_clients", url, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=_environ())


def probe(address: tuple[str, int], clients: subprocess.Popen[str]) -> list[float]:
    """Ask /healthz twenty times a second, on new connections, while the clients run; return seconds."""
    took: list[float] = []
    while clients.poll() is None:
        begun = time.perf_counter()
        status = _status(address, "/healthz")
        took.append(time.perf_counter() - begun if status == 200 else 60.0)
        time.sleep(0.05)
    return took


def load(options: argparse.Namespace, data: Path) -> dict[str, Any]:
    """Measure the server under clients, uploads and an ingest into another collection."""
    folder = data.parent / "made"
    folder.mkdir()
    write_text(folder / "large.txt", _INGESTED_MIB << 20)
    command = ragkit("ingest", str(folder), "--data", str(data), "--collection", "large")
    with serving(data, switch_ms=options.switch_ms) as server:
        run_clients(server.url, "--seconds", "3", "--clients", "16").communicate()
        ingest = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=_environ())
        server.process.send_signal(signal.SIGUSR1)
        started, spent = time.monotonic(), cpu_seconds(server.process.pid)
        counts = ("--clients", str(options.clients), "--uploaders", str(options.uploaders))
        clients = run_clients(server.url, "--seconds", str(options.seconds), *counts)
        health = probe(server.address, clients)
        seconds = time.monotonic() - started
        spent = cpu_seconds(server.process.pid) - spent
        ingest_running, ingest_cpu = ingest.poll() is None, cpu_seconds(ingest.pid)
        ingest.terminate()
        ingest.wait(60)
        assert clients.stdout is not None
        seen = json.loads(clients.stdout.read())
    p50, p99 = np.percentile(health, (50, 99)) * 1000
    probed = {"healthz_p50_ms": round(p50, 1), "healthz_p99_ms": round(p99, 1), "healthz": len(health)}
    shares = {
        "seconds": round(seconds, 1),
        "server_cpu_s": round(spent, 1),
        "clients_cpu_s": seen.pop("cpu_s"),
        "ingest_cpu_s": round(ingest_cpu, 1),
        "ingest_ran_all_the_time": ingest_running,
        "prober_cpu_s": round(time.process_time(), 1),
        "cores": len(os.sched_getaffinity(0)),
        "load": round(os.getloadavg()[0], 1),
    }
    return {"part": "load", **server.lags, **probed, **seen, **shares}


def trickle(sockets: list[socket.socket], stop: threading.Event) -> None:
    """Send one byte of a header a second on each socket; one that the server closed is opened no more."""
    while not stop.wait(1.0):
        for line in sockets:
            try:
                line.send(b"X")
            except OSError:
                continue


def crowd(options: argparse.Namespace, data: Path) -> dict[str, Any]:
    """Measure honest clients alone, and beside idle and slow connections of their own and of another address."""
    found: dict[str, Any] = {"part": "crowd", "idle": _IDLE, "slow": _SLOW}
    arguments = ("--seconds", str(options.crowd_seconds), "--clients", "16")
    with serving(data) as server:
        run_clients(server.url, "--seconds", "3", "--clients", "16").communicate()
        found["alone"] = _asked(server, *arguments)
        for name, address in (("beside_another_peer", _RUDE), ("beside_the_same_peer", "127.0.0.1")):
            with _crowded(server, address):
                found[name] = _asked(server, *arguments)
        found["alone_again"] = _asked(server, *arguments)
    return found


def _asked(server: Server, *arguments: str) -> dict[str, Any]:
    spent = cpu_seconds(server.process.pid)
    seen: dict[str, Any] = json.loads(run_clients(server.url, *arguments).communicate()[0])
    spent = cpu_seconds(server.process.pid) - spent
    seen["server_cpu_ms_a_request"] = round(spent * 1000 / max(1, seen["search"]["requests"]), 2)
    return seen


@contextmanager
def _crowded(server: Server, address: str) -> Iterator[None]:
    """Hold idle and slow connections from an address while the block runs."""
    stop = threading.Event()
    with ExitStack() as stack:
        made = [
            stack.enter_context(socket.create_connection(server.address, timeout=30, source_address=(address, 0)))
            for _ in range(_IDLE + _SLOW)
        ]
        slow = made[_IDLE:]
        for line in slow:
            line.send(b"GET /v1/collections HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
        thread = threading.Thread(target=trickle, args=(slow, stop))
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


def main() -> None:
    """Make a collection, measure the parts, print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--crowd-seconds", type=float, default=10.0)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--uploaders", type=int, default=2)
    parser.add_argument("--switch-ms", type=float, default=0.0, help="in place of the service's own")
    parser.add_argument("--part", choices=("load", "crowd"), action="append")
    options = parser.parse_args()
    for part in options.part or ("load", "crowd"):
        with tempfile.TemporaryDirectory() as folder:
            data = ingest_samples(Path(folder) / "data")
            print(json.dumps((load if part == "load" else crowd)(options, data)), flush=True)


if __name__ == "__main__":
    main()
