"""`ragkit ask` on the screen: where a citation is, and that somebody writes at the moment."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click import Command
from click.testing import CliRunner, Result

from ragkit import FileState
from ragkit.cli.context import Tools
from ragkit.cli.query import ask, prompt, search
from ragkit.knowledge.knowledge_base import KnowledgeBase
from ragkit.testing import HashEmbedder
from ragkit.types.documents import Document, Heading, Page

RULES = "Quays\n\nSwimming at the north quay is forbidden.\n\nThe ferry to Ven costs 14.50 EUR."


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "rules.pdf").write_bytes(RULES.encode())
    paged = Document(
        "rules.pdf",
        RULES,
        pages=(Page(0, "iv"), Page(48, "v")),
        headings=(Heading(0, 1, "Quays"),),
        sha256=Document.from_text("x", RULES).sha256,
    )
    web = Document("site.html", "The crane lifts 90 tonnes.", metadata={"url": "https://port.example/crane"})
    state = FileState(
        root=str(folder),
        path=b"rules.pdf",
        source="rules.pdf",
        size=1,
        mtime_ns=1,
        ctime_ns=1,
        sha256=paged.sha256,
        extractor="1",
    )
    with KnowledgeBase(tmp_path / "data", embedder=HashEmbedder()) as kb, kb.writer() as writer:
        writer.add([(paged, state), web])
    return tmp_path / "data"


def call(command: Command, *arguments: str | Path) -> Result:
    done = CliRunner().invoke(command, [str(item) for item in arguments], obj=Tools(embedder=HashEmbedder()))
    assert done.exit_code == 0, done.output
    return done


def test_a_citation_begins_with_its_number_and_names_heading_page_and_file(data: Path) -> None:
    lines = call(ask, "What does the ferry to Ven cost?", "--data", data).stdout.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("[1]"))
    assert lines[at].startswith("[1] rules.pdf · Quays · p. 2 [v] (quote verified)")
    assert lines[at + 1] == f"    {data.parent / 'files' / 'rules.pdf'}"


def test_a_file_that_has_changed_is_no_address(data: Path) -> None:
    path = data.parent / "files" / "rules.pdf"
    path.write_bytes(b"something else")
    assert str(path) not in call(ask, "What does the ferry to Ven cost?", "--data", data).stdout


def test_a_web_page_has_its_own_address(data: Path) -> None:
    out = call(ask, "How much does the crane lift?", "--data", data).stdout
    assert "\n    https://port.example/crane\n" in out
    shape = json.loads(call(ask, "How much does the crane lift?", "--data", data, "--json").stdout)
    assert shape["citations"][0]["address"] == "https://port.example/crane"
    assert shape["citations"][0]["heading"] == ""


@pytest.mark.parametrize("command", [ask, search, prompt])
def test_a_running_ingest_is_said_on_standard_error(data: Path, command: Command) -> None:
    quiet = call(command, "What does the ferry cost?", "--data", data, "--json")
    assert quiet.stderr == ""
    with KnowledgeBase(data, embedder=HashEmbedder()) as kb, kb.writer():
        noted = call(command, "What does the ferry cost?", "--data", data, "--json")
    assert "an ingest is running: process " in noted.stderr
    assert "since 20" in noted.stderr
    assert "generation 1" in noted.stderr
    json.loads(noted.stdout)
