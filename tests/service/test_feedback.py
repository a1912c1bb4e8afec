"""Feedback on answers: who may give and read it, what is kept, and the evaluation set that it becomes."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ragkit import InputError
from ragkit.evaluation.datasets.question_files import load_question_file
from ragkit_service import feedback
from ragkit_service.feedback import FeedbackFile

QUOTE = {"number": 1, "source": "a.md", "start": 0, "end": 5, "quote": "Thirty days."}


def record(question: str, verdict: str = "good", *, quotes: int = 1) -> dict[str, object]:
    return {"question": question, "answer": "30 [1].", "verdict": verdict, "note": "", "citations": [QUOTE] * quotes}


def test_records_are_whole_lines_however_many_write(tmp_path: Path) -> None:
    file = FeedbackFile(tmp_path)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: file.add(record(f"question {number} ü")), range(40)))
    assert {item["question"] for item in file.read()} == {f"question {number} ü" for number in range(40)}


def test_half_a_line_of_a_crash_is_dropped(tmp_path: Path) -> None:
    file = FeedbackFile(tmp_path)
    file.add(record("first"))
    with open(file.path, "ab") as broken:
        broken.write(b'{"question": "cut')
    assert [item["question"] for item in file.read()] == ["first"]
    file.add(record("second"))
    assert [item["question"] for item in file.read()] == ["first", "second"]
    file.path.write_bytes(b'{"question": "only a piece')
    file.add(record("third"))
    assert [item["question"] for item in file.read()] == ["third"]


def test_a_full_file_takes_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feedback, "MOST_BYTES", 300)
    file = FeedbackFile(tmp_path)
    file.add(record("first"))
    before = file.path.read_bytes()
    with pytest.raises(InputError, match="full"):
        file.add(record("second"))
    assert file.path.read_bytes() == before


def test_the_last_verdict_counts_and_only_good_answers_with_quotes_are_questions(tmp_path: Path) -> None:
    file = FeedbackFile(tmp_path)
    for item in (record("one"), record("two"), record("one", "bad"), record("three", quotes=0), record("four", "bad")):
        file.add(item)
    questions = list(file.as_questions())
    assert questions == [{"question": "two", "document": ["a.md"], "text": ["Thirty days."]}]
    path = tmp_path / "set.jsonl"
    path.write_text("".join(json.dumps(item) + "\n" for item in questions))
    assert [line.text for line in load_question_file(path)] == ["two"]
