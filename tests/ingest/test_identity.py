"""Where a document came from is part of it: files and uploads never replace each other, labels come from the folder."""

from __future__ import annotations

from pathlib import Path

import pytest

import ragkit
from ragkit import Document, InputError
from ragkit.testing import HashEmbedder
from ragkit_ingest import ingest_folder
from tests.ingest.test_sync import Desk, changes


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


# --------------------------------------------------------------------- the document's own hash


def test_a_document_that_another_program_replaced_is_read_again(desk: Desk) -> None:
    desk.write("refund-policy.md", "thirty days")
    desk.write("other.md", "other")
    desk.ingest()
    desk.kb.texts["refund-policy.md"] = Document("refund-policy.md", "no refunds, ever")
    report = desk.ingest()
    assert changes(report) == [("changed", "refund-policy.md")]
    assert desk.held()["refund-policy.md"] == "thirty days"
    assert desk.ingest().unchanged == 2


def test_a_replaced_document_does_not_follow_a_renamed_file(desk: Desk) -> None:
    path = desk.write("a.md", "alpha")
    desk.ingest()
    desk.kb.texts["a.md"] = Document("a.md", "poison")
    path.rename(path.with_name("b.md"))
    desk.ingest()
    assert desk.held() == {"b.md": "alpha"}


def test_a_kept_version_of_a_file_that_fails_is_no_replaced_document(desk: Desk) -> None:
    path = desk.write("a.md", "alpha")
    desk.ingest()
    path.write_text("FAIL:damaged")
    desk.tick(path)
    desk.ingest()
    desk.pool.read.clear()
    report = desk.ingest()
    assert (desk.held(), desk.pool.read, report.kept) == ({"a.md": "alpha"}, [], 1)


def test_force_reads_unchanged_files_again(desk: Desk) -> None:
    desk.write("a.md", "alpha")
    desk.ingest()
    report = desk.ingest(force=True)
    assert (desk.pool.read, report.unchanged, report.changes) == (["a.md", "a.md"], 1, ())


@pytest.mark.parametrize("name", ["upload:a.md", "upload:", "upload:x/a.md"])
def test_a_file_never_has_the_source_of_an_upload(desk: Desk, name: str) -> None:
    desk.kb.texts["upload:a.md"] = Document("upload:a.md", "uploaded")
    desk.write(name, "from the folder")
    desk.ingest()
    held = desk.held()
    assert held.pop("upload:a.md") == "uploaded"
    assert held == {f"docs/{name}": "from the folder"}
    assert desk.ingest().unchanged == 1


def test_an_upload_and_a_file_of_one_name_and_content_are_two_documents(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.md").write_text("The pump runs for ten years.")
    with ragkit.open(tmp_path / "kb", embedder=HashEmbedder()) as kb:
        kb.add(Document.from_text("upload:a.md", "The pump runs for ten years."))
        ingest_folder(kb, tmp_path / "docs")
        assert [item.source for item in kb.documents()] == ["a.md", "upload:a.md"]


# --------------------------------------------------------------------- access labels by folder


def labels(desk: Desk) -> dict[str, object]:
    return {source: document.metadata.get("acl") for source, document in sorted(desk.kb.texts.items())}


def test_the_last_rule_that_covers_a_file_gives_its_labels(desk: Desk) -> None:
    for name in ("hr/pay.md", "hr/open/jobs.md", "board.md", "sub/board.md", "free.md"):
        desk.write(name, name)
    desk.write(".ragkitacl", "# who sees what\n\nhr/ -> hr, board\nhr/open/ ->\nboard.md -> board\n")
    desk.ingest()
    assert labels(desk) == {
        "board.md": ("board",),
        "free.md": None,
        "hr/open/jobs.md": None,
        "hr/pay.md": ("board", "hr"),
        "sub/board.md": ("board",),
    }
    assert desk.ingest().unchanged == 5


def test_a_changed_rule_labels_unchanged_files_anew(desk: Desk) -> None:
    desk.write("hr/pay.md", "pay")
    desk.write("free.md", "free")
    desk.ingest()
    rules = desk.write(".ragkitacl", "hr/ -> hr")
    desk.pool.read.clear()
    assert changes(desk.ingest()) == [("changed", "hr/pay.md")]
    assert desk.pool.read == ["pay.md"]
    rules.write_text("* -> staff")
    desk.ingest()
    assert labels(desk) == {"free.md": ("staff",), "hr/pay.md": ("staff",)}
    rules.unlink()
    desk.ingest()
    assert labels(desk) == {"free.md": None, "hr/pay.md": None}


def test_a_file_that_moves_gets_the_labels_of_its_new_folder(desk: Desk) -> None:
    path = desk.write("open/pay.md", "pay")
    desk.write("hr/other.md", "other")
    desk.write(".ragkitacl", "hr/ -> hr")
    desk.ingest()
    path.rename(desk.folder / "hr" / "pay.md")
    desk.ingest()
    assert labels(desk) == {"hr/other.md": ("hr",), "hr/pay.md": ("hr",)}


@pytest.mark.parametrize("line", ["hr/ hr", "-> hr", "!hr/ -> hr", "hr/ -> a;b", "hr/ -> \u0007", "\u2192"])
def test_a_rule_that_is_none_stops_the_run_before_anything_is_written(desk: Desk, line: str) -> None:
    desk.write("hr/pay.md", "pay")
    desk.write(".ragkitacl", f"x -> y\n{line}\n")
    with pytest.raises(InputError, match=r"line 2 of .*\.ragkitacl"):
        desk.ingest()
    assert desk.held() == {}


def test_rules_that_cannot_be_read_stop_the_run(desk: Desk) -> None:
    desk.write("pay.md", "pay")
    desk.write("elsewhere", "* -> hr")
    (desk.folder / ".ragkitacl").symlink_to(desk.folder / "elsewhere")
    with pytest.raises(InputError, match="cannot be read"):
        desk.ingest()
    (desk.folder / ".ragkitacl").unlink()
    (desk.folder / ".ragkitacl").write_bytes(b"\xff -> hr")
    with pytest.raises(InputError, match="UTF-8"):
        desk.ingest()
    assert desk.held() == {}
