"""Question files: what is read, what counts as found, and how answers are graded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ragkit.cli.context import Tools
from ragkit.cli.evaluate import evaluate
from ragkit.errors import InputError, RagkitError
from ragkit.evaluation.datasets.lines import DatasetError
from ragkit.evaluation.datasets.question_files import load_question_file
from ragkit.evaluation.measures.question_files import contains
from ragkit.knowledge.knowledge_base import KnowledgeBase
from ragkit.testing import HashEmbedder
from ragkit.types.documents import Document
from ragkit.types.prompts import Prompt

ROWS: list[dict[str, Any]] = [
    {
        "question": "When does the sluice open?",
        "document": "sluice.md",
        "text": "the sluice opens at 05:40",
        "answer_has": [["05:40"]],
        "kind": "time",
    },
    {
        "question": "Who keeps the lamp oil?",
        "answer_doc": ["lamps.md", "oil.md"],
        "answer_text": ["kept by the *harbour master*"],
        "answer_has": ["harbour master", ["cellar", "basement"]],
    },
    {"question": "Where is the sluice key?", "document": "lost.md", "text": "under the mat"},
    {"question": "What does the pilot earn?", "answer_has": []},
]


class Fixed:
    """A chat model with an answer for each question."""

    name = "fixed"

    def stream(self, prompt: Prompt) -> Iterator[str]:
        if "sluice" in prompt.question:
            yield "The sluice opens at 05:40 [1]."
        elif "oil" in prompt.question:
            yield "The harbour master keeps it [1]."
        else:
            yield "The documents do not say what the pilot earns."


@pytest.fixture
def data(tmp_path: Path) -> Path:
    with KnowledgeBase(tmp_path / "data", embedder=HashEmbedder()) as kb:
        kb.add(
            [
                Document.from_text("sluice.md", "The sluice opens at 05:40. It closes at 22:10."),
                Document.from_text("lamps.md", "Lamp oil is kept by the harbour master in the cellar."),
                Document.from_text("pilots.md", "A pilot boards each ship over 90 metres."),
            ]
        )
    return tmp_path / "data"


def write(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def call(*arguments: str | Path) -> Result:
    tools = Tools(embedder=HashEmbedder(), chat=Fixed())
    done = CliRunner().invoke(evaluate, [str(item) for item in arguments], obj=tools)
    if isinstance(done.exception, RagkitError):
        raise done.exception
    return done


def test_retrieval_counts_by_document_and_by_evidence(data: Path, tmp_path: Path) -> None:
    done = call(write(tmp_path / "q.jsonl", *ROWS), "--data", data, "--json")
    shape = json.loads(done.stdout)
    assert (shape["questions"], shape["answerable"]) == (4, 3)
    figures = shape["groups"]["all"]
    assert figures["document@1"]["value"] == pytest.approx(2 / 3)
    assert figures["evidence@5"]["value"] == pytest.approx(2 / 3)
    assert figures["evidence_mrr"]["low"] <= 2 / 3 <= figures["evidence_mrr"]["high"]
    assert shape["missing_documents"] == ["lost.md", "oil.md"]
    assert shape["groups"]["time"]["document@1"]["value"] == 1.0
    assert "right" not in figures


def test_answers_are_graded_by_their_facts(data: Path, tmp_path: Path) -> None:
    done = call(write(tmp_path / "q.jsonl", *ROWS), "--data", data, "--json", "--answers")
    figures = json.loads(done.stdout)["groups"]["all"]
    assert [figures[name]["value"] for name in ("right", "partial", "wrong", "abstained")] == [0.5, 0.5, 0.0, 0.0]
    assert figures["refused"]["value"] == 1.0


def test_floors_and_lines(data: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "q.jsonl", *ROWS)
    low = call(path, "--data", data, "--fail-under", "document@1=0.9")
    assert low.exit_code == 1
    assert "document@1 is 0.6667, under 0.9" in low.stderr
    assert "the collection does not hold lost.md, oil.md" in low.stdout
    assert "time (1): document@1 1.00" in low.stdout
    assert call(path, "--data", data, "--fail-under", "document@1=0.6").exit_code == 0
    with pytest.raises(InputError, match="no metric 'right'"):
        call(path, "--data", data, "--fail-under", "right=0.6")
    with pytest.raises(InputError, match="--part is for folders"):
        call(path, "--data", data, "--part", "test")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"document": "a.md"}, "'question' is missing"),
        ({"question": " "}, "'question' is empty"),
        ({"question": "a?", "document": [3]}, "'document' is not a string"),
        ({"question": "a?", "text": ""}, None),
        ({"question": "a?", "answer_has": "yes"}, "'answer_has' is not a list"),
        ({"question": "a?", "answer_has": [[]]}, "a fact that is not"),
        ({"question": "a?", "answer_has": [["", "b"]]}, "a wording that is empty"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, row: object, message: str | None) -> None:
    path = write(tmp_path / "bad.jsonl", {"question": "good?"}, row)
    if message is None:
        assert not load_question_file(path)[1].answerable
        return
    with pytest.raises(DatasetError, match=message) as caught:
        load_question_file(path)
    assert "bad.jsonl:2" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "wording", "found"),
    [
        ("It costs 1,250 EUR.", "250", False),
        ("It costs 250.", "250", True),
        ("It costs 250.50.", "250", False),
        ("Use `max_age` [1] here", "max_age here", True),
        ("the Caretaker’s flat", "caretaker's flat", True),
        ("retries", "try", False),
        ("默认是三天。", "三天", True),
    ],
)
def test_a_wording_is_found_at_word_borders(text: str, wording: str, found: bool) -> None:
    assert contains(text, wording) is found
