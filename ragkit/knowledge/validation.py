"""Check the messages of a conversation that callers pass in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from ragkit.errors import InputError
from ragkit.types.prompts import Message, Role

History = Sequence[Message | Mapping[str, str]]
"""Earlier messages, oldest first, as values or as the mappings that chat APIs use."""


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
