"""The context line of a chunk: title and headings, within its share of the tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ragkit.chunking.units import Unit
from ragkit.settings import ChunkSettings
from ragkit.types.documents import Document, HeadingPaths

CONTEXT_SHARE = 1 / 3  # the context line may take this part of the model's limit at most


class Tokenizing(Protocol):
    """The part of an embedder that chunking needs."""

    @property
    def max_tokens(self) -> int:
        """Largest input of the model, special tokens included."""
        ...

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return the size of each text, special tokens and document prompt included."""
        ...

    def token_offsets(self, text: str) -> list[tuple[int, int]]:
        """Return the code-point span of each token, special tokens left out."""
        ...


class Contexts:
    """The context line of each unit, and the tokens that remain for text."""

    def __init__(self, document: Document, paths: HeadingPaths, embedder: Tokenizing, settings: ChunkSettings) -> None:
        self._document = document
        self._paths = paths
        self._embedder = embedder
        self._size = settings.max_tokens
        self._known: dict[tuple[str, ...], tuple[str, int]] = {}
        self._special = embedder.count_tokens([""])[0]
        self._limit = max(embedder.max_tokens - self._special, 1)
        self._room = min(settings.context_tokens, int(self._limit * CONTEXT_SHARE))

    def of(self, unit: Unit) -> tuple[str, int]:
        """Return (context line, tokens left for text) for a chunk that begins with this unit."""
        parts: list[str] = []
        if self._room:
            path = list(self._paths.at(unit.start))
            if unit.glued and path:
                path.pop()  # the chunk begins with that heading
            parts = [part for part in dict.fromkeys([self._document.title, *path]) if part]
            if unit.block >= 0:
                block = self._document.blocks[unit.block]
                first_row = unit.start <= block.start + 1
                if block.header and not first_row:
                    parts.append(block.header)
        key = tuple(parts)
        if key not in self._known:
            self._known[key] = self._fit(key)
        return self._known[key]

    def _fit(self, parts: tuple[str, ...]) -> tuple[str, int]:
        """Join the parts with ›; drop the middle parts, then the last words, until the line fits its share."""
        room = self._room
        kept = [" ".join(part.split()) for part in parts]
        while kept:
            line = " › ".join(kept)
            size = self._embedder.count_tokens([line])[0] - self._special
            if size <= room:
                return line, min(self._size, self._limit - size)
            if len(kept) > 2:
                kept.pop(len(kept) // 2)
                continue
            longest = max(range(len(kept)), key=lambda index: len(kept[index]))
            kept[longest] = kept[longest][: len(kept[longest]) * room // size].rstrip()
            kept = [part for part in kept if part]
        return "", min(self._size, self._limit)
