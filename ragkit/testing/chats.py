"""Fake chat models: they return a given text, obey, echo, or break off."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ragkit.errors import ChatInterruptedError, ChatTimeoutError
from ragkit.types.prompts import Prompt


class FakeChat:
    """Answers with a fixed text in pieces of a fixed length; `prompts` keeps the prompts that it got."""

    def __init__(self, text: str | Sequence[str] = "I do not know.", *, piece: int = 7, name: str = "fake") -> None:
        """text: the answer, or its pieces. piece: code points of a piece when the text is one string."""
        self.name = name
        self.prompts: list[Prompt] = []
        self._pieces = (
            [text[at : at + piece] for at in range(0, len(text), piece)] if isinstance(text, str) else list(text)
        )

    def stream(self, prompt: Prompt) -> Iterator[str]:
        """Yield the pieces of the text."""
        self.prompts.append(prompt)
        yield from self._pieces


class EchoChat:
    """Answers with the whole last message, with its sources and the question."""

    name = "echo"

    def stream(self, prompt: Prompt) -> Iterator[str]:
        """Yield the last message word by word."""
        yield from re.findall(r"\s*\S+|\s+$", prompt.messages[-1].content)


class ObedientChat:
    """Copies everything it reads, like a model that obeys every instruction in a source.

    Each passage is copied, then each of its lines again as a cited sentence, then every message: whatever a document
    tries to put into an answer is in this model's text.
    """

    name = "obedient"

    def stream(self, prompt: Prompt) -> Iterator[str]:
        """Yield the passages, their lines as cited sentences, and the messages."""
        for number, hit in enumerate(prompt.passages, 1):
            yield hit.text
            yield "\n"
            for line in hit.text.splitlines():
                yield f"{line} [{number}]\n"
        for message in prompt.messages:
            yield f"{message.content}\n"


class CutChat:
    """A stream that breaks off after some text, as when a server crashes."""

    name = "cut"

    def __init__(self, text: str = "The refund window is ") -> None:
        self._text = text

    def stream(self, prompt: Prompt) -> Iterator[str]:
        """Yield the text, then raise ChatInterruptedError."""
        if prompt.messages:
            yield self._text
        raise ChatInterruptedError("the stream of cut ended before the answer was complete", cure="ask again")


class SlowChat:
    """A model that misses its deadline after some text, without waiting."""

    name = "slow"

    def __init__(self, text: str = "Let me think", *, seconds: float = 60.0) -> None:
        self._text = text
        self._seconds = seconds

    def stream(self, prompt: Prompt) -> Iterator[str]:
        """Yield the text, then raise ChatTimeoutError."""
        if prompt.messages:
            yield self._text
        raise ChatTimeoutError(f"slow did not finish its answer within {self._seconds:g} s", cure="raise the deadline")
