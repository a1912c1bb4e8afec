"""SIGKILL in the middle of an ingest: every committed document is whole and searchable, and none is half there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest

import ragkit
from ragkit import NotFoundError
from ragkit.testing import HashEmbedder
from ragkit_ingest import ingest_folder

ROOT = Path(__file__).parents[2]
FILES = 60
WORDS = ("amber", "basil", "cedar", "dahlia", "elder", "fennel", "ginger", "hazel", "iris", "juniper")

# Each child goes on for AHEAD commits after the one that it is to be killed at, then waits for its end: however late
# the parent is, the child has not finished, and mostly it is struck in the middle of a commit.
AHEAD = 10
LIBRARY = """
import sys, ragkit
from ragkit.testing import HashEmbedder
from ragkit_ingest import ingest_folder
def tell(progress):
    if progress.source and progress.documents:
        print(progress.documents, flush=True)
        if progress.documents >= int(sys.argv[3]):
            sys.stdin.read()
with ragkit.open(sys.argv[1], embedder=HashEmbedder()) as kb:
    ingest_folder(kb, sys.argv[2], progress=tell)
print("done", flush=True)
"""
COMMAND = """
import apsw, sys
commits = 0
def count():
    global commits
    commits += 1
    if commits >= int(sys.argv[3]):
        sys.stdin.read()
    return False
apsw.connection_hooks.append(lambda connection: connection.set_commit_hook(count))
from ragkit_ingest.cli.ingest import ingest
ingest(["--data", sys.argv[1], sys.argv[2]])
"""


def text_of(number: int, version: str) -> str:
    """Return a document of several chunks whose every paragraph names it."""
    words = [" ".join(WORDS[(number + part + step) % 10] for step in range(60)) for part in range(8)]
    paragraphs = [f"Report {number} part {part} of {version}: {line}." for part, line in enumerate(words)]
    return f"Report {number}\n\ncode{number:03}{version}\n\n" + "\n\n".join(paragraphs) + "\n"


def write_all(folder: Path, version: str, numbers: Sequence[int] = range(FILES)) -> None:
    folder.mkdir(exist_ok=True)
    for number in numbers:
        (folder / f"{number:03}.txt").write_text(text_of(number, version))


def start(code: str, data: Path, docs: Path, *, until: int) -> subprocess.Popen[str]:
    """Start a child that ingests; after so many documents (LIBRARY) or commits (COMMAND) it waits to be killed."""
    path = os.pathsep.join(str(ROOT / part) for part in (".", "service", "ingest"))
    return subprocess.Popen(
        [sys.executable, "-c", code, str(data), str(docs), str(until)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )


def kill_after(child: subprocess.Popen[str], committed: int) -> int:
    """Kill a child once it has said that so many documents are committed; return what it said last."""
    assert child.stdout
    said = 0
    for line in child.stdout:
        said = int(line)
        if said >= committed:
            child.send_signal(signal.SIGKILL)
            break
    rest, _ = child.communicate()
    assert "done" not in rest
    assert child.returncode == -signal.SIGKILL
    return said


def kill_when_something_is_committed(child: subprocess.Popen[str], data: Path) -> int:
    """Kill a child as soon as the collection shows a document; return how many it shows."""
    while child.poll() is None:
        try:
            with ragkit.open(data, create=False) as kb:
                while child.poll() is None:
                    documents = int(kb.status()["documents"])
                    if documents:
                        child.send_signal(signal.SIGKILL)
                        child.communicate()
                        assert child.returncode == -signal.SIGKILL
                        return documents
                    with suppress(subprocess.TimeoutExpired):
                        child.wait(0.01)
        except NotFoundError:
            continue
    pytest.fail(f"it ended by itself: {child.communicate()[0]}")


def check_whole(data: Path, versions: dict[str, tuple[str, ...]], embedder: HashEmbedder | None) -> list[str]:
    """Check that every document is whole, of one version, and found by its words; return the sources."""
    with ragkit.open(data, embedder=embedder, create=False) as kb:
        assert [problem for problem in kb.verify() if problem.kind != "file"] == []
        report = kb.doctor()
        assert report["ok"], report
        held = kb.documents()
        for info in held:
            text = kb.document(info.source).text
            assert text.strip() in versions[info.source], info.source
            code = text.split("\n")[2]
            hits = kb.search(code, k=1)
            assert hits[0].source == info.source, code
        assert kb.status()["documents"] == len(held)
    return [info.source for info in held]


def expected(*versions: str) -> dict[str, tuple[str, ...]]:
    return {
        f"{number:03}.txt": tuple(text_of(number, version).strip() for version in versions) for number in range(FILES)
    }


@pytest.mark.parametrize("committed", [1, 7, 31])
def test_a_first_ingest_that_is_killed_keeps_every_committed_document_whole(tmp_path: Path, committed: int) -> None:
    write_all(tmp_path / "docs", "one")
    said = kill_after(start(LIBRARY, tmp_path / "kb", tmp_path / "docs", until=committed + AHEAD), committed)
    sources = check_whole(tmp_path / "kb", expected("one"), HashEmbedder())
    assert len(sources) >= said >= committed

    embedder = HashEmbedder()
    with ragkit.open(tmp_path / "kb", embedder=embedder) as kb:
        report = ingest_folder(kb, tmp_path / "docs")
        assert report.count("added") == FILES - len(sources)
        assert report.unchanged == len(sources)
        assert kb.status()["documents"] == FILES
    assert len(check_whole(tmp_path / "kb", expected("one"), HashEmbedder())) == FILES


def test_a_change_that_is_killed_leaves_each_document_old_or_new(tmp_path: Path) -> None:
    write_all(tmp_path / "docs", "one")
    with ragkit.open(tmp_path / "kb", embedder=HashEmbedder()) as kb:
        ingest_folder(kb, tmp_path / "docs")
    write_all(tmp_path / "docs", "second", range(0, FILES, 2))
    (tmp_path / "docs" / "001.txt").unlink()
    (tmp_path / "docs" / "003.txt").rename(tmp_path / "docs" / "103.txt")
    said = kill_after(start(LIBRARY, tmp_path / "kb", tmp_path / "docs", until=5 + AHEAD), 5)

    versions = expected("one", "second")
    versions["103.txt"] = versions["003.txt"]
    sources = check_whole(tmp_path / "kb", versions, HashEmbedder())
    assert len(sources) == FILES - 1
    with ragkit.open(tmp_path / "kb", embedder=HashEmbedder()) as kb:
        new = [source for source in sources if "second" in kb.document(source).text]
        assert FILES // 2 > len(new) >= said
        report = ingest_folder(kb, tmp_path / "docs")
        assert report.count("changed") == FILES // 2 - len(new)
        assert ingest_folder(kb, tmp_path / "docs").changes == ()


def test_the_command_that_is_killed_keeps_what_it_committed(tmp_path: Path) -> None:
    write_all(tmp_path / "docs", "one")
    child = start(COMMAND, tmp_path / "kb", tmp_path / "docs", until=3 * AHEAD)
    said = kill_when_something_is_committed(child, tmp_path / "kb")
    with ragkit.open(tmp_path / "kb", create=False) as kb:
        held = [info.source for info in kb.documents()]
        assert FILES > len(held) >= said
        assert [problem for problem in kb.verify() if problem.kind != "file"] == []
        assert kb.doctor()["ok"]
        for source in held:
            assert kb.document(source).text.strip() == text_of(int(source[:3]), "one").strip()
            number = int(source[:3])
            assert kb.search(f"report {number} code{number:03}one", k=1)[0].source == source
        report = ingest_folder(kb, tmp_path / "docs", dry_run=True)
        assert (report.unchanged, report.count("added")) == (len(held), FILES - len(held))
