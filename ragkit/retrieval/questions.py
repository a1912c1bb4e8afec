"""The bounds of a question: its cost grows with its characters and words, and is the same for every script."""

from __future__ import annotations

import re
from itertools import islice
from typing import Final

from ragkit.errors import QueryError
from ragkit.settings import RetrievalSettings
from ragkit.text.cleaning import clean_text

_WORD: Final = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|\d{1,3}|[^\W\d_]{1,12}|[^\w\s]{1,4}"
)


def checked_question(question: str, settings: RetrievalSettings) -> str:
    """Return a question as clean text without white space at its ends; QueryError when it is empty or too long."""
    stripped = clean_text(question).strip()
    if not stripped:
        raise QueryError("the question is empty", cure="ask something")
    most = settings.question_characters
    if len(stripped) > most:
        raise QueryError(f"the question has {len(stripped):,} characters, and the limit is {most:,}", cure="shorten it")
    words, most = sum(1 for _ in _WORD.finditer(stripped)), settings.question_words
    if words > most:
        raise QueryError(
            f"the question has {words:,} words, numbers or letters of an unspaced script, the limit is {most:,}",
            cure="shorten it",
        )
    return stripped


def shortened(statement: str, settings: RetrievalSettings) -> str:
    """Return the beginning of a statement, as much of it as a question may have."""
    cut = statement[: settings.question_characters]
    after = next(islice(_WORD.finditer(cut), settings.question_words, None), None)
    return cut[: after.start()] if after else cut
