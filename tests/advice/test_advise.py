"""Advice: each situation's verdicts, the evidence that changes them, answers files, and mistakes in the user's data."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import ragkit
from ragkit import Document, InputError, NotFoundError
from ragkit.advice.advice_report import advice_lines
from ragkit.advice.mistakes import find_mistakes
from ragkit.advice.questionnaire import QUESTIONS, Situation, read_situation
from ragkit.advice.rules import advise
from ragkit.cli.app import cli
from ragkit.cli.context import Tools
from ragkit.testing import HashEmbedder

READY = Situation(
    needs=("format", "style", "cost"),
    change="yearly",
    examples=2_400,
    held_out=300,
    tasks=1,
    tried=("prompt", "strong_model", "few_shot"),
    strong_model="succeeds",
    volume=400_000,
    people="team",
    gpu_gb=24,
)


def verdicts(situation: Situation) -> dict[str, str]:
    return {item.step: item.verdict for item in advise(situation).recommendations}


def test_facts_that_change_go_into_documents_and_not_into_weights() -> None:
    advice = advise(Situation(needs=("facts",), change="daily", deletable=True, tried=("prompt",)))
    assert advice.next_step == "rag"
    rag = next(item for item in advice.recommendations if item.step == "rag")
    assert any("daily" in reason for reason in rag.reasons)
    assert any("deleted" in reason for reason in rag.reasons)
    assert {step: verdict for step, verdict in verdicts(Situation()).items() if "tun" in step or "lora" in step} == {
        "lora": "no",
        "qlora": "no",
        "full_tuning": "no",
    }


def test_a_solved_task_with_many_examples_and_a_volume_that_pays_may_be_tuned() -> None:
    assert verdicts(READY)["lora"] == "do"
    assert verdicts(READY)["qlora"] == "do"
    assert verdicts(READY)["full_tuning"] == "later"
    assert verdicts(replace(READY, examples=9_000, gpu_gb=160))["full_tuning"] == "maybe"


@pytest.mark.parametrize(
    ("change", "verdict", "word"),
    [
        ({"examples": 99}, "no", "99"),
        ({"examples": 199}, "no", "199"),
        ({"examples": 400}, "maybe", "hundreds"),
        ({"held_out": 3}, "no", "held-out"),
        ({"tasks": 9}, "maybe", "general ability"),
        ({"volume": 300}, "maybe", "hosting"),
        ({"change": "weekly"}, "maybe", "retrieval"),
        ({"people": "nobody"}, "no", "nobody"),
        ({"strong_model": "fails"}, "no", "strong model fails"),
        ({"tried": ("prompt", "strong_model")}, "no", "few_shot"),
        ({"needs": ("reasoning",)}, "no", "behaviour"),
    ],
)
def test_each_condition_changes_the_verdict_on_tuning_and_is_named(
    change: dict[str, Any], verdict: str, word: str
) -> None:
    lora = next(item for item in advise(replace(READY, **change)).recommendations if item.step == "lora")
    assert lora.verdict == verdict
    assert any(word in reason for reason in lora.reasons), lora.reasons
    assert lora.changed_by


def test_the_stop_rule_holds_only_when_everything_was_tried() -> None:
    failing = replace(READY, strong_model="fails")
    assert "tuned small model" in advise(failing).stop
    assert advise(replace(failing, tried=("prompt",))).stop == ""
    assert any(line.startswith("Stop: ") for line in advice_lines(advise(failing)))


def test_every_recommendation_has_reasons_and_says_what_changes_it() -> None:
    for situation in (Situation(), READY, replace(READY, needs=("steps",), latency_ms=900)):
        for item in advise(situation).recommendations:
            assert item.reasons
            assert item.changed_by


@pytest.mark.parametrize(
    ("text", "place", "word"),
    [
        ("needs: [facts]\nexamples: many\n", ":2:", "whole number"),
        ("change: hourly\n", ":1:", "daily"),
        ("\n\nneeds: [facts, colour]\n", ":3:", "colour"),
        ("volume: 5\nspeed: 3\n", ":2:", "speed"),
        ("volume: 5\nvolume: 6\n", ":2:", "twice"),
        ("deletable: perhaps\n", ":1:", "true or false"),
        ("needs: [facts\nvolume: 3\n", ":", "cure"),
        ("- 1\n", "answers.yaml", "mapping"),
        ('{"examples": 20,\n "people": "few"}', ":2:", "team"),
    ],
)
def test_faulty_answers_are_refused_with_their_line(tmp_path: Path, text: str, place: str, word: str) -> None:
    path = tmp_path / "answers.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_situation(path)
    assert place in str(caught.value)
    assert word in str(caught.value) or word == "cure"


def test_answers_take_the_place_of_defaults(tmp_path: Path) -> None:
    path = tmp_path / "answers.json"
    path.write_text(json.dumps({"needs": ["steps", "steps"], "examples": 7, "deletable": True}))
    read = read_situation(path, defaults=Situation(volume=77))
    assert (read.needs, read.examples, read.deletable, read.volume) == (("steps",), 7, True, 77)


# ------------------------------------------------------------------ the command


@pytest.fixture
def data(tmp_path: Path) -> Path:
    with ragkit.open(tmp_path / "kb", embedder=HashEmbedder()) as kb:
        kb.add(Document.from_text("moths.md", "The hawk moth feeds at dusk."))
    return tmp_path / "kb"


def command(data: Path, *words: str, typed: str | None = None) -> Result:
    return CliRunner().invoke(
        cli, ["advise", "--data", str(data), *words], obj=Tools(embedder=HashEmbedder()), input=typed
    )


def test_the_printed_questions_are_an_answers_file(tmp_path: Path) -> None:
    printed = command(tmp_path, "--questions").stdout
    path = tmp_path / "answers.yaml"
    path.write_text(printed)
    assert read_situation(path) == Situation()
    assert all(f"\n{item.key}:" in f"\n{printed}" for item in QUESTIONS)
    assert json.loads(command(tmp_path, "--answers", str(path), "--json").stdout)["next"] == "prompting"


def test_without_a_terminal_answers_must_come_from_somewhere(data: Path) -> None:
    assert isinstance(command(data).exception, InputError)
    assert isinstance(command(data / "none", "--from-collection").exception, NotFoundError)


def test_a_terminal_is_asked_and_a_wrong_answer_is_asked_again(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda _: True, raising=False)
    typed = "\n".join(["format, style", "yearly", "no", "lots", "2400", *[""] * 9]) + "\n"
    result = command(data, "--json", typed=typed)
    assert result.exit_code == 0, result.output
    situation = json.loads(result.stdout)["situation"]
    assert situation["needs"] == ["format", "style"]
    assert situation["examples"] == 2_400
    assert "whole number" in result.stderr


def test_the_collection_shows_its_examples_and_how_often_it_changes(data: Path) -> None:
    rows = [json.dumps({"input": f"What does moth {number} eat?", "output": "Nectar."}) for number in range(3)]
    (data / "collections" / "default" / "examples.jsonl").write_text("\n".join(rows))
    with ragkit.open(data, embedder=HashEmbedder()) as kb:
        for text in ("The hawk moth feeds at dawn.", "The hawk moth feeds at noon.", "The hawk moth feeds at night."):
            kb.add(Document.from_text("moths.md", text))
    shape = json.loads(command(data, "--from-collection", "--json").stdout)
    assert shape["situation"]["examples"] == 3
    assert shape["situation"]["change"] == "daily"
    assert "examples.jsonl" in shape["evidence"]["examples"]


# ------------------------------------------------------------------ common mistakes


def write(folder: Path, **files: Sequence[Mapping[str, Any]]) -> Path:
    folder.mkdir(exist_ok=True)
    for name, rows in files.items():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def chats(*numbers: int) -> list[dict[str, Any]]:
    topics = ["amber", "basalt", "cedar", "dune", "ember", "fjord", "grove", "heath", "inlet", "jetty"]
    return [
        {
            "messages": [
                {"role": "user", "content": f"Describe {topics[n % 10]} sample {n * 7919} of shelf {n * 104_729}"},
                {"role": "assistant", "content": "fine"},
            ]
        }
        for n in numbers
    ]


def kinds(path: Path) -> dict[str, str]:
    return {item.kind: item.severity for item in find_mistakes(path)}


def test_a_sound_export_has_no_mistake(tmp_path: Path) -> None:
    folder = write(
        tmp_path / "d", train=chats(*range(240)), validation=chats(*range(300, 330)), test=chats(*range(400, 430))
    )
    (folder / "manifest.json").write_text("{}")
    write(folder, history=[{"loss": 2.0}, {"eval_loss": 2.1}, {"loss": 1.0}, {"eval_loss": 1.4}])
    assert kinds(folder) == {}


def test_each_mistake_is_found_in_data_that_has_it(tmp_path: Path) -> None:
    few = write(tmp_path / "few", train=chats(*range(12)))
    assert kinds(few) == {"too_little_data": "error", "no_held_out_set": "error", "no_versions": "warning"}
    train = [*chats(*range(60)), chats(3)[0]]
    tested = chats(5)
    tested[0]["messages"][0]["content"] = tested[0]["messages"][0]["content"].upper() + "?"
    leaky = write(tmp_path / "leaky", train=train, test=[*tested, *chats(90)])
    (leaky / "manifest.json").write_text("{}")
    write(leaky, history=[{"loss": 2.0}, {"eval_loss": 1.5}, {"loss": 0.2}, {"eval_loss": 2.4}])
    found = find_mistakes(leaky)
    assert {item.kind for item in found} == {"too_little_data", "duplicates", "leak", "overfitting"}
    assert any("1 of the 2 examples of test.jsonl" in item.detail for item in found)
    assert any("2.4" in item.detail and "0.2" in item.detail for item in found)


def test_the_command_shows_mistakes_and_a_file_is_no_held_out_set(tmp_path: Path, data: Path) -> None:
    path = write(tmp_path / "e", examples=[{"input": "a b c", "output": "d"}]) / "examples.jsonl"
    shape = json.loads(command(data, "--check", str(path), "--json").stdout)
    assert {item["kind"] for item in shape["mistakes"]} == {"too_little_data", "no_held_out_set", "no_versions"}
    assert isinstance(command(data, "--check", str(tmp_path)).exception, InputError)
