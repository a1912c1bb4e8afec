"""Fake embedders: deterministic, or broken in a chosen way."""

from __future__ import annotations

import hashlib
import re
import threading
from collections import Counter
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ragkit.errors import EmbeddingError
from ragkit.numeric.vectors import check_vectors
from ragkit.types.collection import Fingerprint

_PIECE = 6  # longest word piece, in code points
_SPECIAL = 2  # like BERT's [CLS] and [SEP]
_STEM = 5  # words that share this many first letters are somewhat alike
_UNSPACED = "\u0e00-\u0e7f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"  # each letter is a word of its own
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W{_UNSPACED}]+|[^\w\s]")
_COMMON_WORDS = (
    "a an and are as at be by can did do does for from has have how i in is it its many much of on or our"
    " that the there this to was we were what when where which who why will with you your"
)
_COMMON = frozenset(_COMMON_WORDS.split())


class HashEmbedder:
    """An embedder without a model: texts that share words have similar vectors.

    A text's vector is the sum of pseudo-random ±1 vectors of its words (and of their first five letters), damped by the
    square root of how often a word occurs; common English words and punctuation count little. It is the same on every
    machine. Tokens are pieces of at most six code points of each word, plus two special ones, plus the prompt's.

    `documents_embedded` and `queries_embedded` count texts, `calls` counts calls of either kind, for tests of what is
    embedded how often.
    """

    def __init__(
        self,
        dimension: int = 64,
        *,
        max_tokens: int = 256,
        name: str = "hash",
        query_prompt: str = "",
        document_prompt: str = "",
    ) -> None:
        self._dimension = dimension
        self._max_tokens = max_tokens
        self._query_prompt = query_prompt
        self._document_prompt = document_prompt
        self._words: dict[str, NDArray[np.float32]] = {}
        self._lock = threading.Lock()
        self.documents_embedded = 0
        self.queries_embedded = 0
        self.calls = 0
        self._fingerprint = Fingerprint(
            model=name,
            weights_sha256=hashlib.sha256(name.encode()).hexdigest(),
            dimension=dimension,
            max_tokens=max_tokens,
            query_prompt=query_prompt,
            document_prompt=document_prompt,
            runtime="hash",
            probe=self._rows(["The quick brown fox jumps over the lazy dog."]).astype("<f4").tobytes(),
        )

    @property
    def fingerprint(self) -> Fingerprint:
        """The same for the same arguments, another for another name, dimension, limit or prompt."""
        return self._fingerprint

    @property
    def max_tokens(self) -> int:
        """The limit given to the constructor."""
        return self._max_tokens

    def embed_documents(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return unit rows (n, d); EmbeddingError names the index of a text over the limit."""
        for index, tokens in enumerate(self.count_tokens(texts)):
            if tokens > self._max_tokens:
                raise EmbeddingError(
                    f"text {index} has {tokens} tokens and the model takes {self._max_tokens}", cure="split it"
                )
        return self._embed(texts, queries=False)

    @property
    def supports_units(self) -> bool:
        """True: `embed_units` works."""
        return True

    def embed_units(
        self, texts: Sequence[str], spans: Sequence[Sequence[tuple[int, int]]]
    ) -> tuple[NDArray[np.float32], list[NDArray[np.float32]]]:
        """Return what `embed_documents` does, and the rows (m, d) of the slices of each text."""
        rows = self.embed_documents(texts)
        slices = [[text[start:end] for start, end in wanted] for text, wanted in zip(texts, spans, strict=True)]
        return rows, [check_vectors(self._rows(part), count=len(part), dimension=self._dimension) for part in slices]

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return unit rows (n, d), for queries of any length."""
        return self._embed(texts, queries=True)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return the pieces of each text, plus two, plus the pieces of the document prompt."""
        prompt = len(_pieces(self._document_prompt))
        return [len(_pieces(text)) + prompt + _SPECIAL for text in texts]

    def token_offsets(self, text: str) -> list[tuple[int, int]]:
        """Return the code-point span of each piece."""
        return _pieces(text)

    def _embed(self, texts: Sequence[str], *, queries: bool) -> NDArray[np.float32]:
        with self._lock:
            self.calls += 1
            if queries:
                self.queries_embedded += len(texts)
            else:
                self.documents_embedded += len(texts)
        return check_vectors(self._rows(texts), count=len(texts), dimension=self._dimension)

    def _rows(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = np.empty((len(texts), self._dimension), dtype=np.float32)
        for index, text in enumerate(texts):
            rows[index] = self._vector(text)
        return rows

    def _vector(self, text: str) -> NDArray[np.float32]:
        total = np.float32(0.05) * self._word("[CLS]")  # so that a text without words has a direction too
        for word, count in Counter(_WORD.findall(text.lower())).items():
            common = word in _COMMON or not word.isalnum()
            total += np.float32((0.05 if common else 1.0) * count**0.5) * self._word(word)
            if not common and len(word) > _STEM:
                total += np.float32(0.7) * self._word(word[:_STEM])
        unit: NDArray[np.float32] = total / np.linalg.norm(total)
        return unit

    def _word(self, word: str) -> NDArray[np.float32]:
        vector = self._words.get(word)
        if vector is None:
            digest = hashlib.shake_128(word.encode("utf-8", "surrogatepass")).digest(-(-self._dimension // 8))
            bits = np.unpackbits(np.frombuffer(digest, dtype=np.uint8))[: self._dimension]
            vector = self._words[word] = bits.astype(np.float32) * 2 - 1
        return vector


def _pieces(text: str) -> list[tuple[int, int]]:
    """Cut every word into pieces of at most six code points; spans, in order."""
    return [
        (start, min(start + _PIECE, match.end()))
        for match in _WORD.finditer(text)
        for start in range(match.start(), match.end(), _PIECE)
    ]


Fault = Literal["nan", "infinite", "zero", "few_rows", "many_rows", "dimension", "not_unit", "raises"]


class BrokenEmbedder(HashEmbedder):
    """A HashEmbedder with a fault, to test that no faulty vector is stored.

    From call number `at_call` on (from 0, over both kinds of calls) its vectors have the fault: "nan", "infinite",
    "zero" and "not_unit" spoil the last row; "few_rows" and "many_rows" lose or repeat it; "dimension" adds a column;
    "raises" is an EmbeddingError. Unlike a real embedder it does not check what it returns.
    times: how many calls go wrong, 0 for all.
    """

    def __init__(self, fault: Fault, *, at_call: int = 0, times: int = 0, dimension: int = 64) -> None:
        super().__init__(dimension)
        self.fault: Fault = fault
        self._bad_calls = range(at_call, at_call + times) if times else range(at_call, 1 << 62)

    def _embed(self, texts: Sequence[str], *, queries: bool) -> NDArray[np.float32]:
        call = self.calls
        rows = super()._embed(texts, queries=queries)
        return self._spoil(rows) if call in self._bad_calls else rows

    def _spoil(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        if self.fault == "raises":
            raise EmbeddingError("the fake embedder fails on request")
        if self.fault == "few_rows":
            return rows[:-1]
        if self.fault == "many_rows":
            return np.concatenate([rows, rows[-1:]])
        if self.fault == "dimension":
            return np.concatenate([rows, rows[:, :1]], axis=1)
        factors = {"nan": np.nan, "infinite": np.inf, "zero": 0.0, "not_unit": 2.0}
        rows[-1:] *= np.float32(factors[self.fault])
        return rows
