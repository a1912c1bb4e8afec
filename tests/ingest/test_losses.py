"""A root that is suddenly empty, or has lost most of its files, is not taken for a folder that somebody cleared."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import ragkit
from ragkit.cli.app import run
from ragkit.testing import HashEmbedder
from ragkit_ingest import IngestOptions, IngestReport, RemovalsError, ingest_folder
from ragkit_ingest.cli import ingest as command


@pytest.fixture
def share(tmp_path: Path) -> Path:
    folder = tmp_path / "share"
    for number in range(24):
        path = folder / ("north" if number < 16 else "south") / f"{number:02}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"Boat {number} has berth {number * 3}.")
    return folder


class Library:
    """A collection in a folder, ingested in process."""

    def __init__(self, data: Path) -> None:
        self.data = data

    def ingest(self, *paths: Path, dry_run: bool = False, allow_removals: bool = False) -> IngestReport:
        options = IngestOptions(workers=1, allow_removals=allow_removals)
        with ragkit.open(self.data, embedder=HashEmbedder()) as kb:
            return ingest_folder(kb, list(paths), dry_run=dry_run, options=options)

    def count(self) -> int:
        with ragkit.open(self.data, embedder=HashEmbedder()) as kb:
            return len(kb.documents())


@pytest.fixture
def library(tmp_path: Path, share: Path) -> Library:
    made = Library(tmp_path / "kb")
    made.ingest(share)
    return made


def clear(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


def test_an_unmounted_share_keeps_its_documents(library: Library, share: Path) -> None:
    clear(share)
    with pytest.raises(RemovalsError, match=r"no files were found in .*: 24 of 24 documents.*--allow-removals") as got:
        library.ingest(share)
    assert [(loss.held, loss.removed, loss.empty) for loss in got.value.losses] == [(24, 24, True)]
    assert library.count() == 24
    assert library.ingest(share, allow_removals=True).count("removed") == 24
    assert library.count() == 0


def test_most_of_the_files_missing_stops_the_run_and_half_does_not(library: Library, share: Path) -> None:
    for number in range(12):
        (share / "north" / f"{number:02}.txt").unlink()
    (share / "new.txt").write_text("A new mooring.")
    assert library.ingest(share).count("removed") == 12  # half is not over half
    (share / "south" / "20.txt").unlink()
    assert library.ingest(share).count("removed") == 1
    for path in [*share.glob("south/*.txt"), *share.glob("north/*.txt")][:11]:
        path.unlink()
    with pytest.raises(RemovalsError, match="11 of 12 documents would be removed"):
        library.ingest(share)
    assert library.count() == 12


def test_few_files_may_go_whatever_their_share(tmp_path: Path) -> None:
    folder = tmp_path / "few"
    folder.mkdir()
    for number in range(10):
        (folder / f"{number}.txt").write_text(f"Buoy {number} is lit.")
    library = Library(tmp_path / "kb")
    library.ingest(folder)
    for number in range(9):
        (folder / f"{number}.txt").unlink()
    assert library.ingest(folder).count("removed") == 9


def test_a_part_of_a_root_is_judged_by_itself(library: Library, share: Path) -> None:
    clear(share / "south")
    with pytest.raises(RemovalsError, match="8 of 8 documents"):
        library.ingest(share / "south")
    assert library.ingest(share).count("removed") == 8  # eight of all 24 are few


def test_one_empty_root_stops_the_run_for_all_of_them(library: Library, share: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "note.txt").write_text("The harbour master is out.")
    clear(share)
    with pytest.raises(RemovalsError):
        library.ingest(share, other)
    assert library.count() == 24


def test_renamed_and_moved_files_are_no_loss(library: Library, share: Path) -> None:
    (share / "north").rename(share / "nord")
    (share / "south").rename(share / "sud")
    assert library.ingest(share).count("renamed") == 24
    moved = share.with_name("elsewhere")
    share.rename(moved)
    assert library.ingest(moved).unchanged == 24


def test_a_dry_run_says_that_the_run_would_stop(library: Library, share: Path) -> None:
    clear(share)
    report = library.ingest(share, dry_run=True)
    assert report.count("removed") == 24
    assert any("24 of 24" in note and "--allow-removals" in note for note in report.notes)


def test_the_command_asks_on_a_terminal_only(
    library: Library, share: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    clear(share)
    asked: list[str] = []

    def consents(error: RemovalsError) -> bool:
        asked.append(str(error))
        return len(asked) > 1

    monkeypatch.setattr(ragkit, "open", lambda *_, **__: ragkit.KnowledgeBase(library.data, embedder=HashEmbedder()))
    arguments = ["ingest", str(share), "--data", str(library.data)]
    assert run(arguments) == 2
    assert "--allow-removals" in capfd.readouterr().err
    assert library.count() == 24
    monkeypatch.setattr(command, "_consents", consents)
    assert run(arguments) == 2
    assert library.count() == 24
    assert run(arguments) == 0
    assert library.count() == 0
