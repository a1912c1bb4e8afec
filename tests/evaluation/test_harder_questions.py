"""Questions that a search does not answer by their words alone: their content, and the separation of their kinds."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from ragkit.evaluation.datasets.beir import load_ranking_set
from ragkit.evaluation.generation.candidates import outline
from ragkit.evaluation.generation.harder import Harder, find_rivals, numbers_of
from ragkit.evaluation.generation.question_sets import make_set
from ragkit.evaluation.generation.saving import save_set
from ragkit.knowledge.knowledge_base import KnowledgeBase
from ragkit.testing import HashEmbedder
from ragkit.types.documents import Document

LODGES = ("Aspen", "Breeze", "Cliff", "Dune", "Echo", "Fjord", "Grove", "Heath", "Inlet", "Jetty")


def lodge(name: str, number: int) -> Document:
    """A page like the others but for its names and numbers."""
    text = (
        f"The {name} lodge must provide fresh towels to every guest within {number + 31} minutes of a request.\n"
        f"Guests of the {name} lodge pay a price of {number + 70} crowns for each night in the upper rooms.\n"
        f"The cook of {name} starts the breakfast at {number + 5} in the morning and serves warm bread with honey.\n"
        f"Every visitor can find the key of the {name} boat house in the small drawer below the large mirror.\n"
    )
    return Document.from_text(f"{name.lower()}.md", text)


DOCUMENTS = [lodge(name, number) for number, name in enumerate(LODGES)]
OUTLINES = [outline(document) for document in DOCUMENTS]


@pytest.fixture(scope="module")
def made() -> dict[str, list[tuple[str, str, int]]]:
    """kind -> (question, text of its first passage, number of passages), of the first document."""
    harder = Harder({}, find_rivals(OUTLINES), 0)
    found: dict[str, list[tuple[str, str, int]]] = {}
    for item in harder.candidates(OUTLINES[0]):
        passage = DOCUMENTS[0].text[item.start : item.end]
        found.setdefault(item.kind, []).append((item.text, passage, 1 + len(item.more)))
    return found


def test_a_paraphrase_has_other_words_in_another_order(made: dict[str, list[tuple[str, str, int]]]) -> None:
    assert made["paraphrase"]
    for question, passage, _ in made["paraphrase"]:
        words = passage.lower().replace(".", "").split()
        asked = question.split()
        assert set(asked) - set(words), "some word is another one"
        places = [words.index(word) for word in asked if word in words]
        assert places != sorted(places), "the order is another one"


def test_a_constraint_is_a_number_of_its_passage(made: dict[str, list[tuple[str, str, int]]]) -> None:
    for question, passage, _ in made["constraint"]:
        (number,) = re.findall(r"\d+", question)
        assert number in re.findall(r"\d+", passage)


def test_beside_a_rival_one_word_decides(made: dict[str, list[tuple[str, str, int]]]) -> None:
    rivals = find_rivals(OUTLINES)
    assert made["distractor"]
    for question, _, _ in made["distractor"]:
        own = [word for word in question.split() if not any(word in rival for rival in rivals.values())]
        assert len(own) <= 1


def test_two_parts_have_two_passages(made: dict[str, list[tuple[str, str, int]]]) -> None:
    assert [count for _, _, count in made["two-part"]] == [2] * len(made["two-part"])
    assert made["two-part"]


def test_an_unanswerable_question_has_a_number_that_stands_nowhere() -> None:
    numbers = numbers_of(OUTLINES)
    texts = list(Harder({}, {}, 0).unanswerable(OUTLINES[0], numbers))
    assert texts
    for text in texts:
        (number,) = re.findall(r"\d+", text)
        assert number not in numbers


def test_a_saved_set_marks_every_kind_and_is_read_again(tmp_path: Path) -> None:
    with KnowledgeBase(tmp_path / "kb", embedder=HashEmbedder()) as kb:
        kb.add(DOCUMENTS)
        first, second = make_set(kb), make_set(kb)
    save_set(first, tmp_path / "set")
    save_set(second, tmp_path / "again")
    names = ("queries.jsonl", "unanswerable.jsonl", "meta.json")
    for name in names:
        assert (tmp_path / "set" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()
    read = load_ranking_set(tmp_path / "set")
    assert {query.kind for query in read.queries.values()} >= {"constraint", "distractor"}
    lines = (tmp_path / "set" / "unanswerable.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    assert rows
    assert {row["part"] for row in rows} <= {"tune", "validate", "test"}
    assert not {row["text"] for row in rows} & {query.text for query in read.queries.values()}
