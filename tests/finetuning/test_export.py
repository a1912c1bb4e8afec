"""Training data: what is collected, what is left out, splits without leaks, OpenAI's rules, the manifest."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import ragkit
from ragkit import ConflictError, Document, InputError, NotFoundError
from ragkit.cli.app import cli
from ragkit.cli.context import Tools
from ragkit.errors import DefinitionError
from ragkit.finetuning.examples import SPLITS, collect
from ragkit.finetuning.export import read_manifest
from ragkit.finetuning.formats import openai_problems
from ragkit.prompting.near_texts import NearTexts
from ragkit.testing import HashEmbedder

NOUNS = [
    *("anvil", "bellows", "chisel", "drill", "emery", "file", "gauge", "hammer"),
    *("iron", "jig", "kiln", "lathe", "mallet", "nail", "oven", "pliers"),
]


def example(number: int, **more: str) -> dict[str, Any]:
    noun, other = NOUNS[number % 16], NOUNS[(number // 16 + number) % 16]
    return {"input": f"Where is {noun} number {number} beside the {other}?", "output": f"Shelf {number}.", **more}


def lines(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def export(*words: str) -> Result:
    return CliRunner().invoke(cli, ["export", "finetune", *words], obj=Tools(embedder=HashEmbedder()))


def exported(*words: str) -> dict[str, Any]:
    result = export(*words, "--json")
    assert result.exit_code == 0, result.output
    parsed: dict[str, Any] = json.loads(result.stdout)
    return parsed


def inputs_of(path: Path) -> list[str]:
    return [json.loads(line)["messages"][-2]["content"] for line in path.read_text().splitlines()]


@pytest.fixture
def many(tmp_path: Path) -> Path:
    rows = [example(n, document=f"room{n % 12}.md", context=f"The shelf is {n}.") for n in range(260)]
    return lines(tmp_path / "examples.jsonl", rows)


def test_files_and_manifest_agree(many: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shape = exported(str(many), str(out))
    assert sum(shape["examples"].values()) == 260
    assert {path.name for path in out.iterdir()} == {"manifest.json", *(f"{split}.jsonl" for split in SPLITS)}
    for split in SPLITS:
        assert len((out / f"{split}.jsonl").read_text().splitlines()) == shape["examples"][split] > 0
    manifest = read_manifest(out)
    assert manifest["inputs"][str(many)]
    assert manifest["tokens"] == shape["tokens"]
    (out / "test.jsonl").unlink()
    read_manifest(out)
    (out / "train.jsonl").write_text("{}\n")
    with pytest.raises(InputError, match="changed after the export"):
        read_manifest(out)


def test_no_document_is_in_two_splits(many: Path, tmp_path: Path) -> None:
    documents = exported(str(many), str(tmp_path / "out"))["manifest"]["documents"]
    held = [set(documents[split]) for split in SPLITS]
    assert sum(map(len, held)) == len(set().union(*held)) == 12
    again = exported(str(many), str(tmp_path / "again"), "--seed", "0")["manifest"]["documents"]
    assert again == documents
    assert exported(str(many), str(tmp_path / "other"), "--seed", "5")["manifest"]["documents"] != documents


def test_near_duplicates_are_left_out_and_no_split_has_anothers(tmp_path: Path) -> None:
    rows = [example(n) for n in range(230)]
    twins = [{**row, "input": f"{row['input'].upper()}!"} for row in rows[:40]]
    collected = collect([lines(tmp_path / "e.jsonl", [*rows, *twins])])
    assert collected.repeated == 40
    train = NearTexts([item.input for item in collected.of("train")])
    for split in ("validation", "test"):
        assert collected.of(split)  # type: ignore[arg-type]
        assert not [item for item in collected.of(split) if train.find(item.input) is not None]  # type: ignore[arg-type]


def test_a_test_question_of_a_set_is_never_trained_on(tmp_path: Path) -> None:
    questions = [
        {
            "question": example(n)["input"],
            "answer": "Shelf.",
            "document": f"d{n}.md",
            "part": ("tune", "validate", "test")[n % 3],
        }
        for n in range(30)
    ]
    path = lines(tmp_path / "q.jsonl", [*questions, {"question": "Unanswered?", "part": "test"}])
    extra = lines(tmp_path / "e.jsonl", [*(example(n) for n in range(60)), example(99, document="d2.md")])
    collected = collect([extra, path])
    assert collected.unanswered == 1
    assert collected.repeated == 30
    tested = {item.input for item in collected.of("test")}
    assert {row["question"] for row in questions if row["part"] == "test"} <= tested
    assert example(99)["input"] in tested


@pytest.mark.parametrize(("count", "words"), [(19, "19 distinct"), (3, "3 distinct")])
def test_too_few_examples_are_refused(tmp_path: Path, count: int, words: str) -> None:
    path = lines(tmp_path / "e.jsonl", [example(n) for n in range(count)])
    with pytest.raises(InputError, match=words):
        raise export(str(path), str(tmp_path / "out")).exception or AssertionError
    assert not (tmp_path / "out").exists()


def test_few_examples_are_exported_with_a_warning(tmp_path: Path) -> None:
    path = lines(tmp_path / "e.jsonl", [example(n) for n in range(60)])
    shape = exported(str(path), str(tmp_path / "out"))
    assert "under 200" in shape["warnings"][0]
    assert shape["examples"] == {"train": 48, "validation": 6, "test": 6}


def test_examples_of_one_document_cannot_be_split(tmp_path: Path) -> None:
    path = lines(tmp_path / "e.jsonl", [example(n, document="one.md") for n in range(60)])
    assert "too few documents" in str(export(str(path), str(tmp_path / "out")).exception)


def test_passages_come_from_the_context_or_from_the_search(many: Path, tmp_path: Path) -> None:
    exported(str(many), str(tmp_path / "plain"))
    exported(str(many), str(tmp_path / "context"), "--passages", "context")
    assert not any("The shelf is" in text for text in inputs_of(tmp_path / "plain" / "train.jsonl"))
    assert all(text.startswith("The shelf is") for text in inputs_of(tmp_path / "context" / "train.jsonl"))
    with ragkit.open(tmp_path / "kb", embedder=HashEmbedder()) as kb:
        kb.add(Document.from_text("shelves.md", "The anvil stands beside the kiln."))
    exported(str(many), str(tmp_path / "found"), "--passages", "search", "--data", str(tmp_path / "kb"))
    assert all("<source id=" in text for text in inputs_of(tmp_path / "found" / "train.jsonl"))


def test_the_cost_is_tokens_times_epochs_times_the_price(many: Path, tmp_path: Path) -> None:
    words = ("--price-of", "openai:gpt-4.1-mini", "--epochs", "4")
    shape = exported(str(many), str(tmp_path / "out"), *words)
    assert shape["cost"] == pytest.approx(shape["tokens"]["train"] * 4 * 5e-6)
    assert isinstance(export(str(many), str(tmp_path / "x"), "--price-of", "openai:none").exception, NotFoundError)
    assert "training_per_million" in str(export(str(many), str(tmp_path / "x"), "--price-of", "extractive").exception)


def test_an_existing_folder_is_not_overwritten(many: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").touch()
    assert isinstance(export(str(many), str(tmp_path / "out")).exception, ConflictError)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".out")] == []


def test_a_faulty_line_is_named(tmp_path: Path) -> None:
    path = lines(tmp_path / "e.jsonl", [example(1), {"input": "x"}])
    with pytest.raises(DefinitionError, match=r"e\.jsonl:2"):
        collect([path])


def chat(*turns: tuple[str, Any], **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": role, "content": content} for role, content in turns], **more}


GOOD = chat(("system", "Be brief."), ("user", "Hi"), ("assistant", "Hello"))


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (chat(("user", "Hi")), "not the assistant's"),
        (chat(("user", ""), ("assistant", "Hi")), "message 1: 'content'"),
        (chat(("user", 5), ("assistant", "Hi")), "message 1: 'content'"),
        (chat(("robot", "Hi"), ("assistant", "Hi")), "'robot'"),
        (chat(("user", "a"), ("assistant", "b"), id=3), "the key 'id'"),
        ({"messages": []}, "missing, empty or no list"),
        ({"prompt": "a", "completion": "b"}, "the key 'completion'"),
        ({"messages": ["Hi"]}, "no object"),
        ({"messages": [{"role": "user", "content": "a", "weight": 1}, GOOD["messages"][-1]]}, "'weight'"),
        (
            {"messages": [*GOOD["messages"][:2], {"role": "assistant", "content": "x", "weight": 0}]},
            "nothing would be learned",
        ),
        (chat(("user", "word " * 300), ("assistant", "b")), "65,536"),
    ],
)
def test_each_rule_of_openai_is_checked(tmp_path: Path, row: dict[str, Any], problem: str) -> None:
    path = lines(tmp_path / "t.jsonl", [GOOD] * 10)
    assert openai_problems(path, count=len) == []
    lines(path, [*[GOOD] * 10, row])
    found = openai_problems(path, count=lambda text: 500 * len(text.split()))
    assert any(item.startswith("line 11: ") and problem in item for item in found), found


def test_calls_of_tools_are_allowed(tmp_path: Path) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    messages = [
        {"role": "user", "content": "How late is it?"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "content": "noon", "tool_call_id": "c"},
        {"role": "assistant", "content": "Noon."},
    ]
    assert openai_problems(lines(tmp_path / "t.jsonl", [*[GOOD] * 10, {"messages": messages, "tools": []}])) == []


def test_a_training_file_needs_ten_examples(tmp_path: Path) -> None:
    assert openai_problems(lines(tmp_path / "t.jsonl", [GOOD] * 9)) == ["9 examples, and 10 is the least"]
