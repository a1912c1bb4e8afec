"""Find texts that are the same but for spacing and case, or nearly so: by hash, and by shared pairs of words."""

from __future__ import annotations

import hashlib
import itertools
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Final

ALIKE: Final = 0.8
"""Texts that share this part of their word pairs (Jaccard) are near duplicates."""
_WITHIN: Final = 0.95  # so is a text of which this part stands in a longer one
_LEAST_WITHIN: Final = 4  # pairs of words of a text that can be a part of another
_COMMON: Final = 500  # a pair of words in more texts than this is no sign of similarity
_WORD = re.compile(r"\w+")


def text_key(text: str) -> str:
    """Return a hash that is equal for texts that differ in case, spacing and punctuation alone."""
    return hashlib.sha256(" ".join(words_of(text)).encode()).hexdigest()


def words_of(text: str) -> list[str]:
    """Return the words of a text, folded for comparison."""
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


class NearTexts:
    """Texts that can be asked whether they hold a near duplicate of another one."""

    def __init__(self, texts: Sequence[str] = ()) -> None:
        self._keys: dict[str, int] = {}
        self._shingles: list[frozenset[tuple[str, ...]]] = []
        self._holders: dict[tuple[str, ...], list[int]] = defaultdict(list)
        for text in texts:
            self.add(text)

    def add(self, text: str) -> None:
        """Add a text; it has the number of texts before it."""
        number = len(self._shingles)
        self._keys.setdefault(text_key(text), number)
        shingles = _shingles(text)
        self._shingles.append(shingles)
        for shingle in shingles:
            self._holders[shingle].append(number)

    def find(self, text: str) -> int | None:
        """Return the number of the text that is equal or nearest, at least `ALIKE`; None for none."""
        same = self._keys.get(text_key(text))
        if same is not None:
            return same
        shingles = _shingles(text)
        shared: Counter[int] = Counter()
        for shingle in shingles:
            holders = self._holders.get(shingle, [])
            if len(holders) <= _COMMON:
                shared.update(holders)
        best = max(shared, key=lambda number: (self._alike(shingles, number), -number), default=None)
        return best if best is not None and self._alike(shingles, best) >= ALIKE else None

    def _alike(self, shingles: frozenset[tuple[str, ...]], number: int) -> float:
        """Return how alike a text is to one that is held, 0 to 1; 0 for texts with other numbers in them."""
        other = self._shingles[number]
        if _numbers(shingles) != _numbers(other):
            return 0.0
        shared, smaller = len(shingles & other), min(len(shingles), len(other))
        within = shared / smaller if smaller >= _LEAST_WITHIN else 0.0
        return max(shared / max(1, len(shingles | other)), within if within >= _WITHIN else 0.0)


def _numbers(shingles: frozenset[tuple[str, ...]]) -> set[str]:
    return {word for shingle in shingles for word in shingle if any(char.isdigit() for char in word)}


def _shingles(text: str) -> frozenset[tuple[str, ...]]:
    """Return the pairs of neighbouring words; the single word of a text of one."""
    words = words_of(text)
    return frozenset(itertools.pairwise(words)) if len(words) > 1 else frozenset((word,) for word in words)
