"""question -> hits: dense and lexical candidates, exact features for all of them, one convex combination, passages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ragkit.analysis import analyse
from ragkit.caches import Snapshot
from ragkit.embed import Embedder
from ragkit.features import Statistics, lexical_features, question_terms
from ragkit.passages import Ranked, to_hits
from ragkit.rerank import Reranker, load_reranker
from ragkit.settings import ModelSettings, RetrievalSettings
from ragkit.store import Reader
from ragkit.types import Hits

Scores = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Weights:
    """What each feature counts within its side; both sides add up to 1. Tuned on the tuning parts only."""

    chunk: float = 0.6
    unit: float = 0.8
    feedback: float = 0.4
    bm25: float = 0.44
    coverage: float = 0.2
    best_unit: float = 0.2
    pairs: float = 0.4

    def dense(self, chunk: Scores, unit: Scores, feedback: Scores) -> Scores:
        """Return the dense side, 0..1 for non-negative cosines."""
        total = self.chunk + self.unit + self.feedback
        return (self.chunk * chunk + self.unit * unit + self.feedback * feedback) / total

    def lexical(self, bm25: Scores, coverage: Scores, best_unit: Scores, pairs: Scores) -> Scores:
        """Return the lexical side, 0..1."""
        total = self.bm25 + self.coverage + self.best_unit + self.pairs
        return (self.bm25 * bm25 + self.coverage * coverage + self.best_unit * best_unit + self.pairs * pairs) / total


WEIGHTS = Weights()
BM25_CEILING = 2.2
"""BM25 of one term is at most (k1 + 1) times its weight."""
CONFIDENCE_SLOPE = 14.0
CONFIDENCE_MIDDLE = 0.38
"""The best score maps to confidence by a logistic curve with these two numbers, fitted on the tuning parts."""
_RERANK_DEPTH = 30
_FEEDBACK_FLOOR = 50


class Retriever:
    """Ranks the chunks of a snapshot for a question. Holds no state but its models; safe for many threads."""

    def __init__(
        self,
        embedder: Callable[[], Embedder],
        settings: RetrievalSettings,
        models: ModelSettings,
        *,
        reranker: Reranker | None = None,
    ) -> None:
        self._embedder = embedder
        self._settings = settings
        self._models = models
        self._reranker = reranker

    def retrieve(
        self,
        question: str,
        *,
        reader: Reader,
        snapshot: Snapshot,
        k: int,
        allowed: NDArray[np.int64] | None = None,
    ) -> Hits:
        """Return at most k hits from one committed state. allowed: ascending chunk ids that may come back."""
        query = self._embedder().embed_queries([question])[0]
        ids = self._candidates(question, query, snapshot, k=k, allowed=allowed)
        if not len(ids):
            return Hits(generation=snapshot.generation)
        vectors = reader.vectors(ids)
        dense, lexical = self._sides(question, query, ids, vectors, reader=reader, snapshot=snapshot)
        weight = self._settings.dense_weight
        fused = np.clip(weight * dense + (1 - weight) * lexical, 0.0, 1.0)
        parts = {"dense": np.clip(dense, 0, 1), "lexical": np.clip(lexical, 0, 1)}
        confidence = float(1 / (1 + np.exp(-CONFIDENCE_SLOPE * (fused.max() - CONFIDENCE_MIDDLE))))
        order = np.lexsort((ids, -fused))
        fused, order = self._reranked(question, ids, fused, order, parts, reader=reader)
        if self._settings.mmr > 0:
            order = _diverse(order, fused, vectors, share=self._settings.mmr, count=min(len(order), 4 * k))
        # Some chunks merge into passages: take enough rows for k passages in the worst case.
        order = order[: 4 * k]
        rows = reader.chunk_rows(ids[order])
        ranked = [
            Ranked(rows[int(ids[at])], float(fused[at]), {name: float(values[at]) for name, values in parts.items()})
            for at in order
        ]
        hits = to_hits(reader, ranked, k=k, merge=self._settings.merge)
        return Hits(hits, confidence=confidence, generation=snapshot.generation)

    def _candidates(
        self,
        question: str,
        query: NDArray[np.float32],
        snapshot: Snapshot,
        *,
        k: int,
        allowed: NDArray[np.int64] | None,
    ) -> NDArray[np.int64]:
        """Return the ids that either search brings, ascending."""
        count = max(self._settings.candidates, 4 * k)
        dense, _ = snapshot.dense.search(query, count, allowed=allowed)
        lexical, _ = snapshot.lexical.search(question, count, allowed=allowed)
        return np.union1d(dense, lexical)

    def _sides(
        self,
        question: str,
        query: NDArray[np.float32],
        ids: NDArray[np.int64],
        vectors: NDArray[np.float32],
        *,
        reader: Reader,
        snapshot: Snapshot,
    ) -> tuple[Scores, Scores]:
        """Return the dense and the lexical side of every candidate."""
        chunk = (vectors @ query).astype(np.float64)
        unit = _best_unit(query, ids, chunk, reader)
        documents, mean_length = snapshot.lexical.statistics()
        statistics = Statistics(documents, mean_length)
        terms = analyse(question)
        weights = question_terms(terms, idf=snapshot.lexical.idf(terms), statistics=statistics)
        words = lexical_features(weights, snapshot.lexical.terms(ids), statistics=statistics)
        lexical = WEIGHTS.lexical(words.bm25 / BM25_CEILING, words.coverage, words.unit, words.pairs)
        zero = np.zeros_like(chunk)
        weight = self._settings.dense_weight
        first = weight * WEIGHTS.dense(chunk, unit, zero) + (1 - weight) * lexical
        return WEIGHTS.dense(chunk, unit, _feedback(first, vectors)), lexical

    def _reranked(
        self,
        question: str,
        ids: NDArray[np.int64],
        fused: Scores,
        order: NDArray[np.int64],
        parts: dict[str, Scores],
        *,
        reader: Reader,
    ) -> tuple[Scores, NDArray[np.int64]]:
        """Let the cross-encoder, if there is one, order the best candidates; its scores lie above all others'."""
        reranker = self._load_reranker()
        if reranker is None:
            return fused, order
        head = order[:_RERANK_DEPTH]
        rows = reader.chunk_rows(ids[head])
        judged = reranker.score(question, [rows[int(ids[at])].text for at in head])
        fused = fused * 0.5
        rerank = np.zeros_like(fused)
        rerank[head] = judged
        fused[head] = 0.5 + 0.5 * judged
        parts["rerank"] = rerank
        return fused, np.lexsort((ids, -fused))

    def _load_reranker(self) -> Reranker | None:
        if self._reranker is None and self._settings.rerank:
            self._reranker = load_reranker(self._settings.rerank, models=self._models)
        return self._reranker


def _best_unit(query: NDArray[np.float32], ids: NDArray[np.int64], chunk: Scores, reader: Reader) -> Scores:
    """Return the best cosine of each chunk's units (late chunking, Günther et al. 2024); the chunk's own without."""
    vectors, owners = reader.unit_vectors(ids)
    best = np.full(len(ids), -2.0)
    np.maximum.at(best, owners, (vectors @ query).astype(np.float64))
    return np.where(best > -2.0, best, chunk)


def _feedback(scores: Scores, vectors: NDArray[np.float32]) -> Scores:
    """Return the cosine of each candidate to the mean of the two best: pseudo-relevance feedback on vectors.

    The two are weighted by how far they stand above the candidate at rank 50.
    """
    best = np.argsort(-scores, kind="stable")
    floor = scores[best[min(_FEEDBACK_FLOOR, len(best)) - 1]]
    weights = np.maximum(scores[best[:2]] - floor, 1e-6)
    mean = weights @ vectors[best[:2]]
    norm = float(np.linalg.norm(mean))
    return (vectors @ (mean / norm)).astype(np.float64) if norm > 0 else np.zeros(len(scores))


def _diverse(
    order: NDArray[np.int64], scores: Scores, vectors: NDArray[np.float32], *, share: float, count: int
) -> NDArray[np.int64]:
    """Reorder by maximal marginal relevance (Carbonell and Goldstein 1998); `share` is the weight of diversity."""
    pool = order[: max(count, 1) * 2].tolist()
    chosen = [pool.pop(0)]
    nearest = vectors[pool] @ vectors[chosen[0]]
    while pool and len(chosen) < count:
        value = (1 - share) * scores[pool] - share * nearest
        at = int(np.argmax(value))
        chosen.append(pool.pop(at))
        nearest = np.delete(nearest, at)
        if pool:
            nearest = np.maximum(nearest, vectors[pool] @ vectors[chosen[-1]])
    return np.array(chosen, dtype=np.int64)
