"""Tokenises plain English text word by word from a cache, with exactly the tokens that the `tokenizers` library gives.

A BERT tokenizer splits text at blanks and punctuation before it looks at its vocabulary, so a word has the same tokens
in every text. Words repeat: most of them are found in a dictionary, which takes a tenth of the time.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tokenizers import Tokenizer

MOST_WORDS: Final = 100_000
"""Words in the cache, at some 250 bytes each; it is emptied when it is full."""
_WORD = re.compile(r"[A-Za-z0-9]+|[^A-Za-z0-9\s]")
_OTHER = re.compile("[^\t\n\r\x20-\x7e\xa0\u2018\u2019\u201c\u201d\u2013\u2014\u2022\u2026\xab\xbb\u2039\u203a\xb7]")
"""A character that is neither ASCII nor frequent punctuation. The library removes some, and takes others apart."""


@dataclass(frozen=True, slots=True)
class _Word:
    """The token ids of a word, and where each begins and ends in it."""

    ids: tuple[int, ...]
    spans: tuple[tuple[int, int], ...]


class WordEncoding:
    """The tokens of one text, as `tokenizers.Encoding` has them: ids, and code-point spans, (0, 0) for special ones."""

    __slots__ = ("_marks", "_text", "_words", "ids")

    def __init__(self, text: str, words: Sequence[_Word], marks: tuple[list[int], list[int]]) -> None:
        """marks: the ids of the special tokens before and after the text."""
        before, after = marks
        self.ids: list[int] = [*before, *chain.from_iterable([word.ids for word in words]), *after]
        self._text, self._words, self._marks = text, words, marks

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def offsets(self) -> list[tuple[int, int]]:
        """The half-open span of each token, made anew at every call: most texts are only counted."""
        before, after = self._marks
        places = [match.start() for match in _WORD.finditer(self._text)]
        spans = [
            (at + start, at + end) for at, word in zip(places, self._words, strict=True) for start, end in word.spans
        ]
        return [(0, 0)] * len(before) + spans + [(0, 0)] * len(after) if before or after else spans


class WordTokens:
    """The cache of one tokenizer. Thread-safe: threads may both look a word up, and find the same tokens."""

    def __init__(self, tokenizer: Tokenizer, marks: tuple[list[int], list[int]], reserved: Sequence[str]) -> None:
        """marks: see WordEncoding. reserved: texts that are tokens of their own wherever they stand."""
        self._tokenizer = tokenizer
        self._marks = marks
        self._reserved = reserved
        self._known: dict[str, _Word] = {}

    @classmethod
    def of(cls, tokenizer: Tokenizer, marks: tuple[list[int], list[int]]) -> WordTokens | None:
        """Return the cache of a BERT tokenizer; None for one of another kind."""
        added = tokenizer.get_added_tokens_decoder().values()
        if not _splits_words(tokenizer) or any(token.normalized for token in added):
            return None
        return cls(tokenizer, marks, [token.content for token in added])

    def encode(self, text: str, *, marked: bool = True) -> WordEncoding | None:
        """Return the tokens of a text; None for one that has others than plain characters.

        marked: with special tokens around it.
        """
        if _OTHER.search(text) or any(token in text for token in self._reserved):
            return None
        found = _WORD.findall(text)
        try:
            words = list(map(self._known.__getitem__, found))
        except KeyError:
            words = self._learned(found)
        return WordEncoding(text, words, self._marks if marked else ([], []))

    def _learned(self, found: Sequence[str]) -> list[_Word]:
        """Return words of which the cache lacks some; the library tokenises those."""
        known = self._known
        learned = {word: self._read(word) for word in set(found).difference(known)}
        known.update(learned)
        if len(known) > MOST_WORDS:
            self._known = learned
        return list(map(known.__getitem__, found))

    def _read(self, word: str) -> _Word:
        encoding = self._tokenizer.encode(word, add_special_tokens=False)
        return _Word(tuple(encoding.ids), tuple(encoding.offsets))


def _splits_words(tokenizer: Tokenizer) -> bool:
    """Tell whether a tokenizer treats the words of an ASCII text one by one."""
    parts = (tokenizer.normalizer, tokenizer.pre_tokenizer, tokenizer.model)
    kinds = [type(part).__name__ for part in parts]
    return kinds == ["BertNormalizer", "BertPreTokenizer", "WordPiece"] and bool(tokenizer.normalizer.clean_text)
