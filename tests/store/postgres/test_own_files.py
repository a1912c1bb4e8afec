"""The own files of a collection, the same on every machine: prompts, examples, feedback, originals; conflicts too."""

from __future__ import annotations

import hashlib
import json
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

import ragkit
from ragkit import Document, Example, ExampleFile, KnowledgeBase
from ragkit.testing import HashEmbedder
from ragkit_service.feedback import FeedbackFile

Machine = Callable[[str], KnowledgeBase]


@pytest.fixture
def machine(postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    """Open the collection as a machine of a name, with a folder of its own."""
    with ExitStack() as stack:

        def open_on(name: str) -> KnowledgeBase:
            monkeypatch.setenv("RAGKIT_LOCAL", str(tmp_path / name))
            return stack.enter_context(ragkit.open(postgres, embedder=HashEmbedder()))

        yield open_on


def content(kb: KnowledgeBase, path: str) -> str | None:
    """Return the text of a file of a collection; None when there is none."""
    found = kb.folder / path
    return found.read_text(encoding="utf-8") if found.exists() else None


def write(kb: KnowledgeBase, path: str, text: str) -> None:
    """Write a file of a collection, as an editor would."""
    found = kb.folder / path
    found.parent.mkdir(exist_ok=True)
    found.write_text(text, encoding="utf-8")


def test_what_one_machine_writes_changes_and_deletes_reaches_the_others(machine: Machine) -> None:
    one, two = machine("one"), machine("two")
    assert one.folder != two.folder
    files = {"prompts/terse.jinja": "Be brief.", "chains/two.toml": "name = 'two'", "traces/a.json": "{}"}
    for path, text in files.items():
        write(one, path, text)
    assert one.follow_files()
    assert two.follow_files()
    assert content(two, "prompts/terse.jinja") == "Be brief."
    assert content(two, "traces/a.json") == "{}"
    assert not one.follow_files()
    assert not two.follow_files()
    write(two, "prompts/terse.jinja", "Be very brief.")
    (two.folder / "traces" / "a.json").unlink()
    two.follow_files()
    one.follow_files()
    assert content(one, "prompts/terse.jinja") == "Be very brief."
    assert content(one, "traces/a.json") is None
    third = machine("third")  # opening is enough
    assert content(third, "prompts/terse.jinja") == "Be very brief."
    assert content(third, "traces/a.json") is None
    assert content(third, "chains/two.toml") == "name = 'two'"


def test_lines_that_two_machines_add_are_joined(machine: Machine) -> None:
    one, two = machine("one"), machine("two")
    FeedbackFile(one.folder).add({"question": "q0", "answer": "a", "verdict": "good", "note": ""})
    one.follow_files()
    two.follow_files()
    for number, kb in enumerate((one, two), 1):
        FeedbackFile(kb.folder).add({"question": f"q{number}", "answer": "a", "verdict": "bad", "note": ""})
        ExampleFile(kb.folder).add([Example(f"Question {number}?", f"Answer {number}.", "")])
    for kb in (one, two, one):
        kb.follow_files()
    for kb in (one, two):
        assert sorted(item["question"] for item in FeedbackFile(kb.folder).read()) == ["q0", "q1", "q2"]
        assert sorted(item.question for item in ExampleFile(kb.folder).load()) == ["Question 1?", "Question 2?"]


def test_no_feedback_is_lost_while_files_are_shared(machine: Machine) -> None:
    machines = [machine(name) for name in ("one", "two")]

    def add(kb: KnowledgeBase, name: str) -> None:
        for number in range(30):
            FeedbackFile(kb.folder).add({"question": f"{name}-{number}", "answer": "a", "verdict": "good", "note": ""})

    adding = [threading.Thread(target=add, args=(kb, str(at))) for at, kb in enumerate(machines)]
    for thread in adding:
        thread.start()
    while any(thread.is_alive() for thread in adding):
        for kb in machines:
            kb.follow_files()
    for kb in (*machines, *machines):
        kb.follow_files()
    wanted = sorted(f"{at}-{number}" for at in (0, 1) for number in range(30))
    for kb in machines:
        assert sorted(item["question"] for item in FeedbackFile(kb.folder).read()) == wanted


def test_a_file_that_two_machines_changed_is_kept_beside(machine: Machine, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    one, two = machine("one"), machine("two")
    write(one, "prompts/terse.jinja", "of one")
    write(two, "prompts/terse.jinja", "of two")
    for kb in (one, two, one):
        kb.follow_files()
    assert content(one, "prompts/terse.jinja") == content(two, "prompts/terse.jinja") == "of one"
    assert content(two, "prompts/terse.jinja.conflict") == "of two"
    assert content(one, "prompts/terse.jinja.conflict") is None
    assert "terse.jinja.conflict" in caplog.text
    assert not two.follow_files()


def test_a_change_wins_over_a_deletion(machine: Machine) -> None:
    one, two = machine("one"), machine("two")
    write(one, "prompts/terse.jinja", "old")
    one.follow_files()
    two.follow_files()
    (one.folder / "prompts" / "terse.jinja").unlink()
    write(two, "prompts/terse.jinja", "newer")
    for kb in (one, two, one):
        kb.follow_files()
    assert content(one, "prompts/terse.jinja") == content(two, "prompts/terse.jinja") == "newer"


def test_originals_are_found_on_every_machine_and_go_with_their_document(machine: Machine, tmp_path: Path) -> None:
    one, two = machine("one"), machine("two")
    body = bytes(range(256)) * 9_000  # more than two pieces
    file, digest = tmp_path / "scan.pdf", hashlib.sha256(body).hexdigest()
    file.write_bytes(body)
    with one.writer(kind="upload") as writer:
        assert writer.keep_original(file, digest, limit=1 << 30)
        document = Document.from_text("upload:scan.pdf", "A scan of a deed.", media_type="application/pdf")
        writer.add([replace(document, sha256=digest)])
    one.follow_files()
    two.follow_files()
    found = two.view(None).original("upload:scan.pdf")
    assert found is not None
    assert (two.folder / "originals" / digest).read_bytes() == body
    with two.writer(kind="remove") as writer:
        writer.remove("upload:scan.pdf")
    two.follow_files()
    one.follow_files()
    assert not (one.folder / "originals" / digest).exists()


def test_a_backup_of_one_machine_has_the_files_of_all(
    machine: Machine, postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = machine("one"), machine("two")
    two.add([Document.from_text("a", "Some words.")])
    write(one, "prompts/terse.jinja", "Be brief.")
    one.follow_files()
    two.backup(tmp_path / "all.ragkit")
    ragkit.restore_collection(tmp_path / "all.ragkit", postgres, "copy")
    monkeypatch.setenv("RAGKIT_LOCAL", str(tmp_path / "third"))  # a machine that has neither file nor backup
    with ragkit.open(postgres, collection="copy", embedder=HashEmbedder()) as copy:
        assert content(copy, "prompts/terse.jinja") == "Be brief."


def test_a_damaged_note_of_what_was_common_loses_nothing(machine: Machine) -> None:
    one, two = machine("one"), machine("two")
    write(one, "prompts/a.jinja", "a")
    one.follow_files()
    for damaged in ("{", json.dumps({"revision": "x", "files": []}), ""):
        (one.folder / ".shared.json").write_text(damaged)
        write(one, "prompts/b.jinja", f"b {damaged}")
        one.follow_files()
        two.follow_files()
        assert content(two, "prompts/a.jinja") == "a"
        assert content(one, "prompts/a.jinja") == "a"
    assert content(two, "prompts/b.jinja") is not None
