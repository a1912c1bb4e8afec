"""Tokenizing that can be stopped in the middle of a long document."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ragkit.embedding.base import Embedder

StopCallback = Callable[[], bool]


class StoppedError(Exception):
    """The run was stopped while a document was being chunked."""


@dataclass(frozen=True, slots=True)
class StoppableTokenizer:
    """The tokenizer of an embedder, which raises StoppedError once the run is stopped, also within a long document."""

    embedder: Embedder
    stopped: StopCallback

    @property
    def max_tokens(self) -> int:
        return self.embedder.max_tokens

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        self._check()
        return self.embedder.count_tokens(texts)

    def token_offsets(self, text: str) -> list[tuple[int, int]]:
        self._check()
        return self.embedder.token_offsets(text)

    def _check(self) -> None:
        if self.stopped():
            raise StoppedError
