"""The chatbot of docs/examples, as the README shows it, with a fake chat model."""

from __future__ import annotations

import json
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

import ragkit
from ragkit.testing import CutChat, FakeChat, HashEmbedder

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "chatbot.py"
ANSWER = "The refund window is thirty days after delivery [1]."


@pytest.fixture
def fake() -> FakeChat:
    return FakeChat(ANSWER)


@pytest.fixture
def kb(tmp_path: Path, fake: FakeChat) -> Iterator[ragkit.KnowledgeBase]:
    with ragkit.open(tmp_path, embedder=HashEmbedder(), chat=fake) as made:
        text = "The refund window is thirty days after delivery. Goods must be unused."
        made.add(ragkit.Document.from_text("refunds.md", text, title="Refunds"))
        yield made


def chat(kb: ragkit.KnowledgeBase) -> TestClient:
    return TestClient(runpy.run_path(str(EXAMPLE))["make_app"](kb))


def say(client: TestClient, **turn: str) -> list[dict[str, Any]]:
    response = client.post("/chat", json=turn)
    assert response.status_code == 200
    return [json.loads(line) for line in response.text.splitlines()]


def test_it_streams_a_cited_answer(kb: ragkit.KnowledgeBase) -> None:
    *pieces, last = say(chat(kb), message="How long is the refund window?")

    assert len(pieces) > 1
    assert "".join(piece["text"] for piece in pieces) == last["answer"]["text"]
    assert last["answer"]["citations"][0]["source"] == "refunds.md"


def test_it_keeps_the_history_of_a_conversation_and_no_other(kb: ragkit.KnowledgeBase, fake: FakeChat) -> None:
    client = chat(kb)
    conversation = say(client, message="How long is the refund window?")[-1]["conversation"]
    say(client, message="And for opened goods?", conversation=conversation)
    say(client, message="What about unused goods?")

    contents = [[message.content for message in prompt.messages] for prompt in fake.prompts if prompt.passages]
    assert "How long is the refund window?" in contents[1]
    assert not any("How long is the refund window?" in content for content in contents[2])


def test_an_empty_question_is_422(kb: ragkit.KnowledgeBase) -> None:
    assert chat(kb).post("/chat", json={"message": " "}).status_code == 422


def test_an_answer_that_breaks_off_says_so_and_is_not_remembered(tmp_path: Path) -> None:
    with ragkit.open(tmp_path / "cut", embedder=HashEmbedder(), chat=CutChat()) as kb:
        kb.add(ragkit.Document.from_text("refunds.md", "The refund window is thirty days."))
        lines = say(chat(kb), message="How long is the refund window?")

    assert "error" in lines[-1]
    assert not any("answer" in line for line in lines)
