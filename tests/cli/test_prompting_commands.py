"""`ragkit prompts`, `examples`, `chain` and the options of `ask`: what each prints, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import ragkit
from ragkit.advice.prices import load_prices
from ragkit.chat.base import ChatModel
from ragkit.cli.app import cli, run
from ragkit.cli.context import Tools
from ragkit.testing import FakeChat, HashEmbedder

QUESTION = "When do the bees swarm?"
SWARM = "The bees swarm in May. A swarm is caught with a basket."


@pytest.fixture
def data(tmp_path: Path) -> Path:
    with ragkit.open(tmp_path / "data", embedder=HashEmbedder()) as kb:
        kb.add(ragkit.Document(source="bees.md", text=SWARM, title="Bees"))
    return tmp_path / "data"


def invoke(data: Path, *words: str, chat: ChatModel | None = None) -> Result:
    return CliRunner().invoke(cli, [*words, "--data", str(data)], obj=Tools(embedder=HashEmbedder(), chat=chat))


def parsed(data: Path, *words: str, chat: ChatModel | None = None) -> Any:
    result = invoke(data, *words, "--json", chat=chat)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def own_template(data: Path, body: str = '{% extends "default" %}{% block task %}\nBee words.\n{% endblock %}') -> Path:
    folder = data / "collections" / "default" / "prompts"
    folder.mkdir(exist_ok=True)
    path = folder / "bees.jinja"
    path.write_text(f"---\nversion: 4\ndescription: Of bees.\n---\n{body}")
    return path


def test_templates_are_listed_shown_checked_and_compared(data: Path) -> None:
    path = own_template(data)
    listed = {item["name"]: item for item in parsed(data, "prompts", "list")["prompts"]}
    assert set(listed) == {"bees", "default", "short", "steps"}
    assert listed["bees"]["path"] == str(path)
    assert "Of bees." in invoke(data, "prompts", "list").output
    assert "Bee words." in invoke(data, "prompts", "show", "bees", "--rendered").output
    assert parsed(data, "prompts", "show", "bees")["source"] == path.read_text()
    assert listed["bees"]["digest"] in invoke(data, "prompts", "check", "bees", str(path)).output
    diff = parsed(data, "prompts", "diff", "default", "bees")
    assert (diff["equal"], "+Bee words." in diff["diff"]) == (False, True)
    assert parsed(data, "prompts", "diff", "bees", str(path))["equal"] is True


def test_templates_work_without_a_collection(tmp_path: Path) -> None:
    assert len(parsed(tmp_path / "none", "prompts", "list")["prompts"]) == 3


def test_a_bad_template_is_one_line_and_status_2(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = own_template(data, '{% extends "default" %}\n{% block tasks %}{% endblock %}')
    for words in (
        ["prompts", "check", str(path)],
        ["ask", QUESTION, "--prompt", str(path)],
        ["prompt", QUESTION, "--prompt", "bees"],
    ):
        assert run([*words, "--data", str(data)]) == 2
        error = capsys.readouterr().err
        assert error.startswith(f"ragkit: {path}:6: there is no block 'tasks'")
        assert error.count("\n") == 1


def test_the_template_of_the_option_and_the_variable_is_used(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = own_template(data)
    for words in (["--prompt", "bees"], ["--prompt", str(path)]):
        made = parsed(data, "prompt", QUESTION, *words)
        assert made["messages"][0]["content"].startswith("Bee words.")
        assert (made["template"]["name"], made["template"]["version"]) == ("bees", 4)
    monkeypatch.setenv("RAGKIT_PROMPT", "bees")
    assert parsed(data, "ask", QUESTION)["template"]["name"] == "bees"


def test_examples_are_added_listed_checked_and_removed(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "more.jsonl"
    records = [{"input": "What is honey?", "output": "Food [1]."}, {"input": "Who is the queen?", "output": "One bee."}]
    file.write_text("\n".join(map(json.dumps, records)))
    assert parsed(data, "examples", "add", str(file)) == {"added": 2, "duplicates": 0, "rejected": 0}
    added = invoke(data, "examples", "add", "--input", "what is HONEY", "--output", "x")
    assert added.output == "added 0; 1 were there already\n"
    assert [item["input"] for item in parsed(data, "examples", "list")["examples"]] == [
        "What is honey?",
        "Who is the queen?",
    ]
    assert parsed(data, "prompt", QUESTION)["shots"] == 2
    assert parsed(data, "prompt", QUESTION, "--examples", "off")["shots"] == 0
    questions = tmp_path / "q.jsonl"
    questions.write_text('{"question": "Who is the queen?"}\n{"question": "Where is the hive?"}\n')
    checked = invoke(data, "examples", "check", "--questions", str(questions))
    assert checked.exit_code == 1
    assert "example 2 gives away the test question 'Who is the queen?'" in checked.output
    assert "there are 2 examples; use at least 3" in checked.output
    assert parsed(data, "examples", "remove", "2") == {"removed": 1, "left": 1}
    assert invoke(data, "examples", "check", "--questions", str(questions)).exit_code == 0


def test_approved_feedback_becomes_examples(data: Path) -> None:
    feedback = data / "collections" / "default" / "feedback.jsonl"
    lines = [
        {"question": "A?", "answer": "a [1].", "verdict": "good"},
        {"question": "B?", "answer": "b", "verdict": "bad"},
    ]
    feedback.write_text("\n".join(map(json.dumps, lines)))
    assert parsed(data, "examples", "from-feedback") == {"added": 1, "duplicates": 0, "rejected": 1}


@pytest.mark.parametrize("words", [["examples", "add"], ["examples", "add", "x.jsonl", "--input", "a"]])
def test_examples_need_one_source(data: Path, words: list[str]) -> None:
    assert "name a FILE, or give --input and --output" in invoke(data, *words).output


def test_two_models_are_shown_side_by_side(data: Path) -> None:
    chat = FakeChat("Bees swarm in May. [1]", name="fake")
    found = parsed(data, "ask", QUESTION, "--model", "openai:fake", "--compare", "extractive", chat=chat)
    first, second = found["answers"]
    assert (first["model"], second["model"]) == ("openai:fake", "extractive")
    assert first["answer"]["text"] == "Bees swarm in May. [1]"
    assert "The bees swarm in May." in second["answer"]["text"]
    assert all(
        item["seconds"] > 0 and item["tokens"]["in"] > 100 and item["tokens"]["out"] > 2 for item in found["answers"]
    )
    text = invoke(data, "ask", QUESTION, "--model", "openai:fake", "--compare", "extractive", chat=chat).output
    assert "openai:fake" in text.split("\n")[0]
    assert "extractive" in text.split("\n")[0]
    assert "price unknown" in text
    assert (first["cost"], second["cost"]) == (None, 0.0)


def test_what_an_answer_cost_is_told_by_the_price_table(data: Path, tmp_path: Path) -> None:
    chat = FakeChat("Bees swarm in May. [1]", name="fake")
    table = load_prices()
    (first, _) = parsed(data, "ask", QUESTION, "--model", "openai:gpt-4o", "--compare", "extractive", chat=chat)[
        "answers"
    ]
    price = table.models["openai:gpt-4o"]
    assert first["cost"] == pytest.approx(
        (first["tokens"]["in"] * price.input + first["tokens"]["out"] * price.output) / 1e6
    )
    (tmp_path / "p.toml").write_text("nonsense")
    words = [
        "ask",
        QUESTION,
        "--model",
        "openai:gpt-4o",
        "--compare",
        "extractive",
        "--prices",
        str(tmp_path / "p.toml"),
    ]
    bad = invoke(data, *words, chat=chat)
    assert isinstance(bad.exception, ragkit.ConfigError)
    assert len(chat.prompts) == 1


def test_an_unknown_second_model_costs_no_call(data: Path) -> None:
    chat = FakeChat("never")
    result = invoke(data, "ask", QUESTION, "--model", "openai:fake", "--compare", "olama:x", chat=chat)
    assert isinstance(result.exception, ragkit.ConfigError)
    assert chat.prompts == []


def test_a_model_that_fails_beside_another_is_told(data: Path) -> None:
    from ragkit.testing import CutChat

    result = invoke(data, "ask", QUESTION, "--model", "openai:cut", "--compare", "extractive", chat=CutChat())
    assert result.exit_code == 1
    assert "failed: the stream of cut ended" in " ".join(result.output.split())
    assert "May" in result.output


def test_a_json_answer_is_printed_as_its_data(data: Path, tmp_path: Path) -> None:
    schema = tmp_path / "s.json"
    schema.write_text('{"type": "object", "properties": {"month": {"type": "string"}}, "required": ["month"]}')
    result = invoke(data, "ask", QUESTION, "--schema", str(schema), chat=FakeChat('{"month": "May [1]"}', name="fake"))
    assert json.loads(result.stdout) == {"month": "May"}
    assert "citations supported, fake" in result.stderr
    schema.write_text('{"type": "object",\n "properties": {"month": {"type": "strange"}}}')
    chat = FakeChat("{}")
    bad = invoke(data, "ask", QUESTION, "--schema", str(schema), chat=chat)
    assert f"{schema}:2: the schema is wrong" in str(bad.exception)
    assert chat.prompts == []


def test_chains_run_are_checked_listed_and_shown(data: Path, tmp_path: Path) -> None:
    assert [item["name"] for item in parsed(data, "chain", "list")["chains"]] == ["decompose", "support"]
    assert "1. parts (decompose)" in invoke(data, "chain", "check", "decompose").output
    result = invoke(data, "chain", "run", "decompose", QUESTION)
    assert result.exit_code == 0
    assert [line.split(" ")[0] for line in result.output.split("\n")[:3]] == ["parts", "passages", "reply"]
    assert "The bees swarm in May." in result.output
    assert "[1] bees.md" in result.output
    done = parsed(data, "chain", "run", "decompose", QUESTION)
    assert (done["status"], done["answer"]["status"], len(done["steps"])) == ("done", "answered", 3)
    assert parsed(data, "chain", "show") == done
    assert parsed(data, "chain", "traces")["traces"][0] == done["id"]
    shown = invoke(data, "chain", "show", done["id"]).output
    assert "Question: When do the bees swarm?" in shown
    assert parsed(data, "chain", "run", "decompose", QUESTION, "--no-trace")["id"] == ""
    assert len(parsed(data, "chain", "traces")["traces"]) == 2


def test_a_failed_chain_is_status_1_and_a_wrong_one_status_2(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "c.yaml"
    head = "name: c\nversion: 1\nsteps:\n"
    path.write_text(head + "  - {name: a, kind: check, expect: ['1 == 2']}\n  - {name: b, kind: generate, text: B}\n")
    result = invoke(data, "chain", "run", str(path), QUESTION)
    assert result.exit_code == 1
    assert "step 'a': 1 == 2" in result.stderr
    path.write_text(
        head
        + "  - {name: a, kind: generate, text: '{{ b.text }}'}\n  - {name: b, kind: generate, text: '{{ a.text }}'}\n"
    )
    for words in (["chain", "check", str(path)], ["chain", "run", str(path), QUESTION]):
        assert run([*words, "--data", str(data)]) == 2
        assert f"{path}:4: the steps" in capsys.readouterr().err
