"""Check what callers pass in: questions, and the messages of a conversation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from ragkit.errors import InputError, QueryError
from ragkit.settings import QUESTION_LIMIT
from ragkit.text.cleaning import clean_text
from ragkit.types.prompts import Message, Role

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
