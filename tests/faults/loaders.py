"""Readers fuzzed by what new code an input reaches (atheris, libFuzzer): more than byte mutations alone find.

    pip install atheris
    python -m tests.faults.loaders --format a.docx --seconds 600
    python -m tests.faults.loaders --seconds 120            (every format in turn)

A child without the worker's fences runs a reader on millions of inputs: it may not crash, hang, or return a document
that breaks the rules. What it does wrong, and every input that reached new code, is then given to the real worker and
judged as in `test_loader_fuzz`: there a crash or a hang is a typed reason, and must be one.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import importlib.util
import io
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
HANG: Final = 15.0
"""Seconds of the processor on one input: a reader stops by itself after 7.5, and its worker is killed after 10."""
MEMORY: Final = 3 << 30
LARGEST: Final = 1 << 17
ENOUGH: Final = 30
INSTRUMENTED: Final = (
    "ragkit_ingest.readers", "pypdf", "docutils", "markdown_it", "email", "zipfile", "csv", "json",
    "charset_normalizer",
)  # fmt: skip


@dataclass(slots=True)
class Report:
    """What was done for one format. inputs: how many the reader was given; reached: those kept for new code; verdicts:
    of the real worker on these; deaths: inputs that ended or stopped the child; wrong: rules that were broken."""

    format: str
    seconds: int = 0
    inputs: int = 0
    reached: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    verdicts: Counter[str] = field(default_factory=Counter)
    deaths: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON."""
        return {name: getattr(self, name) for name in self.__slots__}


def unsupported() -> str:
    """Return why this can't run here, "" when it can."""
    return "" if importlib.util.find_spec("atheris") else "atheris is not installed: pip install atheris"


# --------------------------------------------------------------------- the child


def fuzz(name: str, folder: Path, *, seconds: int, seed: int, broken: bool) -> None:
    """Run the reader of one format in this process until the time is over; never returns.

    broken: abort at an input that only who follows new code finds: the control.
    """
    atheris: Any = importlib.import_module("atheris")
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    seeds = {path: path.read_bytes() for path in (folder / "seeds").iterdir()}
    with atheris.instrument_imports(include=list(INSTRUMENTED), enable_loader_override=False):
        read = _reader()
        for data in seeds.values():  # loads what the readers load lazily
            read(data, name)
    planted = atheris.instrument_func(_planted)
    counts: Counter[str] = Counter()
    current = (folder / "current").open("wb", buffering=0)
    tally = folder / "tally.json"

    def one(data: bytes) -> None:
        if not counts:  # a clock that stops slow inputs is the parent's, and the readers use this one themselves
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, signal.SIG_IGN)
        current.seek(0)
        current.write(data)
        current.truncate()
        counts[read(data, name)] += 1
        if broken and planted(data):
            os.abort()
        if counts.total() % 256 == 0:
            tally.write_text(json.dumps(counts))

    def mutate(data: bytes, limit: int, number: int) -> bytes:
        chance = random.Random(number)
        if data[:2] == b"PK" and chance.random() < 0.8:
            with suppress(Exception):  # a file that can't be packed again is changed as bytes
                return bytes(_inside(data, chance, atheris.Mutate))[:limit]
        return bytes(atheris.Mutate(data, limit))

    arguments = [
        f"-max_total_time={seconds}", f"-max_len={LARGEST}", f"-seed={seed}", "-timeout=1000", "-rss_limit_mb=0",
        f"-artifact_prefix={folder}/artifact-", "-print_final_stats=1", "-verbosity=0",
        str(folder / "reached"), str(folder / "seeds"),
    ]  # fmt: skip
    atheris.Setup([sys.argv[0], *arguments], one, custom_mutator=mutate)
    atheris.Fuzz()


def _planted(data: bytes) -> bool:
    """Tell one beginning in 2 ** 64, which is seen only by who watches comparisons."""
    return data[:8] == b"#planted"


def _inside(data: bytes, chance: random.Random, change: Any) -> bytes:
    """Change one member of a ZIP file, and pack it again."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        infos = old.infolist()
        spoiled = chance.choice(infos)
        for info in infos:
            if info.file_size > LARGEST:
                continue
            part = old.read(info)
            new.writestr(info.filename, change(part, LARGEST) if info is spoiled else part)
    return out.getvalue()


def _reader() -> Any:
    """Return a function that does with bytes what the worker's child does, and says how it went."""
    from ragkit import ExtractionError, clean_text
    from ragkit_ingest.readers.base import Budget, Hints, TimeLimitError
    from ragkit_ingest.readers.registry import choose, read
    from ragkit_ingest.workers.pool import ReadLimits
    from ragkit_ingest.workers.protocol import pack, unpack

    limits = ReadLimits(timeout=10.0, memory=768 << 20)

    def run(data: bytes, name: str) -> str:
        try:
            media_type, reader = choose(data, name=name)
            hints = Hints(media_type, limits, Budget(limits.timeout))
            extracted = read(data, name=name, hints=hints, reader=reader)
            message = pack(extracted, media_type=media_type, sha256=hashlib.sha256(data).hexdigest())
        except ExtractionError as error:
            return str(error.reason)
        except (MemoryError, RecursionError, TimeLimitError) as error:
            return type(error).__name__
        except (Exception, SystemExit) as error:  # noqa: BLE001 (what the child of the worker does)
            return f"damaged by {type(error).__name__}"
        document = unpack(json.loads(json.dumps(message, allow_nan=False)), extracted.text, source=name)
        assert clean_text(document.text) == document.text
        assert clean_text(document.title) == document.title
        assert document.text.strip()
        return "ok"

    return run


# --------------------------------------------------------------------- the parent


def watch(name: str, folder: Path, *, seconds: int, seed: int, report: Report, options: Sequence[str] = ()) -> None:
    """Run children until the time is over; note on what input one died or stopped, and go on with the next."""
    until = time.monotonic() + seconds
    current = folder / "current"
    for turn in range(1_000):
        left = round(until - time.monotonic())
        if left <= 1:
            return
        command = [sys.executable, "-m", "tests.faults.loaders", "--child", str(folder), "--format", name, *options]
        with (folder / "log").open("wb") as log:
            child = subprocess.Popen(
                [*command, "--seconds", str(left), "--seed", str(seed + turn)], stdout=log, stderr=log, cwd=ROOT
            )
            ended = _wait(child, current)
        with suppress(OSError, ValueError):
            counts = Counter(json.loads((folder / "tally.json").read_text()))
            report.inputs += counts.total()
            report.kinds += counts
            (folder / "tally.json").unlink()
        if ended == "done":
            return
        data = current.read_bytes() if current.exists() else b""
        kept = folder / "deaths" / f"{len(report.deaths)}-{name}"
        kept.write_bytes(data)
        tail = (folder / "log").read_text(errors="replace")
        (folder / f"log-{len(report.deaths)}").write_text(tail)
        lines = [line for line in tail.splitlines() if any(word in line for word in ("Error", "SUMMARY", "Timeout"))]
        report.deaths.append(f"{kept.name} ({len(data)} bytes): {ended}; {' | '.join(lines[:3])[:300]}")
        if len(report.deaths) >= ENOUGH:
            return


def _wait(child: subprocess.Popen[bytes], current: Path) -> str:
    """Wait for a child, and end it when it spends too much of the processor on one input."""
    seen, used = 0, _used(child.pid)
    while child.poll() is None:
        time.sleep(0.5)
        with suppress(OSError):
            now = current.stat().st_mtime_ns
            if now != seen:
                seen, used = now, _used(child.pid)
            elif _used(child.pid) - used > HANG:
                child.kill()
                child.wait()
                return f"no end after {HANG:g} s"
    return "done" if child.returncode == 0 else f"exit status {child.returncode}"


def _used(process: int) -> float:
    """Return the seconds of the processor that a process has used."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def campaign(name: str, folder: Path, *, seconds: int, seed: int, options: Sequence[str] = ()) -> Report:
    """Fuzz one format, and judge what was found by the real worker."""
    from ragkit_ingest import WorkerPool
    from tests.faults.test_loader_fuzz import LIMITS, Judge
    from tests.support.damaged_files import SAMPLES

    report = Report(name, seconds)
    for part in ("seeds", "reached", "deaths", "judged"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    (folder / "seeds" / "sample").write_bytes(SAMPLES[name])
    watch(name, folder, seconds=seconds, seed=seed, report=report, options=options)
    found = [*sorted((folder / "deaths").iterdir()), *sorted((folder / "reached").iterdir())]
    report.reached = len(found) - len(report.deaths)
    with WorkerPool(LIMITS, size=2) as pool:
        judge = Judge(pool, folder / "judged", may_lose=1.0)
        for path in found:
            before = judge.counts.copy()
            try:
                judge.all(iter([(name, path.read_bytes())]))
            except AssertionError as error:
                report.wrong.append(f"{path.name}: {str(error)[:200]}")
                shutil.copyfile(path, folder / f"wrong-{len(report.wrong)}-{name}")
                continue
            verdict = next(iter(judge.counts - before))
            report.verdicts[verdict] += 1
            if path.parent.name == "deaths":
                report.deaths = [
                    f"{line} -> {verdict}" if line.startswith(path.name) else line for line in report.deaths
                ]
    return report


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--format", default="", help="the name of a sample, such as a.pdf; default: every one")
    parser.add_argument("--seconds", type=int, default=60, help="for each format")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="a folder for the inputs that were found")
    parser.add_argument("--report", type=Path)
    parser.add_argument("--broken", action="store_true", help="the control: a fault is planted, and must be found")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if unsupported():
        sys.exit(unsupported())
    if options.child:
        fuzz(options.format, options.child, seconds=options.seconds, seed=options.seed, broken=options.broken)
    from tests.support.damaged_files import SAMPLES

    folder = options.keep or Path(tempfile.mkdtemp(prefix="ragkit-fuzz-", dir=os.environ.get("TMPDIR")))
    reports = []
    try:
        for name in [options.format] if options.format else list(SAMPLES):
            more = ["--broken"] if options.broken else []
            report = campaign(name, folder / name, seconds=options.seconds, seed=options.seed, options=more)
            print(json.dumps(report.as_dict(), ensure_ascii=False), flush=True)
            reports.append(report)
    finally:
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
    if options.report:
        found = {"reports": [report.as_dict() for report in reports]}
        options.report.write_text(json.dumps(found, indent=1, ensure_ascii=False))
    return 1 if any(report.wrong for report in reports) else 0


if __name__ == "__main__":
    sys.exit(main())
