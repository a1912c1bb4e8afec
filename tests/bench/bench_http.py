"""How many searches a second `ragkit serve` answers, and how soon: concurrent clients on kept connections.

python tests/bench/bench_http.py [--data FOLDER --collection NAME] [--clients 16] [--seconds 10] [--remember 0]

Without --data, sample_docs/ is ingested into a temporary folder first. The clients are one process of raw sockets, so
that they take little of the cores they share with the server. They ask the same few questions over and over, so the
server is told to remember none, unless --remember says how many. Prints JSON: requests a second, milliseconds as the
clients see them, and the processor time that the server spent on each (which a busy machine changes least).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
QUESTIONS = (
    "How long is the refund window?",
    "What does the Team plan cost per month?",
    "Who approves travel expenses over 500 euros?",
    "Which error code means that the battery is empty?",
    "When should we fine-tune instead of retrieving?",
    "How many days of holiday are there in a year?",
    "What changed in the last release?",
    "Is the warranty longer for business customers?",
)


def ragkit(*arguments: str) -> list[str]:
    """Return the command line of `ragkit …`; `python_path` says from which checkout."""
    return [sys.executable, "-m", "ragkit.cli", *arguments]


def python_path(root: Path) -> str:
    """Return the PYTHONPATH of a checkout."""
    return os.pathsep.join(str(root / part) for part in (".", "service", "ingest"))


def start(data: Path, *, workers: int, remember: int = 0, root: Path = ROOT) -> tuple[subprocess.Popen[str], str]:
    """Start the service of a checkout on a free port and wait until it is ready."""
    command = ragkit("serve", "--data", str(data.absolute()), "--port", "0", "--workers", str(workers), "--json")
    told = {"PYTHONPATH": python_path(root), "RAGKIT_API_KEY": "", "RAGKIT_REMEMBER": str(remember)}
    server = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=root, env={**os.environ, **told}
    )
    assert server.stdout is not None
    url = json.loads(server.stdout.readline())["url"]
    for _ in range(600):
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=5) as response:
                if json.load(response)["ready"]:
                    return server, url
        except OSError:
            pass
        time.sleep(0.2)
    server.terminate()
    raise SystemExit("the service was not ready after two minutes")


async def ask(host: str, port: int, path: str, questions: list[str], until: float) -> list[float]:
    """Send one search after the other on one connection; return the seconds that each took."""
    reader, writer = await asyncio.open_connection(host, port)
    took: list[float] = []
    turn = 0
    while (begun := time.perf_counter()) < until:
        body = json.dumps({"query": questions[turn % len(questions)], "k": 5}).encode()
        turn += 1
        head = f"POST {path} HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: application/json\r\n"
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in answer.lower().splitlines() if line.startswith(b"content-length:"))
        content = await reader.readexactly(int(length.split(b":")[1]))
        if not answer.startswith(b"HTTP/1.1 200"):
            raise SystemExit(f"the service answered {answer[:40]!r}: {content[:300]!r}")
        took.append(time.perf_counter() - begun)
    writer.close()
    return took


async def clients(url: str, collection: str, *, count: int, seconds: float, questions: list[str]) -> list[float]:
    """Let many clients ask at once, each beginning at another question."""
    host, port = url.removeprefix("http://").split(":")
    path = f"/v1/collections/{collection}/search"
    until = time.perf_counter() + seconds
    spread = (questions[turn % len(questions) :] + questions[: turn % len(questions)] for turn in range(count))
    parts = await asyncio.gather(*(ask(host, int(port), path, list(own), until) for own in spread))
    return [value for part in parts for value in part]


def cpu_seconds(process: int) -> float:
    """Return the processor time of a process and its children, those that have ended included."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    ticks = sum(int(value) for value in fields[11:15])
    children = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii").split()
    return ticks / os.sysconf("SC_CLK_TCK") + sum(cpu_seconds(int(child)) for child in children)


def summary(took: list[float], seconds: float) -> dict[str, float]:
    """Return requests a second and percentiles in milliseconds."""
    cuts = statistics.quantiles(took, n=100)
    return {
        "requests": len(took),
        "per_second": round(len(took) / seconds, 1),
        "p50_ms": round(cuts[49] * 1000, 2),
        "p90_ms": round(cuts[89] * 1000, 2),
        "p99_ms": round(cuts[98] * 1000, 2),
        "max_ms": round(max(took) * 1000, 2),
    }


def ingest_samples(data: Path, *, collection: str = "default") -> Path:
    """Ingest sample_docs/ of this checkout into a data folder, and return that."""
    command = ragkit("ingest", str(ROOT / "sample_docs"), "--data", str(data), "--collection", collection)
    environ = {**os.environ, "PYTHONPATH": python_path(ROOT)}
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environ)
    return data


def measure(options: argparse.Namespace, data: Path) -> dict[str, Any]:
    """Serve, warm up, measure, stop."""
    questions = list(QUESTIONS)
    if options.questions:
        questions = [line for line in options.questions.read_text(encoding="utf-8").splitlines() if line.strip()]
    server, url = start(data, workers=options.workers, remember=options.remember)
    try:
        asked = {"count": options.clients, "questions": questions}
        asyncio.run(clients(url, options.collection, seconds=2.0, **asked))
        spent = -cpu_seconds(server.pid)
        took = asyncio.run(clients(url, options.collection, seconds=options.seconds, **asked))
        spent += cpu_seconds(server.pid)
        with urllib.request.urlopen(f"{url}/v1/collections/{options.collection}", timeout=30) as response:
            chunks = json.load(response)["chunks"]
    finally:
        server.terminate()
        server.wait(30)
    told: dict[str, float] = {
        "cores": len(os.sched_getaffinity(0)),
        "clients": options.clients,
        "workers": options.workers,
        "remember": options.remember,
    }
    told["cpu_ms_a_request"] = round(spent / len(took) * 1000, 2)
    return {"benchmark": "http_search", **told, "chunks": chunks, **summary(took, options.seconds)}


def main() -> None:
    """Read the options, make data where none is given, print the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--collection", default="default")
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--remember", type=int, default=0, help="questions whose vectors the server keeps")
    parser.add_argument("--questions", type=Path, help="a file with a question a line")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = options.data or ingest_samples(Path(folder) / "data", collection=options.collection)
        print(json.dumps(measure(options, data)))


if __name__ == "__main__":
    main()
