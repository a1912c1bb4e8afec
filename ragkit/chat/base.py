"""The protocol of chat models."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from ragkit.types.prompts import Prompt


class ChatModel(Protocol):
    """Anything that writes an answer to a prompt.

    `name` goes into the Answer. `stream` yields the text in pieces and ends normally only when the whole answer is
    there; else it raises ChatError (ChatTimeoutError past its deadline, ChatInterruptedError for a cut stream).
    It may be called from several threads at once. What it yields is not trusted: see ragkit.citations.checker.
    """

    @property
    def name(self) -> str: ...

    def stream(self, prompt: Prompt) -> Iterator[str]: ...
