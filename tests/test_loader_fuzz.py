"""Damaged files of every format: always a document that keeps its own rules or a typed reason, within the limits."""

from __future__ import annotations

import hashlib
import io
import json
import random
import re
import subprocess
import sys
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import docx
import openpyxl
import pptx
import pytest

from ragkit import Document, ExtractionError, Reason, clean_text
from ragkit_ingest import ReadLimits, WorkerPool
from ragkit_ingest.extract import path_job
from tests.faults.loaders import unsupported
from tests.ingest_files import epub_file, pages_pdf
from tests.test_faults_points import run_faults

SHARED = Path(__file__).parents[1].parent / "shared"
MAKE = SHARED / "hostile" / "make_hostile.py"
LIMITS = ReadLimits(timeout=60.0, memory=768 << 20)
ROUNDS, LONG_ROUNDS = 60, 10_000
FOLLOWED = 600  # seconds a format
TAKES_PLACE_OF = [
    b"\x00",
    b"\xff",
    b"<",
    b">",
    b"(",
    b"[",
    b"{",
    b'"',
    b"\\",
    b"&",
    b"%",
    b"/",
    b"\n",
    b"9" * 12,
    b"-1",
]
CRASHES = frozenset({"too_slow", "worker_crashed", "expands_too_much"})


def _word() -> bytes:
    file = docx.Document()
    file.add_heading("Refunds", 1)
    file.add_paragraph("The refund window is thirty days.")
    table = file.add_table(rows=2, cols=2)
    table.rows[0].cells[0].text = "plan"
    return _saved(file)


def _slides() -> bytes:
    file = pptx.Presentation()
    slide = file.slides.add_slide(file.slide_layouts[1])
    slide.shapes.title.text = "Refunds"
    slide.placeholders[1].text = "Thirty days"
    slide.notes_slide.notes_text_frame.text = "Say it twice"
    return _saved(file)


def _sheet() -> bytes:
    file = openpyxl.Workbook()
    file.active.append(["plan", "price"])
    file.active.append(["Starter", 19.5])
    return _saved(file)


def _saved(file: object) -> bytes:
    out = io.BytesIO()
    file.save(out)  # type: ignore[attr-defined]  # each of the three libraries has it
    return out.getvalue()


SAMPLES: dict[str, bytes] = {
    "a.txt": "Plain text, ä and 返品.\n\nA second paragraph.\n".encode(),
    "b.txt": "Ein Text mit Umlauten: äöü".encode("utf-16"),
    "a.md": b"---\ntitle: T\n---\n# Head\n\n- a\n- b\n\n| x | y |\n| - | - |\n| 1 | 2 |\n"
    b"\n```py\nx = 1\n```\n\n> [l](http://x) *e*\n",
    "a.html": b"<!doctype html><html><head><title>T</title><meta charset=utf-8></head><body><h1>H</h1><p>one<br>two</p>"
    b"<table><tr><th>a<td>b</table><ul><li>x</ul><script>no()</script><pre>c &amp; d</pre></body></html>",
    "a.csv": b'plan,price,"note, with comma"\nStarter,19,"two\nlines"\nTeam,49,\n',
    "a.json": b'{"title": "T", "rows": [{"a": 1, "b": "x\\u00e9"}, {"a": 2.5e3, "b": null}], "deep": [[[[1]]]]}',
    "a.jsonl": b'{"a": 1, "b": "x"}\n{"a": 2, "b": "y"}\n',
    "a.rst": b"Title\n=====\n\n.. note:: Mind\n\n* a\n* b\n\n"
    b"===  ===\nx    y\n===  ===\n1    2\n===  ===\n\n``code``\n",
    "a.py": b'"""Doc."""\n\n\ndef f(x: int) -> int:\n    """Add."""\n    return x + 1\n\n\nclass C:\n    pass\n',
    "a.eml": b"From: a@b.c\nTo: d@e.f\nSubject: =?utf-8?q?R=C3=A9?=\nMIME-Version: 1.0\nContent-Type: multipart/mixed;"
    b' boundary="x"\n\n--x\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n'
    b"Hello =C3=A9\n--x\nContent-Type: text/html\n\n<p>Hi</p>\n--x--\n",
    "a.epub": epub_file({"c1": "<html><body><h1>One</h1><p>Text</p></body></html>", "c2": "<p>Two</p>"}),
    "a.docx": _word(),
    "a.pptx": _slides(),
    "a.xlsx": _sheet(),
    "a.pdf": pages_pdf(
        [[("Refunds", 18, "F2"), "The refund window is thirty days.", "", "Starter  19 EUR"], ["Page two"]]
    ),
}


needs_atheris = pytest.mark.skipif(bool(unsupported()), reason=unsupported() or "atheris is here")


# --------------------------------------------------------------------- mutations


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Change a file in one to four places; the members of a ZIP file are changed inside it half of the time."""
    if data[:2] == b"PK" and chance.random() < 0.6:
        with suppress(zipfile.BadZipFile, NotImplementedError, RuntimeError, zlib.error, EOFError):
            return _inside(data, chance)
    out = bytearray(data)
    for _ in range(chance.choice([1, 1, 2, 4])):
        _change(out, chance)
    return bytes(out)


def _change(out: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(out) + 1)
    size = min(chance.choice([1, 1, 2, 4, 16, 64]), len(out) - at)
    way = chance.randrange(7)
    if way == 0 and at < len(out):
        out[at] ^= 1 << chance.randrange(8)
    elif way == 1:
        out[at : at + size] = chance.randbytes(size)
    elif way == 2:
        del out[at : at + size]
    elif way == 3:
        out[at:at] = out[at : at + size] * chance.choice([1, 2, 50])
    elif way == 4:
        out[at : at + 1] = chance.choice(TAKES_PLACE_OF)
    elif way == 5:
        del out[at:]
    else:
        other = chance.randrange(len(out) + 1)
        out[at : at + size] = out[other : other + size]


def _inside(data: bytes, chance: random.Random) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        names = old.namelist()
        spoiled = chance.choice(names)
        for name in names:
            part = bytearray(old.read(name))
            if name == spoiled:
                for _ in range(chance.choice([1, 2, 4])):
                    _change(part, chance)
            new.writestr(name, bytes(part))
    return out.getvalue()


# --------------------------------------------------------------------- the judge


@dataclass
class Judge:
    """Gives files to the pool and judges what comes back. `counts`: documents ("ok") and reasons."""

    pool: WorkerPool
    folder: Path

    def __post_init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def all(self, files: Iterator[tuple[str, bytes]]) -> None:
        """Read every file; what the reader had in hand is named when a rule is broken."""
        jobs = (path_job(self._written(number, name, data), limits=LIMITS) for number, (name, data) in enumerate(files))
        for job, found in self.pool.map(jobs):
            path = self.folder / job.name
            self.counts[self._verdict(found, path)] += 1
            path.unlink()

    def _written(self, number: int, name: str, data: bytes) -> Path:
        path = self.folder / f"{number}-{name}"
        path.write_bytes(data)
        return path

    def _verdict(self, found: Document | ExtractionError, path: Path) -> str:
        if isinstance(found, ExtractionError):
            assert found.reason in get_args(Reason), path
            assert "Traceback" not in str(found), path
            assert "\n" not in str(found), path
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

    def bounded(self) -> None:
        """Few files may cost their reader its life: it is what the worker is for, and it must stay rare."""
        total = sum(self.counts.values())
        lost = sum(self.counts[reason] for reason in CRASHES)
        print(f"{total} files: {dict(self.counts.most_common())}")
        assert lost <= max(1, total // 50), self.counts


@pytest.fixture(scope="module")
def pool() -> Iterator[WorkerPool]:
    with WorkerPool(LIMITS, size=2) as made:
        yield made


@pytest.fixture
def judge(pool: WorkerPool, tmp_path: Path) -> Judge:
    return Judge(pool, tmp_path)


def several(files: dict[str, bytes], rounds: int, seed: int) -> Iterator[tuple[str, bytes]]:
    chance = random.Random(seed)
    for name, data in files.items():
        for _ in range(rounds):
            yield name, mutated(data, chance)


def test_the_samples_are_read(judge: Judge) -> None:
    judge.all(iter(SAMPLES.items()))
    assert judge.counts == {"ok": len(SAMPLES)}


@pytest.mark.parametrize("name", SAMPLES)
def test_damaged_samples(name: str, judge: Judge) -> None:
    judge.all(several({name: SAMPLES[name]}, ROUNDS, seed=len(name)))
    judge.bounded()


@pytest.mark.slow
@pytest.mark.parametrize("name", SAMPLES)
def test_very_many_damaged_samples(name: str, judge: Judge) -> None:
    judge.all(several({name: SAMPLES[name]}, LONG_ROUNDS, seed=1_000))
    judge.bounded()


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


def test_a_format_by_another_name(judge: Judge) -> None:
    suffixes = [name.partition(".")[2] for name in SAMPLES]
    judge.all((f"x.{suffix}", data) for suffix in suffixes for data in SAMPLES.values())
    assert not any(judge.counts[reason] for reason in CRASHES)


# --------------------------------------------------------------------- real and hostile files


def pdfs(largest: int) -> dict[str, bytes]:
    """Return the files of the corpus of up to so many bytes, by name."""
    paths = sorted((SHARED / "data" / "pdfs").rglob("*.pdf"))
    return {path.name: path.read_bytes() for path in paths if 0 < path.stat().st_size <= largest}


needs_pdfs = pytest.mark.skipif(not (SHARED / "data" / "pdfs").exists(), reason="needs the PDF files in ../shared")
needs_hostile = pytest.mark.skipif(not MAKE.exists(), reason="needs the hostile set in ../shared")


@needs_pdfs
def test_damaged_pdfs_of_the_corpus(judge: Judge) -> None:
    chance = random.Random(5)
    files = pdfs(60_000)
    judge.all(several({name: files[name] for name in chance.sample(sorted(files), 25)}, 2, seed=5))
    judge.bounded()


@needs_pdfs
@pytest.mark.slow
def test_very_many_damaged_pdfs_of_the_corpus(judge: Judge) -> None:
    judge.all(several(pdfs(1_000_000), 200, seed=6))
    judge.bounded()


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
    judge.all(several(files, rounds, seed=7))
    lost = sum(judge.counts[reason] for reason in CRASHES)
    assert lost <= sum(judge.counts.values()) // 10, judge.counts  # some are there to cost as much as they may
