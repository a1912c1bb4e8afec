"""The bounds of a question, which settings may change, and what of a long statement is searched."""

from __future__ import annotations

import pytest

from ragkit import QueryError, RetrievalSettings, Settings, TextRanker
from ragkit.retrieval.questions import checked_question, shortened
from ragkit.testing import HashEmbedder


@pytest.mark.parametrize("question", ["的" * 2001, "7" * 8000, "a " * 2001, "?! " * 2600])
def test_a_question_that_would_cost_seconds_is_refused(question: str) -> None:
    with pytest.raises(QueryError, match="the limit is 2,000"):
        checked_question(question, RetrievalSettings())
    assert checked_question("How long is the refund window? " * 250, RetrievalSettings())


def test_the_bounds_are_settings() -> None:
    strict = RetrievalSettings(question_characters=20, question_words=3)

    assert checked_question(" refund window? ", strict) == "refund window?"
    with pytest.raises(QueryError, match="21 characters, and the limit is 20"):
        checked_question("x" * 21, strict)
    with pytest.raises(QueryError, match="the limit is 3"):
        checked_question("a b c d", strict)
    assert (
        len(checked_question("的" * 9_000, RetrievalSettings(question_characters=9_000, question_words=9_000))) == 9_000
    )


def test_a_ranker_takes_no_longer_question_than_a_search() -> None:
    ranker = TextRanker(Settings(retrieval=RetrievalSettings(question_words=3)), embedder=HashEmbedder)

    with pytest.raises(QueryError, match="the limit is 3"):
        ranker.score("one two three four", ["a text"])


@pytest.mark.parametrize(
    ("statement", "words"), [("的" * 50, 7), ("12345678 " * 9, 5), ("one two, three.", 4), ("a", 1)]
)
def test_as_much_of_a_statement_is_searched_as_a_question_may_have(statement: str, words: int) -> None:
    bounds = RetrievalSettings(question_words=words)
    begun = shortened(statement, bounds)

    assert statement.startswith(begun)
    assert checked_question(begun, bounds) == begun.strip()
    if begun != statement:
        with pytest.raises(QueryError):
            checked_question(statement[: len(begun) + 1], bounds)
