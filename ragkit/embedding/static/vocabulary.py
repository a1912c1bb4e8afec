"""The vocabulary of a static model: a tokenizer's own tokens, and words of the user's that it would split."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ragkit.errors import ModelError

MOST_WORDS: Final = 30_000
"""Most words of the user's that become tokens, the most frequent ones."""
LEAST_COUNT: Final = 3
"""A word must occur as often to become a token."""
_LENGTHS: Final = range(3, 33)
_WORD_KINDS: Final = frozenset({"WordPiece", "WordLevel", "BPE"})


@dataclass(frozen=True, slots=True)
class NewWord:
    """A word that becomes a token. token: as the tokenizer writes it, such as "Ġword". text: as people write it."""

    token: str
    text: str


class Vocabulary:
    """The tokenizer of a model whose tokens are listed, counted and added to. Raises ModelError if it is not known.

    serialized: its JSON.
    """

    def __init__(self, serialized: str) -> None:
        from tokenizers import Tokenizer

        self._config: dict[str, Any] = json.loads(serialized)
        self._kind = str(self._config["model"].get("type"))
        if self._kind not in {*_WORD_KINDS, "Unigram"}:
            raise ModelError(f"a tokenizer of kind {self._kind} cannot be distilled", cure="choose another model")
        self._tokenizer = Tokenizer.from_str(serialized)
        known: dict[str, int] = self._tokenizer.get_vocab(with_added_tokens=True)
        self._known = known
        self.size = max(known.values()) + 1
        """Rows of a table for it: the largest id, and one."""

    @property
    def tokens(self) -> dict[int, str]:
        """The tokens by id, as the tokenizer writes them; an id may be missing."""
        return {number: token for token, number in self._known.items()}

    def new_words(self, texts: Iterable[str]) -> tuple[NewWord, ...]:
        """Return words of texts that are no token, the most frequent first: three to 32 letters, three occurrences."""
        counts: Counter[str] = Counter()
        written: dict[str, str] = {}
        for text in texts:
            for token, word in self._words(text):
                counts[token] += 1
                written.setdefault(token, word)
        often = sorted((-count, token) for token, count in counts.items() if count >= LEAST_COUNT)
        return tuple(NewWord(token, written[token]) for _, token in often[:MOST_WORDS])

    def _words(self, text: str) -> Iterable[tuple[str, str]]:
        normalizer, splitter = self._tokenizer.normalizer, self._tokenizer.pre_tokenizer
        plain = normalizer.normalize_str(text) if normalizer else text
        for token, (start, end) in splitter.pre_tokenize_str(plain) if splitter else ():
            word = plain[start:end].strip()
            if len(word) in _LENGTHS and token not in self._known and word.isalpha():
                yield token, word

    def extended(self, words: Sequence[NewWord]) -> str:
        """Return the tokenizer's JSON with these words as tokens, whose ids begin at `size`; nothing is put around a
        text any more."""
        config: dict[str, Any] = json.loads(json.dumps(self._config))
        config |= {"post_processor": None, "truncation": None, "padding": None}
        vocabulary = config["model"]["vocab"]
        if self._kind == "Unigram":
            # its ids are places: an added token behind the last place would stand in the way
            config["added_tokens"] = [item for item in config["added_tokens"] if item["id"] < len(vocabulary)]
            vocabulary += [[f"<unused {number}>", -1e6] for number in range(len(vocabulary), self.size)]
            vocabulary += [[word.token, 0.0] for word in words]  # the best score there is: the word is never split
        else:
            vocabulary |= {word.token: self.size + number for number, word in enumerate(words)}
        if self._kind == "BPE" and words:
            config["model"]["ignore_merges"] = True  # a word of the vocabulary is a token, though no merge leads to it
        return json.dumps(config, ensure_ascii=False)
