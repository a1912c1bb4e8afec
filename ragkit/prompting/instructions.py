"""A prompt that gives a chat model an instruction about some text, instead of passages to answer from."""

from __future__ import annotations

from ragkit.types.prompts import Message, Prompt


def instruction_prompt(rules: str, asked: str, *, question: str, nonce: str) -> Prompt:
    """Return a prompt without passages, for a task of ragkit's own: rules as the system message, then the task.

    nonce: what marks the data within `asked`. Its tokens are not counted.
    """
    return Prompt(
        question=question,
        messages=(Message("system", rules), Message("user", asked)),
        passages=(),
        tokens={"total": 0},
        budget=0,
        encoding="",
        estimated=True,
        nonce=nonce,
    )
