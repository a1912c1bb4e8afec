"""The seam of chat models; tests/chat/test_contract.py holds for every implementation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from ragkit.types.prompts import Prompt


class ChatModel(Protocol):
    """A model that writes an answer to a prompt. Thread-safe. Its text is not trusted: see ragkit.citations.checker."""

    @property
    def name(self) -> str:
        """The name that answers state, such as "openai:gpt-4.1"; one line."""

    def stream(self, prompt: Prompt) -> Iterator[str]:
        """Yield the answer in pieces; end normally only after the whole answer.

        Raises ChatError otherwise: ChatTimeoutError past the deadline, ChatInterruptedError for a broken stream.
        """
