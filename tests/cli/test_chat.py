"""`ragkit chat`: turns that know what was said, commands, pipes, JSON lines and errors in the middle."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ragkit.chat.base import ChatModel
from ragkit.cli.context import Tools
from ragkit.cli.conversation.chat import chat
from ragkit.errors import ChatError
from ragkit.knowledge.knowledge_base import KnowledgeBase
from ragkit.testing import HashEmbedder
from ragkit.types.documents import Document
from ragkit.types.prompts import Prompt


class Listener:
    """A chat model that answers with a line of the first source, and keeps every prompt."""

    name = "listener"

    def __init__(self) -> None:
        self.prompts: list[Prompt] = []

    def stream(self, prompt: Prompt) -> Iterator[str]:
        if not prompt.passages:  # it is asked to rewrite a follow-up
            yield "How long does the ferry to Ven take?"
            return
        self.prompts.append(prompt)
        if "storm" in prompt.question:
            raise ChatError("the model is at sea", cure="wait")
        yield f"{prompt.passages[0].text} [1]"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    with KnowledgeBase(tmp_path / "data", embedder=HashEmbedder()) as kb:
        kb.add(
            [
                Document.from_text("ferry.md", "The ferry to Ven costs 14.50 EUR. The ferry to Ven takes 30 minutes."),
                Document.from_text("crane.md", "The crane lifts 90 tonnes."),
            ]
        )
    return tmp_path / "data"


def talk(data: Path, text: str | bytes, *options: str, model: ChatModel | None = None) -> Result:
    arguments = ["--data", str(data), *options]
    return CliRunner().invoke(chat, arguments, input=text, obj=Tools(embedder=HashEmbedder(), chat=model))


def test_piped_questions_are_answered_in_turn_with_their_sources(data: Path) -> None:
    done = talk(data, "What does the ferry to Ven cost?\n\nHow much does the crane lift?\n")
    assert done.exit_code == 0, done.output
    first, second = done.stdout.split("> How much does the crane lift?")
    assert first.startswith("> What does the ferry to Ven cost?")
    assert "14.50 EUR" in first
    assert "\n[1] ferry.md" in first
    assert "90 tonnes" in second
    assert "[1] crane.md" in second


def test_a_follow_up_knows_what_was_said(data: Path) -> None:
    model = Listener()
    talk(data, "What does the ferry to Ven cost?\nHow long does it take?\n", model=model)
    contents = [message.content for message in model.prompts[1].messages]
    assert any("What does the ferry to Ven cost?" in content for content in contents[1:-1])
    assert any("14.50 EUR" in content for content in contents[1:-1])
    assert model.prompts[1].passages[0].source == "ferry.md"


def test_new_forgets_and_quit_ends(data: Path) -> None:
    model = Listener()
    done = talk(data, "What does the ferry cost?\n/new\nWhat does the crane lift?\n/quit\nWho?\n", model=model)
    assert len(model.prompts) == 2
    assert not any("ferry cost" in message.content for message in model.prompts[1].messages)
    assert "a new conversation begins" in done.stderr


def test_sources_shows_the_quotes_of_the_last_answer(data: Path) -> None:
    done = talk(data, "/sources\nWhat does the crane lift?\n/sources\n/usr/bin holds what?\n/dance\n")
    assert "nothing has been answered yet" in done.stderr
    assert "no command /dance" in done.stderr
    brief, whole = done.stdout.split("> /sources")[1:3]
    assert "“The crane lifts 90 tonnes.”" not in brief
    assert "“The crane lifts 90 tonnes.”" in whole
    assert "> /usr/bin holds what?" in whole  # a path is no command


def test_json_has_a_line_for_each_turn_and_each_error(data: Path) -> None:
    text = "What does the crane lift?\nWhat in a storm?\n/sources\nWhat does the ferry cost?\n"
    done = talk(data, text, "--json", model=Listener())
    shapes: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    assert [sorted(shape)[:2] for shape in shapes[1:3]] == [["error", "question"], ["citations"]]
    assert shapes[0]["citations"][0]["source"] == shapes[2]["citations"][0]["source"] == "crane.md"
    assert shapes[3]["question"] == "What does the ferry cost?"
    assert "at sea" in shapes[1]["error"]
    assert done.exit_code == 1


def test_an_error_ends_its_turn_only_and_is_not_remembered(data: Path) -> None:
    model = Listener()
    done = talk(data, b"What in a storm?\nThe \xff crane?\n", model=model)
    assert "ragkit: the model is at sea" in done.stderr
    assert len(model.prompts) == 2
    assert not any("storm" in message.content for message in model.prompts[1].messages)
