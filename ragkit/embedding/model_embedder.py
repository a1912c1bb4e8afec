"""The embedder of a tokenizer and a runtime: it keeps limits, windows long queries and checks every vector."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ragkit.embedding.tokenizer import WordPieces
from ragkit.errors import EmbeddingError
from ragkit.numeric.vectors import check_vectors, divided_by_norm
from ragkit.types.collection import Fingerprint

UseStates = Callable[[int, NDArray[np.float32]], None]
"""A callback that gets a text's index and its token states (tokens, d)."""

PROBE = "The quick brown fox jumps over the lazy dog."
"""The sentence whose document vector is part of every fingerprint."""


class Runtime(Protocol):
    """Runs the network. Texts are given without their prompt, ids with it, in the same order. Thread-safe."""

    @property
    def label(self) -> str:
        """The runtime and its precision, such as "torch-fp32"."""

    @property
    def dimension(self) -> int:
        """Numbers in a vector."""

    def documents(self, texts: Sequence[str], ids: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Return rows (n, d) of unit norm; tuned for many texts."""

    def queries(self, texts: Sequence[str], ids: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Return rows (n, d) of unit norm; tuned for a quick answer."""

    def sequences(self, ids: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Return rows (n, d) of unit norm for token ids that need not be those of a text."""

    @property
    def has_states(self) -> bool:
        """Whether a vector is the mean of token states, which `with_states` then gives."""

    def with_states(self, texts: Sequence[str], ids: Sequence[Sequence[int]], use: UseStates) -> NDArray[np.float32]:
        """Do as `documents`, and call `use` with each text's index and token states (tokens, d), from any thread."""


class ModelEmbedder:
    """The embedder of a sentence-transformers model, on any runtime.

    probe: the probe sentence's vector, float32 little-endian, where it is known; else it is computed here.
    """

    def __init__(
        self, runtime: Runtime, pieces: WordPieces, *, model: str, weights_sha256: str, probe: bytes = b""
    ) -> None:
        self._runtime = runtime
        self._pieces = pieces
        self._model = model
        self._fingerprint = Fingerprint(
            model=model,
            weights_sha256=weights_sha256,
            dimension=runtime.dimension,
            max_tokens=pieces.max_tokens,
            query_prompt=pieces.query_prompt,
            document_prompt=pieces.document_prompt,
            runtime=runtime.label,
            probe=probe or self.embed_documents([PROBE]).astype("<f4").tobytes(),
        )

    def __repr__(self) -> str:
        return f"<ModelEmbedder {self._model} on {self._runtime.label}>"

    @property
    def fingerprint(self) -> Fingerprint:
        """The identity of the vectors: only those of equal fingerprints may be compared."""
        return self._fingerprint

    @property
    def max_tokens(self) -> int:
        """The model's limit for one text, special tokens and prompt included."""
        return self._pieces.max_tokens

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return the size of each text as a document: prompt and special tokens included, never truncated."""
        return self._pieces.count(texts)

    def token_offsets(self, text: str) -> list[tuple[int, int]]:
        """Return the half-open code-point span of each word piece of the text, special tokens left out."""
        return self._pieces.offsets(text)

    def embed_documents(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one unit row per text, float32 (n, d), in the order of the texts.

        Nothing is truncated: a text above `max_tokens` is an EmbeddingError that names its index.
        """
        ids = self._pieces.document_ids(texts)
        self._check_limit(ids)
        if not ids:
            return np.empty((0, self._runtime.dimension), dtype=np.float32)
        return self._checked(self._runtime.documents(texts, ids), len(ids))

    @property
    def supports_units(self) -> bool:
        """Whether `embed_units` works: the model pools by the mean of its token states."""
        return self._runtime.has_states

    def embed_units(
        self, texts: Sequence[str], spans: Sequence[Sequence[tuple[int, int]]]
    ) -> tuple[NDArray[np.float32], list[NDArray[np.float32]]]:
        """Return the vectors of `embed_documents`, and for each text one unit row (m, d) per code-point span of it.

        A span's vector is the normalised mean of its tokens' states in the pass over the whole text ("late chunking",
        Günther et al. 2024, arXiv:2409.04701); a token belongs to the span that contains its middle. A span without
        tokens has the text's own vector.
        """
        ids, offsets = self._pieces.document_tokens(texts)
        self._check_limit(ids)
        dimension = self._runtime.dimension
        if not ids:
            return np.empty((0, dimension), dtype=np.float32), []
        parts: list[NDArray[np.float32]] = [np.empty((0, dimension), dtype=np.float32)] * len(ids)

        def pool(index: int, states: NDArray[np.float32]) -> None:
            parts[index] = _span_means(states, offsets[index], spans[index])

        rows = self._checked(self._runtime.with_states(texts, ids, pool), len(ids))
        owners = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
        flat = np.concatenate(parts)
        norms = np.linalg.norm(flat, axis=1, keepdims=True)
        empty = ~(norms[:, 0] > 0)
        unit = np.where(empty[:, None], rows[owners], flat / np.where(norms > 0, norms, 1)).astype(np.float32)
        self._checked(unit, len(unit))
        units = divided_by_norm(unit)  # once: the 8-bit codes of stored units come from exactly these bits
        units[empty] = rows[owners[empty]]
        return rows, np.split(units, np.searchsorted(owners, np.arange(1, len(parts))))

    def vocabulary(self) -> str:
        """Return the model's tokenizer as JSON, with its vocabulary."""
        return self._pieces.serialized

    def embed_tokens(self, tokens: Sequence[int]) -> NDArray[np.float32]:
        """Return the unit row of each token as if it were a whole text, between the special tokens, float32 (n, d)."""
        before, after = self._pieces.around()
        rows = self._runtime.sequences([[*before, token, *after] for token in tokens])
        return self._checked(rows, len(tokens))

    def _check_limit(self, ids: Sequence[Sequence[int]]) -> None:
        for index, tokens in enumerate(ids):
            if len(tokens) > self.max_tokens:
                raise EmbeddingError(
                    f"text {index} has {len(tokens):,} tokens and the model takes {self.max_tokens:,}", cure="split it"
                )

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one unit row per query, float32 (n, d), in the order of the queries.

        A query above `max_tokens` is split into even windows at word pieces; its vector is the mean of the windows'
        unit vectors, weighted by tokens and normalised, so that no part of a long question is ignored.
        """
        ids = self._pieces.query_ids(texts)
        if not ids:
            return np.empty((0, self._runtime.dimension), dtype=np.float32)
        if all(len(tokens) <= self.max_tokens for tokens in ids):
            return self._checked(self._runtime.queries(texts, ids), len(ids))
        return self._windowed(texts, ids)

    def _windowed(self, texts: Sequence[str], ids: list[list[int]]) -> NDArray[np.float32]:
        windows: list[str] = []
        owners: list[int] = []
        for owner, (text, tokens) in enumerate(zip(texts, ids, strict=True)):
            parts = [text] if len(tokens) <= self.max_tokens else self._pieces.query_windows(text)
            windows += parts
            owners += [owner] * len(parts)
        window_ids = self._pieces.query_ids(windows)
        longest = max(map(len, window_ids))
        if longest > self.max_tokens:  # the prompt fills the model, or one character has too many tokens
            raise EmbeddingError(
                f"a query cannot be cut into windows of {self.max_tokens} tokens",
                cure="use a model with a higher limit",
            )
        rows = self._checked(self._runtime.queries(windows, window_ids), len(windows))
        weights = np.array([len(tokens) for tokens in window_ids], dtype=np.float32)
        sums = np.zeros((len(texts), rows.shape[1]), dtype=np.float32)
        np.add.at(sums, owners, rows * weights[:, None])
        norms = np.linalg.norm(sums, axis=1, keepdims=True)
        means = sums / np.where(norms > 0, norms, np.float32(1))
        return self._checked(means.astype(np.float32), len(texts))

    def _checked(self, rows: NDArray[np.float32], count: int) -> NDArray[np.float32]:
        return check_vectors(rows, count=count, dimension=self._runtime.dimension)


def _span_means(
    states: NDArray[np.float32], offsets: Sequence[tuple[int, int]], spans: Sequence[tuple[int, int]]
) -> NDArray[np.float32]:
    """Return the mean state (m, d) of the tokens whose middle lies in each span; zeros where there is none."""
    edges = np.fromiter(chain.from_iterable(offsets), np.float32, 2 * len(offsets)).reshape(-1, 2)
    placed = np.flatnonzero(edges[:, 1] > edges[:, 0])  # special and prompt tokens have no extent
    middles = edges[placed].mean(axis=1)
    whole = placed.size > 0 and placed[-1] - placed[0] == placed.size - 1
    rows = states[placed[0] : placed[-1] + 1] if whole else states[placed]  # a slice copies nothing
    if (middles[1:] < middles[:-1]).any():
        order = np.argsort(middles, kind="stable")
        rows, middles = rows[order], middles[order]
    bounds = np.searchsorted(middles, np.array(spans, dtype=np.float32).reshape(-1, 2))
    counts = bounds[:, 1] - bounds[:, 0]
    means = np.zeros((len(spans), states.shape[1]), dtype=np.float32)
    for row, (left, right) in enumerate(bounds.tolist()):
        if left < right:
            np.add.reduce(rows[left:right], axis=0, out=means[row])
    means /= np.maximum(counts, 1).astype(np.float32)[:, None]
    return means
