"""Find texts that are equal except for spacing and case, or nearly equal: by hash, and by shared words."""

from __future__ import annotations

import hashlib
import itertools
import re
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ragkit.text.content_terms import NEGATIONS, UNSPACED

ALIKE: Final = 0.8
"""Texts that share this part of their word pairs (Jaccard) are near duplicates."""
_WITHIN: Final = 0.95  # so is a text of which this part stands in a longer one
_LEAST_WITHIN: Final = 4  # pairs of words of a text that can be a part of another
_COMMON: Final = 500  # a pair of words in more texts than this is no sign of similarity
_WORD: Final = re.compile(rf"{UNSPACED.pattern}|(?:(?!{UNSPACED.pattern})\w)+")
_NEGATING: Final = NEGATIONS | frozenset("不没沒无無未非")
_APOSTROPHES: Final = re.compile("(?<=\\w)['’](?=\\w)")


def text_key(text: str) -> str:
    """Return a hash that is equal for texts that differ in case, spacing and punctuation alone."""
    return hashlib.sha256(" ".join(_words_of(text)).encode("utf-8", "replace")).hexdigest()


@dataclass(frozen=True, slots=True)
class _Form:
    """The comparable form of a text: its words, its pairs of neighbouring words, and the words that must be equal."""

    words: frozenset[str]
    pairs: frozenset[tuple[str, ...]]
    decisive: frozenset[str]

    def likeness(self, other: _Form) -> float:
        """Return the similarity of two texts, 0 to 1; 0 where a number or a negation differs.

        The share of common pairs; 1 for a text of four pairs or more that stands in the other; and the share of common
        words where one text has all words of the other, as a word that is put in breaks a pair and makes two.
        """
        if self.decisive != other.decisive:
            return 0.0
        shared, smaller = len(self.pairs & other.pairs), min(len(self.pairs), len(other.pairs))
        likeness = shared / max(1, len(self.pairs | other.pairs))
        if smaller >= _LEAST_WITHIN and shared >= _WITHIN * smaller:
            likeness = 1.0
        if self.words <= other.words or other.words <= self.words:
            likeness = max(likeness, len(self.words & other.words) / max(1, len(self.words | other.words)))
        return likeness


class NearTexts:
    """A set of texts that finds near duplicates of another one."""

    def __init__(self, texts: Sequence[str] = ()) -> None:
        self._keys: dict[str, int] = {}
        self._forms: list[_Form] = []
        self._holders: dict[tuple[str, ...], list[int]] = defaultdict(list)
        for text in texts:
            self.add(text)

    def add(self, text: str) -> None:
        """Add a text; it has the number of texts before it."""
        number, form = len(self._forms), _form(text)
        self._keys.setdefault(text_key(text), number)
        self._forms.append(form)
        for pair in form.pairs:
            self._holders[pair].append(number)

    def find(self, text: str) -> int | None:
        """Return the number of the text that is equal or nearest, at least `ALIKE`; None for none."""
        same = self._keys.get(text_key(text))
        if same is not None:
            return same
        form = _form(text)
        near: set[int] = set()
        for pair in form.pairs:
            holders = self._holders.get(pair, [])
            if len(holders) <= _COMMON:
                near.update(holders)
        likeness, least = max(((form.likeness(self._forms[number]), -number) for number in near), default=(0.0, 0))
        return -least if likeness >= ALIKE else None


def _words_of(text: str) -> list[str]:
    """Return the folded words of a text; "don't" and "dont" are one word, a script without spaces gives characters."""
    return _WORD.findall(_APOSTROPHES.sub("", unicodedata.normalize("NFKC", text).casefold()))


def _form(text: str) -> _Form:
    """Return the form of a text; a text of one word has the word as its only pair."""
    words = _words_of(text)
    pairs = frozenset(itertools.pairwise(words)) if len(words) > 1 else frozenset((word,) for word in words)
    decisive = frozenset(word for word in words if word in _NEGATING or any(map(str.isnumeric, word)))
    return _Form(frozenset(words), pairs, decisive)
