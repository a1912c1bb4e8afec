"""Ranking texts that are in no collection: by the cross-encoder of the settings, else by vectors and rare terms."""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from ragkit.retrieval.questions import checked_question
from ragkit.retrieval.reranking.reranker import Reranker, load_reranker
from ragkit.settings import Settings
from ragkit.text.analyzer import analyse
from ragkit.text.cleaning import clean_text
from ragkit.types.collection import Fingerprint

_MARGIN: Final = 8  # tokens: a window may count a few more alone than within its text


class TextEmbedder(Protocol):
    """The part of an embedder that ranking needs; see `ragkit.embedding.base.Embedder`."""

    @property
    def fingerprint(self) -> Fingerprint: ...

    @property
    def max_tokens(self) -> int: ...

    def embed_documents(self, texts: Sequence[str]) -> NDArray[np.float32]: ...

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]: ...

    def count_tokens(self, texts: Sequence[str]) -> list[int]: ...

    def token_offsets(self, text: str) -> list[tuple[int, int]]: ...


class TextRanker:
    """Scores how well each of some texts answers a question, in 0..1. Thread-safe; models load at the first call.

    With `settings.retrieval.rerank`, the scores are that cross-encoder's. Without it they are the convex combination
    of search (`dense_weight`): the best cosine of a text's windows, and the share of the question's terms in it, each
    weighted by how few of the texts have it.
    """

    def __init__(self, settings: Settings, *, embedder: Callable[[], TextEmbedder]) -> None:
        self._settings = settings
        self._embedder = embedder
        self._reranker: Reranker | None = None
        self._loading = threading.Lock()

    @property
    def name(self) -> str:
        """The model that scores: the cross-encoder, or the embedding model."""
        retrieval = self._settings.retrieval
        return (not retrieval.two_tiers and retrieval.rerank) or self._embedder().fingerprint.model

    def score(self, question: str, texts: Sequence[str]) -> list[float]:
        """Return the score of each text, in their order.

        Raises QueryError for an empty or over-long question, ModelError and MissingPackageError for a model that cannot
        be loaded.
        """
        asked = checked_question(question, self._settings.retrieval)
        cleaned = [clean_text(text) for text in texts]
        if self._settings.retrieval.rerank and not self._settings.retrieval.two_tiers:
            return [float(score) for score in self._cross_encoder().score(asked, cleaned)]
        weight = self._settings.retrieval.dense_weight
        dense, lexical = _dense(asked, cleaned, self._embedder()), _lexical(asked, cleaned)
        return [weight * near + (1 - weight) * shared for near, shared in zip(dense, lexical, strict=True)]

    def _cross_encoder(self) -> Reranker:
        with self._loading:
            if self._reranker is None:
                self._reranker = load_reranker(self._settings.retrieval.rerank, models=self._settings.model)
            return self._reranker


def _dense(question: str, texts: Sequence[str], embedder: TextEmbedder) -> list[float]:
    """Return the best cosine of each text's windows with the question, 0 where it is negative or the text empty."""
    windows = [(index, window) for index, text in enumerate(texts) for window in _windows(text, embedder)]
    best: NDArray[np.float32] = np.zeros(len(texts), dtype=np.float32)
    if windows:
        (asked,) = embedder.embed_queries([question])
        cosines = embedder.embed_documents([window for _, window in windows]) @ asked
        np.maximum.at(best, [index for index, _ in windows], cosines)
    return [float(value) for value in np.clip(best, 0.0, 1.0)]


def _windows(text: str, embedder: TextEmbedder) -> Iterator[str]:
    """Yield pieces of a text that the model takes whole."""
    spans = embedder.token_offsets(text)
    size = max(embedder.max_tokens - embedder.count_tokens([""])[0] - _MARGIN, 1)
    for first in range(0, len(spans), size):
        part = spans[first : first + size]
        yield text[part[0][0] : part[-1][1]]


def _lexical(question: str, texts: Sequence[str]) -> list[float]:
    """Return the share of the question's terms that each text has, rare terms counting more."""
    wanted = set(analyse(question))
    terms = [wanted.intersection(analyse(text)) for text in texts]
    shared = Counter(term for found in terms for term in found)
    weights = {term: math.log1p(len(texts) / shared[term]) for term in wanted if shared[term]}
    total = sum(weights.values())
    return [sum(weights[term] for term in found) / total if total else 0.0 for found in terms]
