"""A collection in memory that indexes are built from, with its history."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ragkit.errors import NotFoundError
from ragkit.index.dense.quantizer import Quantizer
from ragkit.types.collection import Fingerprint
from ragkit.types.documents import ChunkText

Ids = NDArray[np.int64]
Vectors = NDArray[np.float32]
DIMENSION = 16
WORDS = ("pump", "valve", "leave", "policy", "margin", "revenue", "invoice", "manual", "filter", "pressure", "warranty")


@dataclass(frozen=True)
class FakeChanges:
    removed: Ids
    added: Ids


class FakeSource:
    """A ChunkSource in memory at one revision; `next` makes the following one."""

    def __init__(self, identity: str = "one", *, model: str = "m") -> None:
        self.identity = identity
        self.revision = 0
        self.generation = 0
        self.fingerprint: Fingerprint | None = Fingerprint(model, model, DIMENSION, 256)
        self.history: list[tuple[list[int], list[int]]] = []
        self.chunks: dict[int, tuple[ChunkText, Vectors]] = {}
        self.last = 0
        self.floor = 0
        self.vectors_read = 0
        self.grouped: Quantizer | None = None

    def next(self, *, add: int = 0, remove: Sequence[int] = (), seed: int = 0) -> FakeSource:
        """Return the next revision."""
        new = FakeSource(self.identity)
        new.fingerprint, new.floor, new.grouped = self.fingerprint, self.floor, self.grouped
        new.revision, new.generation, new.last = self.revision + 1, self.generation + 1, self.last + add
        rng = np.random.default_rng([seed, self.last])
        rows = rng.standard_normal((add, DIMENSION)).astype(np.float32)
        rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
        added = list(range(self.last + 1, self.last + add + 1))
        new.chunks = {number: chunk for number, chunk in self.chunks.items() if number not in set(remove)}
        for number, row in zip(added, rows, strict=True):
            words = " ".join(rng.choice(WORDS, 8))
            new.chunks[number] = (ChunkText("", f"Section {number % 7}", f"{words} item{number}"), row)
        new.history = [*self.history, (list(remove), added)]
        return new

    def quantizer(self) -> Quantizer | None:
        return self.grouped

    def quantizer_number(self) -> int:
        return self.grouped.number if self.grouped else 0

    def all_chunk_ids(self) -> Ids:
        return np.array(sorted(self.chunks), dtype=np.int64)

    def vectors(self, ids: Ids) -> Vectors:
        self.vectors_read += len(ids)
        self._check(ids)
        return np.array([self.chunks[number][1] for number in ids.tolist()], dtype=np.float32).reshape(-1, DIMENSION)

    def texts(self, ids: Ids) -> list[ChunkText]:
        self._check(ids)
        return [self.chunks[number][0] for number in ids.tolist()]

    def unit_bodies(self, ids: Ids) -> list[bytes]:
        self._check(ids)
        return [b"units of %d" % number if number % 5 else b"" for number in ids.tolist()]

    def iter_vectors(self, batch: int = 4096) -> Iterator[tuple[Ids, Vectors]]:
        ids = self.all_chunk_ids()
        for at in range(0, len(ids), 100):
            yield ids[at : at + 100], self.vectors(ids[at : at + 100])

    def iter_texts(self, batch: int = 4096) -> Iterator[tuple[Ids, list[ChunkText]]]:
        ids = self.all_chunk_ids()
        for at in range(0, len(ids), 100):
            yield ids[at : at + 100], self.texts(ids[at : at + 100])

    def changes_since(self, revision: int) -> FakeChanges | None:
        if not self.floor <= revision <= self.revision:
            return None
        before = {number for _, added in self.history[:revision] for number in added}
        removed = {number for numbers, _ in self.history[revision:] for number in numbers}
        added = {number for _, numbers in self.history[revision:] for number in numbers} - removed
        return FakeChanges(np.array(sorted(removed & before), dtype=np.int64), np.array(sorted(added), dtype=np.int64))

    def _check(self, ids: Ids) -> None:
        missing = [number for number in ids.tolist() if number not in self.chunks]
        if missing:
            raise NotFoundError(f"there is no chunk {missing[0]}")
