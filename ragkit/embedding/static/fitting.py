"""Fits the table of a static model to the vectors that a network gives whole sentences of the user's texts.

The vector of a token alone does not know what the token means in these texts. The table is moved as little as possible
(ridge regression around the table that it was), so that the mean of a sentence's rows comes near the sentence's vector.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ragkit.text.sentences import sentence_spans

Rows = NDArray[np.float32]

SENTENCES: Final = 6_000
"""Most sentences that a table is fitted to."""
RIDGE: Final = 0.3
"""Weight of the squared distance to the table before; that of a sentence weighs 1. Tuned on the tuning parts of SQuAD
and Cranfield, each with the sentences of its own documents."""
_ROUNDS = 25
_COLUMNS = 64  # computed at once: a bound on the copies of rows
_LEAST = 1e-12
_WINDOW = (5, 11)  # words of a question


class SentenceSample:
    """A uniform sample of the sentences of many texts, by reservoir sampling (Vitter 1985, algorithm R) with a seed."""

    def __init__(self, size: int = SENTENCES) -> None:
        self._size = size
        self._random = Random(0)  # noqa: S311 - no secret
        self._seen = 0
        self._kept: list[str] = []

    def passing(self, texts: Iterable[str]) -> Iterator[str]:
        """Yield the texts unchanged, and sample their sentences."""
        for text in texts:
            for start, end in sentence_spans(text):
                self._seen += 1
                place = len(self._kept) if len(self._kept) < self._size else self._random.randrange(self._seen)
                if place < self._size:
                    self._kept[place : place + 1] = [text[start:end]]
            yield text

    def texts(self) -> list[str]:
        """Return the sentences, and some adjacent words of each long one, which are as short as questions are."""
        windows = []
        for sentence in self._kept:
            words = sentence.split()
            count = self._random.randint(*_WINDOW)
            if len(words) > _WINDOW[1] + 1:
                start = self._random.randrange(len(words) - count)
                windows.append(" ".join(words[start : start + count]))
        return self._kept + windows


def fitted(table: Rows, ids: Sequence[Sequence[int]], vectors: Rows, *, ridge: float = RIDGE) -> Rows:
    """Return a table (tokens, d) whose mean rows over texts of these token ids are near their vectors (n, d), centred.

    The table is first scaled to the vectors. Solved by conjugate gradients, 25 rounds.
    """
    means = _Means.of(ids, tokens=len(table))
    wanted = vectors - vectors.mean(axis=0)
    now = means.forward.apply(table)
    scaled = table * np.float32((now * wanted).sum() / max(float(np.square(now).sum()), _LEAST))
    rest = means.back.apply(wanted - means.forward.apply(scaled))
    moved = np.zeros_like(table)
    step, size = rest.copy(), np.square(rest).sum(axis=0)
    for _ in range(_ROUNDS):
        curved = means.back.apply(means.forward.apply(step)) + np.float32(ridge) * step
        length = size / np.maximum((step * curved).sum(axis=0), _LEAST)
        moved += length * step
        rest -= length * curved
        before, size = size, np.square(rest).sum(axis=0)
        step = rest + (size / np.maximum(before, _LEAST)) * step
    return scaled + moved


@dataclass(frozen=True, slots=True)
class _Sums:
    """A sparse matrix: for each target the sum of the rows of its sources, times their shares.

    sources, shares: ordered by target. targets: each once. starts: where the sources of each begin. count: of targets.
    """

    sources: NDArray[np.int64]
    shares: NDArray[np.float32]
    targets: NDArray[np.int64]
    starts: NDArray[np.int64]
    count: int

    @classmethod
    def of(
        cls, sources: NDArray[np.int64], targets: NDArray[np.int64], shares: NDArray[np.float32], *, count: int
    ) -> _Sums:
        order = np.argsort(targets, kind="stable")
        found, starts = np.unique(targets[order], return_index=True)
        return cls(sources[order], shares[order], found, starts, count)

    def apply(self, values: Rows) -> Rows:
        """Return the sums (count, d) over the rows of values."""
        sums = np.zeros((self.count, values.shape[1]), dtype=np.float32)
        for first in range(0, values.shape[1] if len(self.starts) else 0, _COLUMNS):
            part = np.ascontiguousarray(values[:, first : first + _COLUMNS])
            rows = part.take(self.sources, axis=0)
            rows *= self.shares[:, None]
            sums[self.targets, first : first + _COLUMNS] = np.add.reduceat(rows, self.starts, axis=0)
        return sums


@dataclass(frozen=True, slots=True)
class _Means:
    """forward: a table to the means of its rows over each text. back: its transpose."""

    forward: _Sums
    back: _Sums

    @classmethod
    def of(cls, ids: Sequence[Sequence[int]], *, tokens: int) -> _Means:
        lengths = np.array([len(item) for item in ids], dtype=np.int64)
        flat = np.fromiter((token for item in ids for token in item), dtype=np.int64, count=int(lengths.sum()))
        owners = np.repeat(np.arange(len(ids)), lengths)
        shares = (1 / np.maximum(lengths, 1)).astype(np.float32)[owners]
        return cls(_Sums.of(flat, owners, shares, count=len(ids)), _Sums.of(owners, flat, shares, count=tokens))
