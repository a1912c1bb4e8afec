"""What a search tells: the language of a question that the documents are not in."""

from __future__ import annotations

import pytest

from ragkit.retrieval.notices import language_warning
from ragkit.text.analyzer import foreign_language

MINILM = "sentence-transformers/all-MiniLM-L6-v2"


@pytest.mark.parametrize(
    ("question", "documents", "language"),
    [
        ("Wie lange werden Logs aufbewahrt und wer darf sie lesen?", {"en"}, "de"),
        ("Quelle est la durée de la garantie pour les pompes ?", {"en", "de"}, "fr"),
        ("Wie lange werden Logs aufbewahrt?", {"de"}, None),
        ("How long are logs kept?", {"en"}, None),
        ("How long are the logs of the server kept?", {"de"}, "en"),
        ("Logs", {"en"}, None),
        ("die cast pump", {"en"}, None),
    ],
)
def test_a_question_in_another_language_is_known(question: str, documents: set[str], language: str | None) -> None:
    assert foreign_language(question, languages=documents) == language


def test_the_warning_names_both_languages_and_the_way_out() -> None:
    said = language_warning("Wie lange werden Logs aufbewahrt und wer darf sie lesen?", main={"en"}, model=MINILM)
    assert said is not None
    assert "German" in said
    assert "English" in said
    assert "docs/models.md" in said


@pytest.mark.parametrize("model", ["paraphrase-multilingual-MiniLM-L12-v2", "intfloat/multilingual-e5-small", "hash"])
def test_models_of_more_languages_need_no_warning(model: str) -> None:
    assert (
        language_warning("Wie lange werden Logs aufbewahrt und wer darf sie lesen?", main={"en"}, model=model) is None
    )


def test_german_is_taken_before_dutch_where_both_are_equal() -> None:
    from ragkit.text.analyzer import question_parts

    for languages in (["en", "de", "nl"], ["de", "en"], ["en"]):
        parts = question_parts("Wie lange werden Logs aufbewahrt?", languages=languages)
        assert all(next(iter(forms)) != "nl" for _, forms in parts)
