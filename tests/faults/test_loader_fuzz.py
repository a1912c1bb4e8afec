"""Damaged files of every format: always a document that keeps its own rules or a typed reason, within the limits.

Alone, a few inputs a loader; with FUZZ_SECONDS set (`make test` sets 1, `make check-long` 60), as many as
there is time for: the inputs and their order are the same everywhere, only how far one comes depends on the machine.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partialmethod
from itertools import islice
from pathlib import Path
from typing import Final, get_args

import pytest

from ragkit import Document, ExtractionError, Reason, clean_text
from ragkit_ingest import ReadLimits, WorkerPool
from ragkit_ingest.extract import path_job
from ragkit_ingest.jobs import Job
from ragkit_ingest.readers import registry
from ragkit_ingest.workers.pool import Worker
from tests.faults.loaders import unsupported
from tests.faults.test_fault_points import run_faults
from tests.support.damaged_files import LOADERS, SAMPLES, damaged

SHARED = Path(__file__).parents[2].parent / "shared"
MAKE = SHARED / "hostile" / "make_hostile.py"
SAMPLE_DOCS = Path(__file__).parents[2] / "sample_docs"
LIMITS = ReadLimits(timeout=60.0, memory=768 << 20)
SECONDS: Final = int(os.environ.get("FUZZ_SECONDS", "0"))
"""Of each loader, on the clock; 0: INPUTS of each."""
INPUTS_ARE: Final = "d57592c6f423b6df"
INPUTS, LONG_SECONDS = 60, 600
FOLLOWED = 600  # seconds a format
CRASHES = frozenset({"too_slow", "worker_crashed", "expands_too_much"})
OUT_OF_MEMORY = frozenset({"reading took more memory than a file may", "more than a reader may take"})
"""How a reader that died of it, and did not refuse by itself, is told."""


needs_atheris = pytest.mark.skipif(bool(unsupported()), reason=unsupported() or "atheris is here")


# --------------------------------------------------------------------- the judge


@dataclass
class Judge:
    """Gives files to the pool and judges what comes back. `counts`: documents ("ok") and reasons; `lost`: files that
    cost their reader its life; `unforeseen`: faults of Python that became "damaged", each with its first file."""

    pool: WorkerPool
    folder: Path
    may_lose: float = 0.02
    """Part of the files: the worker is there for these, and they must stay rare."""

    def __post_init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.lost = 0
        self.unforeseen: dict[str, str] = {}

    def all(self, files: Iterable[tuple[str, bytes]], *, seconds: float = math.inf) -> None:
        """Read every file, or as many as there is time for; the path of a file that breaks a rule is told."""
        for job, found in self.pool.map(self._jobs(files, until=time.monotonic() + seconds)):
            path = self.folder / job.name
            self.counts[self._verdict(found, path)] += 1
            # After every file, so that a machine that comes less far finds nothing that another one does not.
            assert self.lost <= max(3, self.counts.total() * self.may_lose), (path, self.counts)
            path.unlink()

    def tell(self) -> None:
        """Say what came of it, to whoever runs pytest -rP."""
        print(f"{self.counts.total()} files: {dict(self.counts.most_common())}; {self.lost} lost; {self.unforeseen}")

    def _jobs(self, files: Iterable[tuple[str, bytes]], *, until: float) -> Iterator[Job]:
        for number, (name, data) in enumerate(files):
            path = self.folder / f"{number}-{name}"
            path.write_bytes(data)
            yield path_job(path, limits=LIMITS)
            if time.monotonic() >= until:
                break

    def _verdict(self, found: Document | ExtractionError, path: Path) -> str:
        if isinstance(found, ExtractionError):
            assert found.reason in get_args(Reason), path
            assert "Traceback" not in str(found), path
            assert "\n" not in str(found), path
            if found.reason == "damaged" and (fault := re.match(r"[A-Z]\w+(?=: )", found.detail)):
                self.unforeseen.setdefault(fault[0], f"{path.name}: {found.detail}"[:200])
            died = found.reason in {"too_slow", "worker_crashed"} or found.detail in OUT_OF_MEMORY
            self.lost += died
            return str(found.reason)
        assert clean_text(found.text) == found.text, path
        assert clean_text(found.title) == found.title, path
        assert found.text.strip(), path
        assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest(), path
        for heading in found.headings:
            assert 0 <= heading.offset <= len(found.text), path
        json.dumps(dict(found.metadata), allow_nan=False)
        # A document checks its spans when it is made: made again, it is the same.
        assert Document(**{name: getattr(found, name) for name in found.__dataclass_fields__}) == found, path
        return "ok"


@pytest.fixture(autouse=True)
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else writes to these files: a reader need not pause and look again because a file is new."""
    monkeypatch.setattr(Worker, "read", partialmethod(Worker.read, settled=True))


@pytest.fixture(scope="module")
def pool() -> Iterator[WorkerPool]:
    with WorkerPool(LIMITS, size=2) as made:
        yield made


@pytest.fixture
def judge(pool: WorkerPool, tmp_path: Path) -> Judge:
    return Judge(pool, tmp_path)


def test_the_samples_are_read(judge: Judge) -> None:
    judge.all(iter(SAMPLES.items()))
    assert judge.counts == {"ok": len(SAMPLES)}


def inputs(loader: str, *, seed: int) -> Iterator[tuple[str, bytes]]:
    """Yield damaged files for a loader: of its samples, of the sample documents, of the PDFs of the corpus."""
    docs = {path.name: path.read_bytes() for path in SAMPLE_DOCS.iterdir()}
    ours = {name: data for name, data in docs.items() if loader_of(data, name) == loader}
    samples = {name: SAMPLES[name] for name in LOADERS[loader]}
    return damaged(samples, ours, pdfs(60_000) if loader == "pdf.reader" else {}, seed=seed)


class Wrong(WorkerPool):
    """A pool that answers wrongly from the tenth file on: the control of the judge."""

    answer: Callable[[Document], Document | ExtractionError]

    def map(self, jobs: Iterable[Job], *, ahead: int = 0) -> Iterator[tuple[Job, Document | ExtractionError]]:
        for number, (job, found) in enumerate(super().map(jobs, ahead=ahead)):
            yield job, self.answer(found) if number >= 9 and isinstance(found, Document) else found


@pytest.mark.parametrize(
    "answer",
    [
        lambda document: replace(document, sha256="0" * 64),
        lambda document: replace(document, title=" a\u0000"),
        lambda document: ExtractionError("worker_crashed", "its reader ended by SIGSEGV"),
        lambda document: ExtractionError("expands_too_much", "more than a reader may take"),
        lambda document: ExtractionError("damaged", "one line\nTraceback (most recent call last)"),
    ],
)
def test_a_wrong_answer_is_caught(answer: Callable[[Document], Document | ExtractionError], tmp_path: Path) -> None:
    with Wrong(LIMITS, size=2) as pool:
        pool.answer = answer
        with pytest.raises(AssertionError):
            Judge(pool, tmp_path).all(islice(inputs("plain", seed=1), INPUTS))


def test_a_fault_of_python_is_noted(tmp_path: Path) -> None:
    with Wrong(LIMITS, size=2) as pool:
        pool.answer = lambda document: ExtractionError("damaged", "KeyError: 'a'")
        judge = Judge(pool, tmp_path)
        judge.all(islice(inputs("plain", seed=1), INPUTS))
    assert list(judge.unforeseen) == ["KeyError"]


def loader_of(data: bytes, name: str) -> str:
    return type(registry.choose(data, name=name)[1]).__module__.removeprefix("ragkit_ingest.readers.")


def test_every_loader_has_samples() -> None:
    found = {loader: [name for name in SAMPLES if loader_of(SAMPLES[name], name) == loader] for loader in LOADERS}
    assert found == LOADERS
    assert set(LOADERS) == {module.partition(":")[0] for module in registry._READERS.values()}


def test_the_inputs_are_the_same_everywhere() -> None:
    digest = hashlib.sha256()
    for name, data in islice(damaged(SAMPLES, seed=1), 50 * len(SAMPLES)):
        digest.update(name.encode() + data)
    assert digest.hexdigest()[:16] == INPUTS_ARE, "a sample or a way of damage has changed: run far beyond CI once"


@pytest.mark.parametrize("loader", LOADERS)
def test_damaged_files(loader: str, judge: Judge) -> None:
    files = inputs(loader, seed=1)
    judge.all(files if SECONDS else islice(files, INPUTS), seconds=SECONDS or math.inf)
    judge.tell()
    assert judge.unforeseen == {}


@pytest.mark.slow
@pytest.mark.parametrize("loader", LOADERS)
def test_very_many_damaged_files(loader: str, judge: Judge) -> None:
    judge.all(inputs(loader, seed=2), seconds=LONG_SECONDS)
    judge.tell()
    assert judge.unforeseen == {}


@needs_atheris
@pytest.mark.slow
@pytest.mark.parametrize("name", SAMPLES)
def test_readers_hold_what_reaches_new_code(name: str, tmp_path: Path) -> None:
    options = ("--format", name, "--seconds", FOLLOWED)
    (report,) = run_faults("loaders", tmp_path / "report.json", *options)["reports"]
    assert report["wrong"] == []
    assert report["inputs"] > 1_000
    assert report["reached"] > 5
    unbounded = [line for line in report["deaths"] if not line.endswith(tuple(CRASHES | {"damaged"}))]
    assert unbounded == []


@needs_atheris
@pytest.mark.slow
def test_a_fault_that_only_new_code_leads_to_is_found(tmp_path: Path) -> None:
    options = ("--format", "a.txt", "--seconds", 60, "--broken")
    (report,) = run_faults("loaders", tmp_path / "report.json", *options)["reports"]
    assert report["deaths"]


@pytest.mark.parametrize("stride", [3, pytest.param(1, marks=pytest.mark.slow)])
def test_a_format_by_another_name(stride: int, judge: Judge) -> None:
    """Every sample by the suffixes of others. stride: by every third pair, each sample and each suffix comes up."""
    suffixes = dict.fromkeys(name.partition(".")[2] for name in SAMPLES)
    pairs = [(f"x.{suffix}", data) for suffix in suffixes for data in SAMPLES.values()]
    judge.all(pairs[::stride])
    assert not any(judge.counts[reason] for reason in CRASHES)


# --------------------------------------------------------------------- real and hostile files


def pdfs(largest: int) -> dict[str, bytes]:
    """Return the files of the corpus of up to so many bytes, by name."""
    paths = sorted((SHARED / "data" / "pdfs").rglob("*.pdf"))
    return {path.name: path.read_bytes() for path in paths if 0 < path.stat().st_size <= largest}


needs_pdfs = pytest.mark.skipif(not (SHARED / "data" / "pdfs").exists(), reason="needs the PDF files in ../shared")
needs_hostile = pytest.mark.skipif(not MAKE.exists(), reason="needs the hostile set in ../shared")


@needs_pdfs
@pytest.mark.slow
def test_very_many_damaged_pdfs_of_the_corpus(judge: Judge) -> None:
    files = pdfs(1_000_000)
    judge.all(islice(damaged(files, seed=6), 200 * len(files)))
    judge.tell()


def hostile(folder: Path) -> dict[str, bytes]:
    subprocess.run([sys.executable, MAKE, "make", folder, "--small"], check=True, stdout=subprocess.DEVNULL)
    try:
        found = {}
        for path in sorted([*folder.glob("*"), *folder.glob("*/*")]):
            if path.is_file() and not path.is_symlink() and 0 < path.stat().st_size < 20_000:
                name = re.sub(r"[^\w.-]", "_", path.name, flags=re.ASCII)[-60:]
                found[name] = path.read_bytes()
        return found
    finally:
        subprocess.run([sys.executable, MAKE, "clean", folder], check=True, stdout=subprocess.DEVNULL)


@needs_hostile
@pytest.mark.parametrize("rounds", [1, pytest.param(200, marks=pytest.mark.slow)])
def test_damaged_hostile_files(rounds: int, judge: Judge, tmp_path_factory: pytest.TempPathFactory) -> None:
    files = hostile(tmp_path_factory.mktemp("hostile") / "set")
    assert len(files) > 40
    judge.may_lose = 0.1  # some are there to cost as much as they may
    judge.all(islice(damaged(files, seed=7), rounds * len(files)))
