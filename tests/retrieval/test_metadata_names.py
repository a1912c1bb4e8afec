"""People and dates of the metadata are found, in any notation, and weigh nothing where documents have none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import ragkit
from ragkit import Document, KnowledgeBase
from ragkit.testing import HashEmbedder

ARTICLES = {
    "pumps.md": ("Pumps run dry without a float switch.", {"author": "Tove Lindqvist", "reviewer": "Bo Ek"}),
    "valves.md": ("Valves are turned once a month.", {"author": "Ravi de Souza", "date": "2024-03-09"}),
    "tanks.md": ("Tanks are emptied in autumn. The author of the plan decides.", {"updated": "2024-10-21"}),
    "menu.md": ("Who wrote the menu? The cook did, on a Monday in March.", {}),
}


@pytest.fixture(scope="module")
def kb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KnowledgeBase]:
    with ragkit.open(tmp_path_factory.mktemp("kb"), embedder=HashEmbedder()) as made:
        made.add(Document.from_text(name, text, metadata=data) for name, (text, data) in ARTICLES.items())
        yield made


@pytest.mark.parametrize(
    ("question", "source"),
    [
        ("What did Tove Lindqvist write?", "pumps.md"),
        ("lindqvist", "pumps.md"),
        ("Which pages has Ravi de Souza written?", "valves.md"),
        ("the plan of 21 October 2024", "tanks.md"),
        ("what was written on March 9, 2024?", "valves.md"),
    ],
)
def test_who_and_when_are_found_though_no_text_says_so(kb: KnowledgeBase, question: str, source: str) -> None:
    assert kb.search(question, k=1)[0].source == source


def test_a_filter_still_holds(kb: KnowledgeBase) -> None:
    where = {"type": "ne", "key": "source", "value": "pumps.md"}
    assert "pumps.md" not in {hit.source for hit in kb.search("Tove Lindqvist", where=where)}


def test_a_name_of_nobody_changes_nothing(kb: KnowledgeBase, tmp_path: Path) -> None:
    with ragkit.open(tmp_path, embedder=HashEmbedder()) as bare:
        bare.add(Document.from_text(name, text) for name, (text, _) in ARTICLES.items())
        for question in ("What did Olga Petrova write?", "Who wrote the menu?"):
            shown = [[(hit.source, hit.score) for hit in one.search(question)] for one in (kb, bare)]
            assert shown[0] == shown[1]


def test_keys_that_are_not_told_are_not_searched(tmp_path: Path) -> None:
    with ragkit.open(tmp_path, embedder=HashEmbedder()) as kb:
        kb.add([Document.from_text("a.md", "Apples are red.", metadata={"secret_note": "Tove Lindqvist"})])
        kb.add([Document.from_text("b.md", "Bananas are yellow and the sky is blue.")])
        assert all("Lindqvist" not in hit.text for hit in kb.search("Tove Lindqvist"))
        assert max(hit.score for hit in kb.search("Tove Lindqvist")) < 0.5
