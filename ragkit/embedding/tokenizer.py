"""A model's own tokenizer: exact counts and spans, never truncated; long queries are split into windows."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ragkit.embedding.word_tokens import WordEncoding, WordTokens
from ragkit.errors import MissingPackageError, ModelError

if TYPE_CHECKING:
    from tokenizers import Encoding as LibraryEncoding

    Encoding = LibraryEncoding | WordEncoding


NO_LIMIT = 1_000_000
"""Most tokens of one text where the model has no limit."""

_KEPT_TOKENS = 150_000  # at some 170 bytes each


class WordPieces:
    """Counts, spans and token ids by the Rust `tokenizers` library, of plain ASCII text by `WordTokens`. Thread-safe.

    The encoding of a counted text is cached until it is embedded, mostly the next step, so that a text is tokenised
    once; at most some 150,000 tokens (25 MB), the newest. max_tokens: the model's limit, special tokens and prompt
    included. special_tokens: whether the model puts its own tokens around a text; without them a text may have none,
    and counts as one.
    """

    def __init__(
        self,
        serialized: str,
        *,
        max_tokens: int,
        query_prompt: str = "",
        document_prompt: str = "",
        special_tokens: bool = True,
    ) -> None:
        try:
            from tokenizers import Tokenizer
        except ImportError as error:
            raise MissingPackageError("tokenizers", purpose="counting tokens", install="tokenizers") from error
        try:
            self._tokenizer = Tokenizer.from_str(serialized)
        except Exception as error:
            raise ModelError(f"the model's tokenizer cannot be read: {error}", cure="copy the model again") from error
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._counted: dict[str, Encoding] = {}
        self._counted_tokens = 0
        self._lock = threading.Lock()
        self.max_tokens = max_tokens
        self.query_prompt = query_prompt
        self.document_prompt = document_prompt
        self._special_tokens = special_tokens
        self._words = WordTokens.of(self._tokenizer, self.around())

    @classmethod
    def from_file(
        cls,
        path: Path,
        *,
        max_tokens: int,
        query_prompt: str = "",
        document_prompt: str = "",
        special_tokens: bool = True,
    ) -> WordPieces:
        """Load a tokenizer.json. Raises ModelError."""
        try:
            serialized = path.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise ModelError(f"the tokenizer cannot be read: {error}", cure="copy the model again") from error
        return cls(
            serialized,
            max_tokens=max_tokens,
            query_prompt=query_prompt,
            document_prompt=document_prompt,
            special_tokens=special_tokens,
        )

    @property
    def serialized(self) -> str:
        """The tokenizer as JSON, without truncation and padding."""
        text: str = self._tokenizer.to_str()
        return text

    def rows(self) -> int:
        """Return how many rows a table for this vocabulary has: the largest id, and one."""
        known: dict[str, int] = self._tokenizer.get_vocab(with_added_tokens=True)
        return max(known.values(), default=-1) + 1

    def around(self) -> tuple[list[int], list[int]]:
        """Return the ids of the special tokens before and after a text."""
        ids = self._tokenizer.encode_batch_fast([""], add_special_tokens=self._special_tokens)[0].ids
        marked = self._tokenizer.encode_batch(["a"], add_special_tokens=self._special_tokens)[0].special_tokens_mask
        before = next((at for at, special in enumerate(marked) if not special), len(ids))
        return ids[:before], ids[before:]

    def document_ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the token ids of each text as a document: prompt and special tokens included."""
        return self._ids(texts, self.document_prompt)

    def document_tokens(self, texts: Sequence[str]) -> tuple[list[list[int]], list[list[tuple[int, int]]]]:
        """Return `document_ids`, and each token's code-point span in its text, (0, 0) for special and prompt tokens."""
        shift = len(self.document_prompt)
        kept = [self._pop(text) for text in texts]
        read = iter(self._encode_whole([text for text, known in zip(texts, kept, strict=True) if known is None]))
        encodings = [next(read) if known is None else known for known in kept]
        if not shift:
            return [item.ids for item in encodings], [item.offsets for item in encodings]
        spans = [
            [(start - shift, end - shift) if end > shift else (0, 0) for start, end in item.offsets]
            for item in encodings
        ]
        return [item.ids for item in encodings], spans

    def query_ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the token ids of each text as a query: prompt and special tokens included."""
        return self._ids(texts, self.query_prompt)

    def count(self, texts: Sequence[str]) -> list[int]:
        """Return the number of tokens of each text as a document, and cache the encodings for `document_tokens`."""
        encodings = self._encode_whole(texts)
        with self._lock:
            for text, encoding in zip(texts, encodings, strict=True):
                self._counted_tokens += len(encoding) - len(self._counted.pop(text, ()))
                self._counted[text] = encoding
            while self._counted_tokens > _KEPT_TOKENS:
                self._counted_tokens -= len(self._counted.pop(next(iter(self._counted))))
        return [max(1, len(encoding)) for encoding in encodings]

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """Return the half-open code-point span of each word piece; prompt and special tokens left out."""
        words = self._words and self._words.encode(text, marked=False)
        if words:
            return words.offsets
        # A batch of one: `encode` holds the GIL while it reads, `encode_batch` does not.
        spans: list[tuple[int, int]] = self._tokenizer.encode_batch([text], add_special_tokens=False)[0].offsets
        return spans

    def query_windows(self, text: str) -> list[str]:
        """Split a query at word pieces into few even windows that fit the limit with prompt and special tokens."""
        spans = [span for span in self.offsets(text) if span[1] > span[0]]
        room = max(1, self.max_tokens - len(self.query_ids([""])[0]))
        parts = max(1, -(-len(spans) // room))
        while parts < len(spans):
            windows = self._cut(text, spans, parts)
            if max(len(ids) for ids in self.query_ids(windows)) <= self.max_tokens:
                return windows
            parts += 1 + parts // 8  # part of a word may have more tokens than it had within the word
        return self._cut(text, spans, max(1, len(spans)))

    @staticmethod
    def _cut(text: str, spans: list[tuple[int, int]], parts: int) -> list[str]:
        bounds = [round(len(spans) * part / parts) for part in range(parts + 1)]
        return [
            text[spans[first][0] : spans[last - 1][1]] for first, last in itertools.pairwise(bounds) if last > first
        ] or [""]

    def _pop(self, text: str) -> Encoding | None:
        with self._lock:
            encoding = self._counted.pop(text, None)
            self._counted_tokens -= len(encoding or ())
            return encoding

    def _encode_whole(self, texts: Sequence[str]) -> list[Encoding]:
        """Return the encodings of texts as documents, with offsets, which take the library a third longer."""
        return self._encoded([self.document_prompt + text for text in texts], self._tokenizer.encode_batch)

    def _ids(self, texts: Sequence[str], prompt: str) -> list[list[int]]:
        return [encoding.ids for encoding in self._encode(texts, prompt)]

    def _encode(self, texts: Sequence[str], prompt: str) -> list[Encoding]:
        return self._encoded([prompt + text for text in texts], self._tokenizer.encode_batch_fast)

    def _encoded(self, texts: list[str], encode: Callable[..., list[LibraryEncoding]]) -> list[Encoding]:
        """Return the encodings of texts; the library's `encode` makes those that the cache of words does not."""
        by_words = [None if self._words is None else self._words.encode(text) for text in texts]
        others = [text for text, known in zip(texts, by_words, strict=True) if known is None]
        made = iter(encode(others, add_special_tokens=self._special_tokens) if others else ())
        return [next(made) if known is None else known for known in by_words]
