"""`make bench`: run every measurement, keep the figures in .bench/, and write them into docs/performance.md.

    python -m tests.bench [PART…] [--quick] [--pages N] [--report]
    python -m tests.bench million --documents N --model FOLDER [--place FOLDER] [--kill-at N]

Parts: ingest, share, queries, starts, http, sync; all of them without a name. `million` is measured by itself only.
Each is kept as .bench/PART.json with the machine, the load before it and the commit, so that one part can be measured
again. --quick takes small sizes and few pages. --report measures nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bench import bench_http, bench_ingest, bench_million, bench_query, bench_share, bench_sync, made, report
from tests.bench.bench_query import RAGKIT, ROOT

FOLDER = ROOT / ".bench"
_BF16 = re.compile(r"\b(?:avx512_bf16|amx_bf16)\b")
LEFT_OUT: set[str] = set()
SIZES = {"1k": 1_000, "10k": 10_000, "100k": 100_000, "1m": 1_000_000}


def collection(name: str) -> Path:
    """Return a data folder with a made collection of that size; made once, from the filings or sample_docs."""
    data = FOLDER / "data" / name
    if name == "base":
        if not data.exists():
            source = bench_ingest.PDFS if bench_ingest.PDFS.exists() else ROOT / "sample_docs"
            command = [*RAGKIT, "ingest", str(source), "--data", str(data)]
            subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        return data
    made.make(made.read_base(collection("base")), data, SIZES[name])
    return data


def ingest(quick: bool, *, pages: int | None = None) -> dict[str, Any]:
    """Ingest ten filings, whole or their first pages; or two in part."""
    if not quick and not pages:
        data = FOLDER / "data" / "base"
        shutil.rmtree(data, ignore_errors=True)
        return bench_ingest.measure(filings=10, pages=None, data=data)
    data = FOLDER / "data" / "part"
    shutil.rmtree(data, ignore_errors=True)
    return bench_ingest.measure(filings=2 if quick else 10, pages=pages or 10, data=data, overlap_of=400)


def share(quick: bool, *, pages: int | None = None) -> dict[str, Any]:
    """Compare processor time with what the model's arithmetic needs, at the default precision and in fp32."""
    return bench_share.measure(filings=2 if quick else 10, pages=pages or (10 if quick else None))


def queries(quick: bool) -> dict[str, Any]:
    """Ask collections of every size."""
    names = ("1k", "10k") if quick else tuple(name for name in SIZES if name not in LEFT_OUT)
    rounds = 4 if quick else 20
    return {"sizes": [bench_query.in_new_process(collection(name), rounds=rounds) for name in names]}


def starts(quick: bool) -> dict[str, Any]:
    """Start new processes."""
    return bench_query.starts(collection("10k" if quick else "100k"), repeats=3 if quick else 9)


def http(quick: bool) -> dict[str, Any]:
    """Serve one collection to 16 clients, with one worker and with two; then a small one that remembers questions."""
    questions = FOLDER / "questions.txt"
    questions.write_text("\n".join(bench_query.questions()), encoding="utf-8")
    found = []
    large = ["--data", str(collection("10k" if quick else "100k")), "--questions", str(questions)]
    for workers, more in ((1, []), (2, []), (1, ["--remember", "4096"]), (1, large), (2, large)):
        command = [sys.executable, str(Path(bench_http.__file__)), "--workers", str(workers), *more]
        command += ["--seconds", "3" if quick else "10"]
        done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
        found.append(json.loads(done.stdout))
    return {"runs": found}


def sync(quick: bool) -> dict[str, Any]:
    """Ingest unchanged files again; change one file of a served collection."""
    place = FOLDER / "sync"
    shutil.rmtree(place, ignore_errors=True)
    found = {
        "unchanged": bench_sync.unchanged(500 if quick else 10_000, place),
        "changed": bench_sync.found_after_change(collection("10k" if quick else "100k")),
    }
    shutil.rmtree(place)
    return found


PAGED = frozenset({"ingest", "share"})
"""Parts that can be limited to the first pages of each filing."""
PARTS: dict[str, Callable[..., dict[str, Any]]] = {
    "ingest": ingest,
    "share": share,
    "queries": queries,
    "starts": starts,
    "http": http,
    "sync": sync,
}


def machine() -> dict[str, Any]:
    """Say what was measured on."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
    flags = next((line for line in lines if line.startswith("flags")), "")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False
    )
    return {
        "cpu": f"{name} {'with' if _BF16.search(flags) else 'without'} bf16",
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(memory, 1),
        "python": platform.python_version(),
        "load_before": round(os.getloadavg()[0], 1),
        "date": dt.datetime.now(dt.UTC).isoformat(timespec="minutes"),
        "commit": commit.stdout.strip(),
    }


def main() -> None:
    """Measure what is asked for, then write the report."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("parts", nargs="*", choices=[*PARTS, "million", []], help="default: all")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--pages", type=int, help="ingest and share: only the first pages of each filing")
    parser.add_argument("--no-million", action="store_true", help="leave out the size that takes half an hour to make")
    parser.add_argument("--report", action="store_true", help="only write the report anew")
    parser.add_argument("--documents", type=int, default=1_000_000, help="million: how many")
    parser.add_argument("--model", default="", help="million: a static model, see `ragkit models distill`")
    parser.add_argument("--place", type=Path, help="million: keep files and collection here, and go on there")
    parser.add_argument("--kill-at", type=int, default=0, help="million: at so many documents; default: half of them")
    options = parser.parse_args()
    FOLDER.mkdir(exist_ok=True)
    if options.no_million:
        LEFT_OUT.add("1m")
    for name in () if options.report else options.parts or PARTS:
        about = machine()
        if name == "million":
            found = bench_million.main(
                documents=options.documents, model=options.model, place=options.place, kill_at=options.kill_at
            )
            (FOLDER / "million.json").write_text(json.dumps({"machine": about, **found}, indent=1), encoding="utf-8")
            print(json.dumps(found, indent=1), flush=True)
            continue
        part = PARTS[name]
        found = part(options.quick, pages=options.pages) if name in PAGED else part(options.quick)
        file = FOLDER / (f"quick-{name}.json" if options.quick else f"{name}.json")
        file.write_text(json.dumps({"machine": about, "quick": options.quick, **found}, indent=1), encoding="utf-8")
        print(f"{name}: {file.relative_to(ROOT)}", flush=True)
    if not options.quick:
        kept = {}
        for name in PARTS:
            with contextlib.suppress(FileNotFoundError):
                kept[name] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
        report.write(kept, docs=ROOT / "docs")


if __name__ == "__main__":
    sys.path[:0] = [str(ROOT / part) for part in ("service", "ingest")]
    main()
