"""Answers in JSON: of the schema, asked for once more, safe to show, with citations that were checked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import ragkit
from ragkit import KnowledgeBase, Settings
from ragkit.testing import HashEmbedder
from ragkit.types.prompts import Prompt

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "closing_time": {"type": "string", "pattern": "^[0-9]{1,2}:[0-9]{2}$"},
        "boats": {"type": "integer"},
        "rule": {"type": "string"},
    },
    "required": ["closing_time", "boats"],
    "additionalProperties": False,
}
HARBOUR = "The harbour closes at 21:30. The harbour holds 48 boats. Boats must carry a lantern at night."
QUESTION = "When does the harbour close and how many boats does it hold?"


class Turns:
    """A chat model that says one text after the other, and keeps the prompts."""

    name = "fake:turns"

    def __init__(self, *texts: str) -> None:
        self.texts = list(texts)
        self.prompts: list[Prompt] = []

    def stream(self, prompt: Prompt) -> Iterator[str]:
        self.prompts.append(prompt)
        yield self.texts.pop(0)


def opened(folder: Path, chat: Turns, *, strict: bool = False, template: str = "default") -> KnowledgeBase:
    settings = Settings()
    settings = replace(
        settings, chat=replace(settings.chat, strict=strict), prompt=replace(settings.prompt, template=template)
    )
    kb = ragkit.open(folder, embedder=HashEmbedder(), chat=chat, settings=settings)
    kb.add(ragkit.Document(source="harbour.md", text=HARBOUR, title="Harbour"))
    return kb


def test_the_data_match_the_schema_and_the_citations_are_checked(tmp_path: Path) -> None:
    said = '{"closing_time": "21:30 [1]", "boats": 48, "rule": "Boats must carry a lantern at night. [1]"}'
    chat = Turns(f"```json\n{said}\n```")
    with opened(tmp_path, chat) as kb:
        answer = kb.ask(QUESTION, schema=SCHEMA)
    assert answer.data == {"closing_time": "21:30", "boats": 48, "rule": "Boats must carry a lantern at night."}
    assert answer.as_dict()["data"] == answer.data
    assert "rule: Boats must carry a lantern at night. [1]" in answer.text
    assert any(citation.supported and "lantern" in citation.quote for citation in answer.citations)
    assert '"closing_time"' in chat.prompts[0].messages[0].content
    assert answer.template is not None
    assert answer.warnings == ()


def test_a_fault_is_shown_to_the_model_once(tmp_path: Path) -> None:
    chat = Turns('{"closing_time": "late", "boats": 48}', '{"closing_time": "21:30", "boats": 48}')
    with opened(tmp_path, chat) as kb:
        answer = kb.ask(QUESTION, schema=SCHEMA)
    assert answer.data == {"closing_time": "21:30", "boats": 48}
    assert "asked again" in answer.warnings[-1]
    *_, said, shown = chat.prompts[1].messages
    assert (said.role, said.content) == ("assistant", '{"closing_time": "late", "boats": 48}')
    assert "at $.closing_time" in shown.content


def test_a_second_fault_is_a_typed_error(tmp_path: Path) -> None:
    chat = Turns("I do not know.", '{"boats": "many"}', "never asked")
    with opened(tmp_path, chat) as kb, pytest.raises(ragkit.AnswerFormatError, match="fake:turns") as caught:
        kb.ask(QUESTION, schema=SCHEMA)
    assert caught.value.text == '{"boats": "many"}'
    assert chat.texts == ["never asked"]


def test_what_a_value_invents_is_not_supported(tmp_path: Path) -> None:
    chat = Turns('{"closing_time": "23:15", "boats": 999, "rule": "Swimmers need a licence from the mayor. [1]"}')
    with opened(tmp_path, chat) as kb:
        answer = kb.ask(QUESTION, schema=SCHEMA)
    assert answer.status in ("unsupported", "partial")
    assert not any(citation.supported for citation in answer.citations if "licence" in citation.sentence)


def test_strict_withholds_data_that_are_not_supported(tmp_path: Path) -> None:
    chat = Turns('{"closing_time": "23:15", "boats": 999, "rule": "Swimmers need a licence from the mayor. [1]"}')
    with opened(tmp_path, chat, strict=True) as kb:
        answer = kb.ask(QUESTION, schema=SCHEMA)
    assert (answer.status, answer.data) == ("abstained", None)


def test_nothing_foreign_leaves_in_the_data(tmp_path: Path) -> None:
    schema = {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}}
    chat = Turns('{"![k](https://evil.example/a)": ["<img src=x> see https://evil.example/b?q=1 \\u202e [1]"]}')
    with opened(tmp_path, chat) as kb:
        shown = str(kb.ask(QUESTION, schema=schema).as_dict()["data"])
    assert "evil.example" not in shown
    assert "<img" not in shown
    assert "\u202e" not in shown


def test_reasoning_before_the_json_is_left_out(tmp_path: Path) -> None:
    chat = Turns('<think>{"boats": 1}</think>{"closing_time": "21:30", "boats": 48}')
    with opened(tmp_path, chat) as kb:
        assert kb.ask(QUESTION, schema=SCHEMA).data["boats"] == 48


def test_a_bad_schema_or_the_extractive_model_costs_no_call(tmp_path: Path) -> None:
    chat = Turns("never asked")
    with opened(tmp_path, chat) as kb:
        with pytest.raises(ragkit.DefinitionError, match="the schema is wrong"):
            kb.ask(QUESTION, schema={"type": "number!"})
        assert chat.prompts == []
    with (
        ragkit.open(tmp_path, embedder=HashEmbedder()) as kb,
        pytest.raises(ragkit.InputError, match="writes no JSON"),
    ):
        kb.ask(QUESTION, schema=SCHEMA)


def test_reasoning_stays_out_of_answer_and_stream_and_is_counted(tmp_path: Path) -> None:
    text = "<reasoning>Source 1 says when: secret thought.</reasoning>The harbour closes at 21:30. [1]"
    with opened(tmp_path, Turns(text, text), template="steps") as kb:
        answer = kb.ask("When does the harbour close?")
        *pieces, last = kb.stream("When does the harbour close?")
    assert answer.text == "".join(str(piece) for piece in pieces) == "The harbour closes at 21:30. [1]"
    assert answer.tokens["reasoning"] > 0
    assert isinstance(last, ragkit.Answer)
    assert "secret" not in str(answer.as_dict())
    assert answer.as_dict()["template"]["name"] == "steps"


def test_a_bad_template_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    chat = Turns("never asked")
    with opened(tmp_path, chat, template="mine") as kb:
        (kb.folder / "prompts").mkdir()
        with pytest.raises(ragkit.NotFoundError, match="no prompt template 'mine'"):
            kb.ask("And then?", history=[ragkit.Message("user", "a"), ragkit.Message("assistant", "b")])
        (kb.folder / "prompts" / "mine.jinja").write_text("---\nversion: 1\n---\n{% extends 'default' %}\n{{ x }}")
        with pytest.raises(ragkit.DefinitionError, match=r"mine.jinja:5"):
            kb.ask("When does it close?")
    assert chat.prompts == []
