"""The questions in German, French and Chinese: each names a document that is there and words that stand in it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from ragkit.evaluation.datasets.question_files import load_question_file
from ragkit.text.content_terms import guess_language

DATA = Path(__file__).parents[1] / "data"


def test_every_question_has_its_evidence_in_its_document() -> None:
    questions = load_question_file(DATA / "multilingual-questions.jsonl")
    for question in questions:
        (source,) = question.documents
        text = (DATA / "multilingual" / source).read_text(encoding="utf-8")
        assert all(wanted in text for wanted in question.texts), question.text
        assert question.kind == source[:2]
    assert Counter(question.kind for question in questions) == {"de": 10, "fr": 10, "zh": 10}


def test_the_documents_are_in_the_languages_that_they_are_filed_under() -> None:
    for path in (DATA / "multilingual").glob("*/*.md"):
        assert guess_language(path.read_text(encoding="utf-8")) == path.parent.name


def test_the_english_questions_name_documents_that_are_there() -> None:
    for question in load_question_file(DATA / "multilingual-english.jsonl"):
        assert all((DATA / "multilingual" / source).is_file() for source in question.documents)
