"""Measure the ingest of SEC filings against a plain script, in one run, one after the other, on the same cores.

    python -m tests.bench.bench_ingest [--filings 10] [--pages N] [--data FOLDER] [--model FOLDER]

ragkit is the command `ragkit ingest` in a process of its own, with its worker processes, from nothing to a collection
that can be searched (a compiled model in the user's cache is used: `ragkit models compile` makes it once). The baseline
is plain_script.py. --pages cuts the PDF files for a quick run. Then the top 10 of ragkit's vectors are compared with
those of torch in fp32 over the same chunks and questions. --model is ragkit's, such as a static one; the baseline's is
always the packaged one. Peaks of memory are of whole process trees, by polling.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench.bench_query import RAGKIT, ROOT, SHARED, questions

PDFS = SHARED / "data" / "financebench" / "pdfs"


def shortened(pdfs: Sequence[Path], pages: int, folder: Path) -> list[Path]:
    """Write the first pages of PDF files into a folder."""
    import pypdf

    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for path in pdfs:
        writer = pypdf.PdfWriter()
        writer.append(pypdf.PdfReader(path), pages=(0, min(pages, len(pypdf.PdfReader(path).pages))))
        made.append(folder / path.name)
        writer.write(made[-1])
    return made


def run(command: Sequence[str]) -> tuple[dict[str, Any], dict[str, float]]:
    """Run a command that prints JSON; return that, and wall and CPU seconds and the peak MiB of its process tree."""
    started, before = time.perf_counter(), os.times()
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    peak = [0.0]

    def watch() -> None:
        while process.poll() is None:
            peak[0] = max(peak[0], tree_memory(process.pid))
            time.sleep(0.1)

    watcher = threading.Thread(target=watch)
    watcher.start()
    output = process.communicate()[0]
    wall = time.perf_counter() - started
    watcher.join()
    if process.returncode:
        raise SystemExit(f"{' '.join(command[:4])} failed: {output[-400:]}")
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return json.loads(output), {"wall_s": round(wall, 2), "cpu_s": round(cpu, 2), "peak_mib": round(peak[0])}


def tree_memory(pid: int) -> float:
    """Return MiB of a process and its children: proportional set size, so that shared pages count once."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
        tasks = Path(f"/proc/{pid}/task").glob("*/children")  # a thread has the children that it has started
        children = [child for task in tasks for child in task.read_text(encoding="ascii").split()]
    except OSError:
        return 0.0
    own = next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0) / 1024
    return own + sum(tree_memory(int(child)) for child in children)


def overlap(data: Path, *, limit: int) -> dict[str, Any]:
    """Compare the top 10 of the stored vectors with torch fp32, over up to `limit` chunks."""
    import ragkit
    from ragkit.store.sqlite.catalog import collection_folder
    from ragkit.store.sqlite.store import Store

    with Store(collection_folder(data, "default")) as store, store.read() as reader:
        ids = reader.chunks.all_chunk_ids()
        ids = ids[:: max(1, len(ids) // limit)][:limit]
        rows = reader.chunks.rows(ids)
        stored = reader.chunks.vectors(ids)
    torch = ragkit.load_embedder(ragkit.ModelSettings(device="cpu", offline=True, runtime="torch"))
    used = ragkit.load_embedder(ragkit.ModelSettings(offline=True))
    exact = torch.embed_documents([rows[int(item)].chunk.embedded for item in ids])
    asked = questions() + [row.text[:100] for row in list(rows.values())[:: max(1, len(rows) // 200)]]
    top_exact = np.argsort(-(torch.embed_queries(asked) @ exact.T), axis=1, kind="stable")[:, :10]
    top_used = np.argsort(-(used.embed_queries(asked) @ stored.T), axis=1, kind="stable")[:, :10]
    shared = [
        len(set(left) & set(right)) / 10 for left, right in zip(top_exact.tolist(), top_used.tolist(), strict=True)
    ]
    cosines = np.einsum("ij,ij->i", exact, stored)
    return {
        "chunks": len(ids),
        "questions": len(asked),
        "runtime": used.fingerprint.runtime,
        "top10_overlap": round(float(np.mean(shared)), 4),
        "least_cosine": round(float(cosines.min()), 5),
        "mean_cosine": round(float(cosines.mean()), 6),
    }


def measure(*, filings: int, pages: int | None, data: Path, overlap_of: int = 2_000, model: str = "") -> dict[str, Any]:
    """Ingest both ways; data: a folder that is not there yet. model: ragkit's own, "" for the packaged one."""
    from ragkit.embedding.model_files import find_model
    from ragkit.settings import ModelSettings

    pdfs = sorted(PDFS.glob("*.pdf"))[:filings]
    if not pdfs:
        raise SystemExit(f"there are no filings in {PDFS}")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        if pages:
            pdfs = shortened(pdfs, pages, place / "pdfs")
        command = [*RAGKIT, "ingest", *map(str, pdfs), "--data", str(data), "--json"]
        command += ["--model", model] if model else []
        told, ours = run(command)
        packaged = find_model(ModelSettings(offline=True)).path
        script = [sys.executable, "-m", "tests.bench.plain_script", *map(str, pdfs), "--model", str(packaged)]
        plain, theirs = run([*script, "--out", folder, *(["--pages", str(pages)] if pages else [])])
    report: dict[str, Any] = {
        "filings": len(pdfs),
        "pages": plain["pages"],
        "pages_limit": pages,
        "ragkit": {**ours, **told},
        "plain": {**theirs, **plain, "wall_s": plain["total_s"]},  # without the questions that it asks afterwards
        "ratio": round(plain["total_s"] / ours["wall_s"], 2),
        "ratio_cpu": round(plain["cpu_s"] / ours["cpu_s"], 2),
    }
    if overlap_of:
        report["overlap"] = overlap(data, limit=overlap_of)
    return report


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--filings", type=int, default=10)
    parser.add_argument("--pages", type=int, help="only the first pages of each")
    parser.add_argument("--data", type=Path, help="keep the collection here")
    parser.add_argument("--overlap", type=int, default=2_000, help="chunks whose top 10 is compared; 0: none")
    parser.add_argument("--model", default="", help="ragkit's model, instead of the packaged one; no top 10 then")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = options.data or Path(folder) / "data"
        overlap_of = 0 if options.model else options.overlap
        found = measure(
            filings=options.filings, pages=options.pages, data=data, overlap_of=overlap_of, model=options.model
        )
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
