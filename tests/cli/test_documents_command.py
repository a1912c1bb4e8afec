"""`ragkit documents` reads and prints a page at a time: lines and JSON do not depend on the size of a page."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

import ragkit
from ragkit.cli import options
from ragkit.cli.app import cli
from ragkit.knowledge import status
from ragkit.testing import HashEmbedder


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    with ragkit.open(tmp_path / "data", embedder=HashEmbedder()) as kb:
        kb.add(ragkit.Document.from_text(f"{'b' if n % 2 else 'a'}/{n:02}.txt", f"Valve {n}.") for n in range(11))
    monkeypatch.setattr(status, "_PAGE", 4)
    monkeypatch.setattr(options, "_MEASURED", 3)
    return tmp_path / "data"


def run(*arguments: str, data: Path) -> str:
    result = CliRunner().invoke(cli, ["documents", *arguments, "--data", str(data)])
    assert result.exit_code == 0, result.output
    return result.output


def test_pages_together_are_the_whole_list(data: Path) -> None:
    with ragkit.open(data, create=False) as kb:
        for prefix in ("", "a/", "b/0", "none"):
            for limit in (None, 1, 4, 5, 8, 100):
                assert list(kb.iter_documents(prefix=prefix, limit=limit)) == kb.documents(prefix=prefix, limit=limit)


def test_a_listing_is_of_one_state(data: Path) -> None:
    with ragkit.open(data, embedder=HashEmbedder(), create=False) as kb:
        listing = kb.iter_documents()
        first = next(listing)
        kb.remove([f"b/{n:02}.txt" for n in range(1, 11, 2)])
        assert len([first, *listing]) == 11
        assert len(list(kb.iter_documents())) == 6


def test_json_is_the_list_that_print_json_gives(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with ragkit.open(data, create=False) as kb:
        options.print_json([info.as_dict() for info in kb.documents()])
    assert run("--json", data=data) == capsys.readouterr().out
    assert json.loads(run("--json", "--prefix", "none", data=data)) == []
    assert len(json.loads(run("--json", "--limit", "5", data=data))) == 5


def test_the_table_has_a_line_a_document(data: Path) -> None:
    lines = run(data=data).splitlines()
    assert lines[0].split() == ["source", "type", "pages", "chunks", "title"]
    assert [line.split()[0] for line in lines[1:]] == sorted(f"{'b' if n % 2 else 'a'}/{n:02}.txt" for n in range(11))
    assert run("--prefix", "none", data=data) == "No documents.\n"
