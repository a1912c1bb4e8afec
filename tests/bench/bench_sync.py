"""Measure what changes cost: 10,000 unchanged files again, and one changed file until a running server finds it.

    python -m tests.bench.bench_sync [--files 10000] [--data COLLECTION_DATA]

The 10,000 small text files get made-up vectors at first (that is not what is measured); then `ragkit ingest` runs over
them as a process of its own. For the other figure, a server is warm, and a client asks it all the time while this
process, which has the model in memory, adds a changed document: from the call to the answer that shows the new text.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

import ragkit
from ragkit.testing import HashEmbedder
from ragkit.types.collection import Fingerprint
from tests.bench import bench_http
from tests.bench.bench_query import RAGKIT, ROOT


class MadeUp(HashEmbedder):
    """Made-up vectors under the real model's name, so that the usual command opens the collection."""

    def __init__(self, real: Fingerprint) -> None:
        super().__init__(real.dimension)
        self._real = real

    @property
    def fingerprint(self) -> Fingerprint:
        """The real model's."""
        return self._real


def unchanged(files: int, place: Path) -> dict[str, Any]:
    """Ingest many files, then time the command that finds them unchanged."""
    from ragkit_ingest import ingest_folder

    folder, data = place / "files", place / "data"
    for number in range(files):
        path = folder / f"{number % 100:02}" / f"note{number:05}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"Note {number}. The code of shelf {number} is X{number * 7919 % 100_003}.\n", encoding="utf-8")
    embedder = MadeUp(ragkit.load_embedder(ragkit.ModelSettings(offline=True)).fingerprint)
    started = time.perf_counter()
    with ragkit.open(data, embedder=embedder) as kb:
        ingest_folder(kb, folder)
    first = time.perf_counter() - started
    taken = []
    for _ in range(3):
        started = time.perf_counter()
        done = subprocess.run(
            [*RAGKIT, "ingest", str(folder), "--data", str(data), "--json"],
            cwd=ROOT,
            check=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        taken.append(time.perf_counter() - started)
    told = json.loads(done.stdout)
    assert told["documents"]["unchanged"] == files, told["documents"]
    return {"files": files, "first_s": round(first, 2), "again_s": round(min(taken), 3), "each_s": taken}


def found_after_change(data: Path, *, repeats: int = 5) -> dict[str, Any]:
    """Change one document of a served collection several times; return the seconds until the server shows each."""
    server, url = bench_http.start(data, workers=1)
    kb = ragkit.open(data, create=False)
    source, wholes, commits = "bench/changed.txt", [], []
    try:
        kb.add(_changed(source, 0))
        _ask(url, 0)
        for turn in range(1, repeats + 1):
            seen: list[float] = []
            started = time.perf_counter()
            watcher = threading.Thread(target=_watch, args=(url, turn, seen))
            watcher.start()
            kb.add(_changed(source, turn))
            commits.append(time.perf_counter() - started)
            watcher.join(60)
            wholes.append(seen[0] - started)
    finally:
        server.terminate()
        server.wait(30)
        kb.remove(source)
        chunks = kb.status()["chunks"]
        kb.close()
    return {
        "chunks": chunks,
        "until_found_s": [round(value, 3) for value in wholes],
        "add_s": [round(value, 3) for value in commits],
        "worst_s": round(max(wholes), 3),
    }


def _changed(source: str, turn: int) -> ragkit.Document:
    text = f"The zyglofrant of revision {turn} holds {turn} kilograms of qworpium.\n"
    return ragkit.Document.from_text(source, text)


def _watch(url: str, turn: int, seen: list[float]) -> None:
    until = time.perf_counter() + 30
    while time.perf_counter() < until:
        if f"revision {turn} " in _ask(url, turn):
            seen.append(time.perf_counter())
            return


def _ask(url: str, turn: int) -> str:
    body = json.dumps({"query": f"zyglofrant revision {turn} qworpium", "k": 3}).encode()
    request = urllib.request.Request(
        f"{url}/v1/collections/default/search", data=body, headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        text: str = response.read().decode()
    return text


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--data", type=Path, help="a collection that the other figure is measured in")
    options = parser.parse_args()
    report: dict[str, Any] = {}
    if options.files:
        with tempfile.TemporaryDirectory() as folder:
            report["unchanged"] = unchanged(options.files, Path(folder))
    if options.data:
        report["changed"] = found_after_change(options.data)
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    sys.path[:0] = [str(ROOT / part) for part in ("service", "ingest")]
    main()
