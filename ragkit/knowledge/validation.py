"""Check what callers pass in: questions, and the messages of a conversation."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, cast

from ragkit.errors import InputError, QueryError
from ragkit.settings import QUESTION_LIMIT
from ragkit.text.cleaning import clean_text
from ragkit.types.prompts import Message, Role

PARTS_LIMIT: Final = 2_000
"""Words of a question at most; a letter of a script without spaces counts as a word, and so do three digits."""
_PART: Final = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|\d{1,3}|[^\W\d_]{1,12}|[^\w\s]{1,4}"
)

History = Sequence[Message | Mapping[str, str]]
"""Earlier messages, oldest first, as values or as the mappings that chat APIs use."""


def checked_question(question: str) -> str:
    """Return a question as clean text without white space at its ends; QueryError when it is empty or too long."""
    stripped = clean_text(question).strip()
    if not stripped:
        raise QueryError("the question is empty", cure="ask something")
    if len(stripped) > QUESTION_LIMIT:
        raise QueryError(
            f"the question has {len(stripped):,} characters, and the limit is {QUESTION_LIMIT:,}", cure="shorten it"
        )
    parts = sum(1 for _ in _PART.finditer(stripped))
    if parts > PARTS_LIMIT:
        raise QueryError(
            f"the question has {parts:,} words, numbers or letters of an unspaced script, the limit is {PARTS_LIMIT:,}",
            cure="shorten it",
        )
    return stripped


def checked_messages(history: History) -> tuple[Message, ...]:
    """Return messages given as values or as the mappings of chat APIs; InputError for a bad one."""
    out: list[Message] = []
    for item in history:
        if isinstance(item, Message):
            out.append(item)
            continue
        role, content = item.get("role"), item.get("content")
        if role not in ("system", "user", "assistant") or not isinstance(content, str):
            raise InputError(
                f"a message of the history is {dict(item)!r}",
                cure='give {"role": "user" or "assistant", "content": text}',
            )
        out.append(Message(cast("Role", role), content))
    return tuple(out)
