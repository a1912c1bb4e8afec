"""`ragkit ingest` as people meet it: what it prints, where, and how it exits."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest
from rich.cells import cell_len

import ragkit
from ragkit.cli.app import run
from ragkit.settings import PrecisionChoice
from ragkit_ingest import Change, IngestProgress, IngestReport, Problem, Warned
from ragkit_ingest.cli.progress import drawn_progress
from ragkit_ingest.cli.report import LISTED, print_report

Ingest = Callable[..., tuple[int, str, str]]


@pytest.fixture
def ingest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Ingest:
    """Run `ragkit ingest` over tmp_path/docs with the data in tmp_path/kb; return status, stdout, stderr."""
    installed = tmp_path / "site" / "ragkit_ingest_commands-0.dist-info"
    installed.mkdir(parents=True)
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: ragkit-ingest-commands\nVersion: 0\n")
    (installed / "entry_points.txt").write_text("[ragkit.commands]\ningest = ragkit_ingest.cli.ingest:ingest\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.setenv("RAGKIT_DATA", str(tmp_path / "kb"))
    (tmp_path / "docs").mkdir()

    def call(*arguments: str) -> tuple[int, str, str]:
        paths = [] if any(not argument.startswith("-") for argument in arguments) else [str(tmp_path / "docs")]
        status = run(["ingest", *paths, *arguments])
        out, err = capfd.readouterr()
        return status, out, err

    return call


def write(tmp_path: Path, name: str, text: str | bytes) -> Path:
    path = tmp_path / "docs" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


# --------------------------------------------------------------------- the command


@pytest.mark.parametrize("own_process", [True, False])
def test_only_a_process_of_its_own_gets_a_lower_priority(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_process: bool
) -> None:
    raised: list[int] = []
    monkeypatch.setattr(os, "nice", raised.append)
    write(tmp_path, "refunds.md", "The refund window is thirty days.\n")
    data = str(tmp_path / "kb")
    assert run(["ingest", str(tmp_path / "docs"), "--dry-run", "--data", data], own_process=own_process) == 0
    assert bool(raised) == own_process


def test_a_folder_goes_in_is_found_and_is_left_alone_the_second_time(ingest: Ingest, tmp_path: Path) -> None:
    write(tmp_path, "refunds.md", "# Refunds\n\nThe refund window is thirty days after delivery.\n")
    write(tmp_path, "prices.csv", "plan,price\nStarter,19 EUR\n")
    status, out, _ = ingest()
    assert status == 0
    assert "2 added · 0 changed · 0 removed · 0 renamed · 0 unchanged" in out
    assert "truncated: 0 of" in out
    assert "default holds 2 documents" in out
    with ragkit.open(tmp_path / "kb", create=False) as kb:
        assert kb.search("How long is the refund window?")[0].source == "refunds.md"
        assert len(kb.history()) == 1
    status, out, _ = ingest()
    assert (status, "0 added · 0 changed · 0 removed · 0 renamed · 2 unchanged" in out) == (0, True)
    with ragkit.open(tmp_path / "kb", create=False) as kb:
        assert len(kb.history()) == 1


def test_a_dry_run_writes_nothing_and_foretells_the_run(ingest: Ingest, tmp_path: Path) -> None:
    write(tmp_path, "a.md", "# A\n\nalpha\n")
    status, out, _ = ingest("--dry-run")
    assert status == 0
    assert "would change" in out
    assert "  + a.md" in out
    assert not (tmp_path / "kb").exists()
    status, told, _ = ingest("--dry-run", "--json")
    status, done, _ = ingest("--json")
    assert status == 0
    assert json.loads(told)["changes"] == json.loads(done)["changes"]


def test_json_is_all_that_is_printed(ingest: Ingest, tmp_path: Path) -> None:
    write(tmp_path, "a.md", "# A\n\nalpha\n")
    write(tmp_path, "bad.pdf", b"%PDF-1.7\n")
    status, out, err = ingest("--json")
    shape = json.loads(out)
    assert (status, err) == (1, "")
    assert shape["documents"]["added"] == 1
    assert shape["truncated"] == 0
    assert [(item["path"], item["reason"]) for item in shape["failed"]] == [("bad.pdf", "damaged")]
    assert set(shape["seconds"]) == {"walk", "parse", "chunk", "embed", "write", "total"}


def test_bad_files_are_told_on_every_run(ingest: Ingest, tmp_path: Path) -> None:
    write(tmp_path, "bad.pdf", b"%PDF-1.7\n")
    write(tmp_path, "empty.txt", b"")
    for _ in range(2):
        status, out, _ = ingest()
        assert status == 1
        assert "failed: 1\n  damaged  bad.pdf: " in out
        assert "empty_file" in out


def test_an_empty_folder_is_told(ingest: Ingest) -> None:
    status, out, err = ingest()
    assert (status, err) == (0, "")
    assert "there are no files to read" in out


@pytest.mark.parametrize("path", ["/no/such/folder", "", "a\0b", "/dev/null"])
def test_a_path_that_cannot_be_ingested_is_one_line(ingest: Ingest, tmp_path: Path, path: str) -> None:
    status, out, err = ingest(path)
    assert (status, out) == (2, "")
    assert err.startswith("ragkit: ")
    assert err.count("\n") == 1
    assert not (tmp_path / "kb").exists()


def test_a_second_writer_is_told_who_holds_the_lock(ingest: Ingest, tmp_path: Path) -> None:
    write(tmp_path, "a.md", "alpha\n")
    ingest()
    write(tmp_path, "b.md", "beta\n")
    with ragkit.open(tmp_path / "kb") as kb, kb.writer(kind="ingest"):
        status, out, err = ingest()
    assert (status, out) == (2, "")
    assert f"process {os.getpid()}" in err
    assert err.count("\n") == 1


def test_names_and_reasons_cannot_reach_the_terminal_raw(ingest: Ingest, tmp_path: Path) -> None:
    for name in ("\x1b[31mred\x1b[0m\x07.md", "line\nbreak.md", "invoice\u202efdp.md", "\x1bbad.pdf"):
        write(tmp_path, name, "%PDF-1.7\n" if name.endswith("pdf") else f"text of {name.encode()!r}\n")
    write(tmp_path, os.fsdecode(b"caf\xe9.md"), "the last one\n")
    status, out, err = ingest()
    assert status == 1
    assert not {"\x1b", "\x07", "\u202e"} & set(out + err)
    assert "  + line\\nbreak.md\n" in out
    assert "  + caf\\xe9.md\n" in out


def test_options_reach_the_run(ingest: Ingest, tmp_path: Path) -> None:
    write(tmp_path, "a.md", "alpha\n")
    write(tmp_path, "b.txt", "beta\n")
    write(tmp_path, "big.md", "x" * (1 << 20) + "y")
    status, out, _ = ingest("--dry-run", "--json", "--include=*.md", "--exclude=c*", "--max-size=1", "--timeout=5")
    shape = json.loads(out)
    assert status == 0
    assert shape["changes"] == [{"action": "added", "source": "a.md"}]
    assert shape["skipped_by_reason"] == {"too_big": 1}


# --------------------------------------------------------------------- signals


def test_a_precision_is_that_of_the_model(ingest: Ingest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "note.txt", "Words.")
    asked: list[str] = []

    def refuse(settings: ragkit.ModelSettings) -> None:
        asked.append(settings.precision)
        raise ragkit.ConfigError("no such precision here", cure="choose another")

    monkeypatch.setattr("ragkit.knowledge.models.load_embedder", refuse)
    for precision in get_args(PrecisionChoice):
        status, _, err = ingest(f"--precision={precision}")
        assert (status, "no such precision here" in err) == (2, True)
    assert asked == list(get_args(PrecisionChoice))
    assert "'--precision': 'int4' is not one of" in ingest("--precision=int4")[2]


INTERRUPTED = """
import signal
from ragkit_ingest.cli.ingest import _stopped_by_signals

before = signal.getsignal(signal.SIGINT)
with _stopped_by_signals(quiet=False) as stop:
    pass
print(signal.getsignal(signal.SIGINT) is before, stop.is_set())
with _stopped_by_signals(quiet=False) as stop:
    signal.raise_signal(signal.SIGINT)
    print(stop.is_set(), flush=True)
    signal.raise_signal(signal.SIGINT)
    print("not reached", flush=True)
"""


def test_the_first_ctrl_c_asks_to_stop_and_the_second_one_stops() -> None:
    """In a process of its own: the second one ends it, and no other library's handlers are in the way."""
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout.splitlines()) == (130, ["True False", "True"])
    first, _, second = done.stderr.partition("once more to stop at once")
    assert "committing what is ready" in first
    assert "what was committed stays" in second


# --------------------------------------------------------------------- progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


STATES = (
    IngestProgress("walk", 100),
    IngestProgress("read", 10, read=3, documents=2, chunks=40, embedded=1_234, source="\x1b[31mred.md"),
    IngestProgress("read", 10, read=10, documents=9, chunks=90, embedded=1_300, failed=1, source="z.md"),
)


def test_a_terminal_gets_a_bar() -> None:
    stream = Terminal()
    with drawn_progress(stream) as draw:
        for state in STATES:
            draw(state)
    assert "\x1b[31mred" not in stream.getvalue()


@pytest.mark.parametrize("width", [140, 80, 60, 45])
def test_a_bar_keeps_percent_and_time_left_on_any_width(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("LINES", "24")
    stream = Terminal()
    name = "manuals/" + "泵" * 30 + ".pdf"
    with drawn_progress(stream) as draw:
        draw(IngestProgress("read", 54_321, read=30_000, documents=24_000, failed=12, embedded=99, source=name))
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", stream.getvalue()).replace("\r", "\n").split("\n")
    line = next(item for item in lines if "reading" in item and "%" in item)
    assert re.search(r"reading +━+[╸╺]?━* +50% -:--:-- left", line), line
    assert all(cell_len(item) <= width for item in lines)
    assert ("30,000/54,321 files" in line) == (width >= 60)
    assert ("12 failed" in line) == (width >= 80)


def test_a_pipe_gets_lines() -> None:
    stream = io.StringIO()
    with drawn_progress(stream, every=0) as draw:
        for state in STATES:
            draw(state)
    assert stream.getvalue() == (
        "ragkit: looking at files: 100\n"
        "ragkit: read 3 of 10 files; 2 documents committed, 1,234 chunks embedded\n"
        "ragkit: read 10 of 10 files, 1 failed; 9 documents committed, 1,300 chunks embedded\n"
    )


def test_a_pipe_gets_no_more_than_a_line_every_few_seconds() -> None:
    stream = io.StringIO()
    with drawn_progress(stream, every=3600) as draw:
        for state in STATES:
            draw(state)
    assert stream.getvalue() == ""


def test_quiet_is_quiet() -> None:
    stream = Terminal()
    with drawn_progress(stream, quiet=True) as draw:
        for state in STATES:
            draw(state)
    assert stream.getvalue() == ""


# --------------------------------------------------------------------- the report


def printed(capsys: pytest.CaptureFixture[str], **fields: Any) -> str:
    print_report(IngestReport(paths=("/docs",), **fields), collection="default", status=None)
    return capsys.readouterr().out


def test_long_lists_are_cut_and_say_so(capsys: pytest.CaptureFixture[str]) -> None:
    many = tuple(Change("added", f"{number}.md") for number in range(LISTED + 5))
    assert "  … and 5 more; --json lists all\n" in printed(capsys, files=1, changes=many)
    assert "more; --json" not in printed(capsys, files=1, changes=many, dry_run=True)
    failed = tuple(Problem("/docs", f"{number}.pdf", "damaged", failed=True) for number in range(LISTED + 1))
    assert "  … and 1 more; --json lists all\n" in printed(capsys, files=1, problems=failed)


def test_everything_that_happened_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    out = printed(
        capsys,
        files=9,
        changes=(Change("renamed", "b.md", old="a.md"), Change("removed", "c.md")),
        unchanged=3,
        kept=2,
        problems=(
            Problem("/docs", "locked/", "permission", "Permission denied", failed=True, kept=True),
            Problem("/docs", "d.md", "empty_file", "zero bytes", kept=True),
            *(Problem("/docs", f".{name}", "ignored", "hidden") for name in "abcdefg"),
        ),
        warned=(Warned("e.pdf", ("page 1 without text", "page 2 without text")),),
        notes=("a note",),
        interrupted=True,
    )
    assert out.splitlines() == [
        "default was being brought up to date with /docs",
        "  0 added · 0 changed · 1 removed · 1 renamed · 3 unchanged · 2 kept as they were",
        "  > b.md  (was a.md)",
        "  - c.md",
        "  ",
        "  note: a note",
        "read with losses: 1",
        "  e.pdf: page 1 without text; page 2 without text",
        "skipped: 8",
        "  ignored         7  .a, .b, .c, .d, .e, and 2 more",
        "  empty_file      1  d.md [earlier version stays]",
        "failed: 1",
        "  permission  locked/: Permission denied (what it held stays)",
        "stopped: what was committed stays; run the same command again for the rest",
    ]


def test_the_page_lists_every_reason_on_its_side() -> None:
    page = (Path(__file__).parents[2] / "docs" / "ingest.md").read_text(encoding="utf-8")
    row = next(line for line in page.splitlines() if line.startswith("| `binary`"))
    purpose, failed = (set(re.findall("`([a-z_]+)`", cell)) for cell in row.strip("| ").split(" | "))
    reasons: set[ragkit.Reason] = set(get_args(ragkit.Reason))
    skipped = {reason for reason in reasons if ragkit.ExtractionError(reason).skipped}
    assert (purpose, failed) == (skipped, reasons - skipped)
