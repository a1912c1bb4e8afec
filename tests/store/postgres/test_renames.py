"""A file that two machines rename at once: the second run decides on what the first has committed."""

from __future__ import annotations

from pathlib import Path

import pytest

import ragkit
from ragkit import KnowledgeWriter, NotFoundError
from ragkit.testing import HashEmbedder
from ragkit_ingest import IngestOptions, IngestReport, ingest_folder
from tests.faults.workload import PlainPool


def ingest(address: str, folder: Path) -> IngestReport:
    with ragkit.open(address, embedder=HashEmbedder()) as kb:
        return ingest_folder(kb, folder, options=IngestOptions(pool=PlainPool()))


@pytest.fixture
def renamed(postgres: str, tmp_path: Path) -> Path:
    """A folder that was ingested, and one of whose files was renamed since."""
    folder = tmp_path / "docs"
    folder.mkdir()
    for name in ("mast", "keel"):
        (folder / f"{name}.txt").write_text(f"The {name} is made of oak.")
    ingest(postgres, folder)
    (folder / "mast.txt").rename(folder / "spar.txt")
    return folder


def test_a_file_that_two_machines_rename_at_once_has_its_new_name(
    postgres: str, renamed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first: list[IngestReport] = []
    rename = KnowledgeWriter.rename

    def overtaken(writer: KnowledgeWriter, old: str, new: str) -> None:
        if not first:  # the other machine renames between this run's plan and its own renaming
            monkeypatch.undo()
            monkeypatch.setenv("RAGKIT_LOCAL", str(renamed.parent / "other"))
            first.append(ingest(postgres, renamed))
        rename(writer, old, new)

    monkeypatch.setattr(KnowledgeWriter, "rename", overtaken)
    second = ingest(postgres, renamed)
    assert [(change.action, change.source) for change in first[0].changes] == [("renamed", "spar.txt")]
    assert (second.changes, second.unchanged, second.failed) == ((), 2, ())
    with ragkit.open(postgres, embedder=HashEmbedder()) as kb:
        assert sorted(kb.digests()) == ["keel.txt", "spar.txt"]
        assert (kb.verify(), kb.doctor()["ok"]) == ([], True)
    assert ingest(postgres, renamed).generation == 0


def test_a_run_gives_up_after_three_plans(postgres: str, renamed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []

    def never(writer: KnowledgeWriter, old: str, new: str) -> None:
        tried.append(old)
        raise NotFoundError("there is no such document")

    monkeypatch.setattr(KnowledgeWriter, "rename", never)
    with pytest.raises(NotFoundError):
        ingest(postgres, renamed)
    assert tried == ["mast.txt"] * 3
