"""`ragkit search`, `prompt` and `ask`: folders, several collections, warnings, indentation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import ragkit
from ragkit.cli.app import cli
from ragkit.cli.context import Tools
from ragkit.testing import HashEmbedder
from ragkit.types.documents import Document

BEES = [
    Document(source="field/hives/queens.md", text="The queen is marked with a blue dot in spring.", title="Queens"),
    Document(source="field/hives.md", text="A queen lays eggs in the hive.", title="Hives"),
    Document(
        source="lab/notes.md",
        text="Queen cells are counted.",
        title="Notes",
        metadata={"author": "Olga", "day": "2025-11-02"},
    ),
]
CODE = "def weigh(hive):\n    if hive.empty:\n        return 0\n    return hive.grams"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two collections, which the tests of this file only read."""
    folder = tmp_path_factory.mktemp("data")
    with ragkit.open(folder, embedder=HashEmbedder()) as kb:
        kb.add(BEES)
    with ragkit.open(folder, collection="tools", embedder=HashEmbedder()) as kb:
        kb.add(Document(source="scale.py", text=CODE, title="scale"))
        kb.add(Document(source="queen.txt", text="The queen excluder is a grid.", title="Grid"))
    return folder


def run(data: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, [*words, "--data", str(data)], obj=Tools(embedder=HashEmbedder()))


def found(data: Path, *words: str) -> dict[str, Any]:
    result = run(data, *words, "--json")
    assert result.exit_code == 0, result.output
    parsed: dict[str, Any] = json.loads(result.stdout)
    return parsed


@pytest.mark.parametrize(
    ("folders", "sources"),
    [
        (["field/hives"], {"field/hives/queens.md"}),
        (["./field/"], {"field/hives/queens.md", "field/hives.md"}),
        (["field/hives.md", "lab"], {"field/hives.md", "lab/notes.md"}),
        (["."], {"field/hives/queens.md", "field/hives.md", "lab/notes.md"}),
    ],
)
def test_a_folder_bounds_the_search(data: Path, folders: list[str], sources: set[str]) -> None:
    options = [word for folder in folders for word in ("--in", folder)]
    hits = found(data, "search", "queen", "-k", "9", *options)["hits"]
    assert {hit["source"] for hit in hits} == sources


def test_a_folder_and_a_filter_hold_together(data: Path) -> None:
    where = '{"type": "after", "key": "day", "value": "2025"}'
    assert found(data, "search", "queen", "--in", "lab", "--where", where)["hits"] == []
    where = '{"type": "after", "key": "day", "value": "2025-10"}'
    assert [hit["source"] for hit in found(data, "search", "queen", "--where", where)["hits"]] == ["lab/notes.md"]


@pytest.mark.parametrize("command", ["search", "prompt", "ask"])
def test_an_unknown_key_is_a_warning_that_names_the_known_ones(data: Path, command: str) -> None:
    result = run(data, command, "queen", "--where", "autor=Olga", "--json")
    (warning,) = json.loads(result.stdout)["warnings"]
    assert "'autor'" in warning
    assert "author, day" in warning
    assert "autor" in result.stderr


def test_a_filter_that_matches_nothing_is_a_warning(data: Path) -> None:
    (warning,) = found(data, "search", "queen", "--in", "cellar")["warnings"]
    assert warning.startswith("the filter matches no document")
    assert found(data, "search", "queen", "--where", "author=Olga")["warnings"] == []


def test_several_collections_are_one_search(data: Path) -> None:
    both = found(data, "search", "queen excluder grid", "--collection", "default", "--collection", "tools")["hits"]
    assert [hit["rank"] for hit in both] == list(range(1, len(both) + 1))
    assert [hit["score"] for hit in both] == sorted((hit["score"] for hit in both), reverse=True)
    assert (both[0]["source"], both[0]["collection"]) == ("queen.txt", "tools")
    assert {hit["collection"] for hit in both} == {"default", "tools"}
    one = found(data, "search", "queen excluder grid", "--collection", "tools")["hits"]
    assert all("collection" not in hit for hit in one)
    assert "tools: queen.txt" in run(data, "search", "queen", "--collection", "tools", "--collection", "default").output


def test_no_collection_is_an_error() -> None:
    with pytest.raises(ragkit.InputError, match="no collection"):
        ragkit.search_collections([], "queen")


def test_code_keeps_its_indentation(data: Path) -> None:
    lines = run(data, "search", "weigh hive grams", "--collection", "tools", "-k", "1").output.split("\n")
    at = next(number for number, line in enumerate(lines) if "def weigh" in line)
    base = len(lines[at]) - len(lines[at].lstrip())
    shown = [line[base:] for line in lines[at : at + 4]]
    assert "\n".join(shown) == CODE
