"""question -> hits: dense and lexical candidates, exact features for all of them, one convex combination, passages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ragkit.concurrency.threads import HelperThread, Lane
from ragkit.index.cache import Snapshot
from ragkit.numeric.arrays import Scores
from ragkit.numeric.vectors import check_vectors, cosines
from ragkit.retrieval.candidates import Scored, UnitCosines, better
from ragkit.retrieval.diversity import diverse
from ragkit.retrieval.features import (
    Candidates,
    QuestionTerms,
    Statistics,
)
from ragkit.retrieval.feedback import FEEDBACK_GATE, FEEDBACK_WORDS_FROM, feedback_scores
from ragkit.retrieval.fusion import CONFIDENCE_MIDDLE, CONFIDENCE_SLOPE, WEIGHTS
from ragkit.retrieval.passages import Ranked, to_hits
from ragkit.retrieval.query_adapter import adapted
from ragkit.retrieval.query_terms import weighted_terms
from ragkit.retrieval.reranker import Reranker, load_reranker
from ragkit.retrieval.synonyms import load_vocabulary
from ragkit.settings import ModelSettings, RetrievalSettings
from ragkit.store.base import Reader
from ragkit.types.hits import Hits

ANSWERED = 0.7
MEANING = 1.25
"""Of a question that has another reading: the best score from which on none is sought, and what the vector of the
vocabulary's words counts beside the question's own. Found on the tuning part of FinanceBench."""
_MEANINGS_KEPT = 1_000
_RERANK_DEPTH = 30
BESIDE_FROM = 5_000
"""From so many chunks on, words are searched on a second thread beside the model: a question alone is answered 0.5 ms
sooner at 10,000, 1 ms at 100,000. Sixteen at once on two processors gain nothing; with few chunks they lose 3 %."""


@dataclass(frozen=True, slots=True)
class Embedded:
    """A question and the embedder's row (d,) for it."""

    text: str
    vector: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Search:
    """What one search looks in: a committed state, and how."""

    reader: Reader
    snapshot: Snapshot
    count: int
    allowed: NDArray[np.int64] | None
    adapter: NDArray[np.float32] | None

    def near(self, query: NDArray[np.float32]) -> NDArray[np.int64]:
        """Return the chunks that are near to a vector (d,)."""
        return self.snapshot.dense.search(query, self.count, allowed=self.allowed)[0]


@dataclass(frozen=True, slots=True)
class _Found:
    """The vector (d,) of a question, what gives what its words find, and the chunks near to it, unless yet to find."""

    query: NDArray[np.float32]
    words: Callable[[], _Words]
    near: NDArray[np.int64] | None


@dataclass(frozen=True, slots=True)
class _Words:
    """What the words of a question find: chunks that hold them, and the words as these are scored by."""

    ids: NDArray[np.int64]
    terms: QuestionTerms


_LANE = Lane("ragkit-score")
"""Where a process scores, one question at a time. Scoring holds the interpreter's lock between calls of a few
microseconds that release it; threads that pass it to and fro at each of them take three times as long. Models, and the
search for near vectors where there are many, run beside each other and beside it."""


class QueryEmbedder(Protocol):
    """What retrieval needs of an embedder."""

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return unit rows (n, d)."""
        ...


class Retriever:
    """Ranks chunks of a snapshot for a question. Holds its models and vocabulary only; safe for many threads."""

    def __init__(
        self,
        embedder: Callable[[], QueryEmbedder],
        settings: RetrievalSettings,
        models: ModelSettings,
        *,
        reranker: Reranker | None = None,
        beside_from: int = BESIDE_FROM,
    ) -> None:
        self._beside_from = beside_from
        self._embedder = embedder
        self._settings = settings
        self._models = models
        self._reranker = reranker
        self._beside = HelperThread("ragkit-beside")
        self._vocabulary = load_vocabulary(settings.vocabulary)
        self._meanings: dict[str, NDArray[np.float32]] = {}
        self.quick = False
        """Whether the last search, but for the model, took one thread a few milliseconds: few chunks, no reranker."""

    def retrieve(
        self,
        question: str | Embedded,
        *,
        reader: Reader,
        snapshot: Snapshot,
        k: int,
        allowed: NDArray[np.int64] | None = None,
        adapter: NDArray[np.float32] | None = None,
    ) -> Hits:
        """Return at most k hits from one committed state.

        allowed: ascending chunk ids that may come back. adapter: a map (d, d) that the query vector goes through.
        """
        question, vector = (question, None) if isinstance(question, str) else (question.text, question.vector)
        search = _Search(reader, snapshot, max(self._settings.candidates, k), allowed, adapter)
        reading = self._vocabulary.reading(question)
        words = self._words([question, reading.text] if reading else [question], search)
        query = self._query(question, search, known=vector)
        large = len(snapshot.dense) >= self._beside_from
        self.quick = not large and not self._settings.rerank
        found = _Found(query, words[0], search.near(query) if large else None)
        other = near = None
        if large and reading and reading.meaning in self._meanings:
            # most likely it will be wanted, and scoring leaves a processor free
            other = self._toward(reading.meaning, query, search)
            near = self._beside.start(partial(search.near, other))

        def first() -> tuple[Scored, Hits | None]:
            scored = self._score(found, search, feedback=self._settings.feedback)
            if not len(scored.ids):
                return scored, Hits(generation=snapshot.generation)
            last = not self._settings.rerank and not (reading and scored.first.max() < ANSWERED)
            return scored, self._hits(question, scored, search, k=k) if last else None

        scored, hits = _LANE.run(first)
        if hits is not None:
            return hits
        if reading and scored.first.max() < ANSWERED:
            if other is None:
                other = self._toward(reading.meaning, query, search)
            again = _Found(other, words[1], near() if near else search.near(other))
            scored = _LANE.run(lambda: better(scored, self._score(again, search, feedback=0.0), reader))
        return self._hits(question, scored, search, k=k)

    def _hits(self, question: str, scored: Scored, search: _Search, *, k: int) -> Hits:
        """Return the best of the candidates as passages."""
        confidence = float(1 / (1 + np.exp(-CONFIDENCE_SLOPE * (scored.first.max() - CONFIDENCE_MIDDLE))))
        ids, fused, parts, reader = scored.ids, scored.fused, dict(scored.parts), search.reader
        order = np.lexsort((ids, -fused))
        fused, order = self._reranked(question, ids, fused, order, parts, reader=reader)
        if self._settings.mmr > 0:
            order = diverse(order, fused, scored.vectors, share=self._settings.mmr, count=min(len(order), 4 * k))
        ranked = _shown(order[:k], ids, fused, parts, scored.units, reader)
        hits = to_hits(reader, ranked, k=k, merge=self._settings.merge)
        return Hits(hits, confidence=confidence, generation=search.snapshot.generation)

    def _words(self, texts: Sequence[str], search: _Search) -> list[Callable[[], _Words]]:
        """Return what gives what the words of each text find. In a large collection it is begun at once."""
        lexical = search.snapshot.lexical

        def found(text: str) -> _Words:
            ids, _ = lexical.search(text, search.count, allowed=search.allowed)
            return _Words(ids, weighted_terms(text, lexical, Statistics(*lexical.statistics())))

        works = [partial(found, text) for text in texts]
        return self._beside.start_all(works) if len(search.snapshot.dense) >= self._beside_from else [*works]

    def _query(self, text: str, search: _Search, *, known: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
        """Return the vector (d,) of a text that is searched by. known: the embedder's row for it."""
        found = self._embedder().embed_queries([text]) if known is None else known[np.newaxis]
        query = check_vectors(found, count=1, dimension=search.snapshot.dense.dimension)[0]
        return query if search.adapter is None else adapted(search.adapter, query)

    def _toward(self, meaning: str, asked: NDArray[np.float32], search: _Search) -> NDArray[np.float32]:
        """Return the vector (d,) that another reading of a question is searched by. asked: the question's own."""
        query = asked + MEANING * self._meaning(meaning, search)
        unit: NDArray[np.float32] = query / np.linalg.norm(query)
        return unit

    def _meaning(self, text: str, search: _Search) -> NDArray[np.float32]:
        """Return the vector (d,) of what a vocabulary says; it is the same for many questions, so it is kept."""
        known = self._meanings.get(text)
        if known is None:
            known = self._query(text, replace(search, adapter=None))
            if len(self._meanings) < _MEANINGS_KEPT:
                self._meanings[text] = known
        return known

    def _score(self, found: _Found, search: _Search, *, feedback: float) -> Scored:
        """Return the scores of every candidate, in absolute values: none depends on the extremes of a list."""
        asked, query = found.words(), found.query
        ids = np.union1d(search.near(query) if found.near is None else found.near, asked.ids)
        vectors = search.snapshot.dense.vectors(ids)
        chunk = cosines(vectors, query).astype(np.float64)
        units = UnitCosines(*search.reader.chunks.unit_cosines(query, ids))
        dense = WEIGHTS.dense(chunk, units.best(chunk))
        index = search.snapshot.lexical
        statistics = Statistics(*index.statistics())
        candidates = Candidates(*index.codes(ids), statistics=statistics)
        words = candidates.features(asked.terms)
        lexical = WEIGHTS.lexical(words)
        share = self._settings.dense_weight
        first = share * dense + (1 - share) * lexical
        parts = {"dense": dense, "lexical": lexical}
        gate = feedback * float(np.clip(FEEDBACK_GATE * (1 - words.unit.max(initial=0.0)), 0, 1))
        fused = first
        if gate > 0 and len(ids) > FEEDBACK_WORDS_FROM:
            fused = first + gate * feedback_scores(first, ids, vectors, candidates, index)
        return Scored(query, ids, vectors, first, fused, parts, units, words.unit)

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
        rows = reader.chunks.rows(ids[head])
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


def _shown(
    order: NDArray[np.int64],
    ids: NDArray[np.int64],
    fused: Scores,
    parts: Mapping[str, Scores],
    units: UnitCosines,
    reader: Reader,
) -> list[Ranked]:
    """Read the chunks that come back, with what they scored."""
    rows = reader.chunks.rows(ids[order])
    shown = {name: np.clip(values, 0.0, 1.0).tolist() for name, values in parts.items()}
    return [
        Ranked(
            rows[int(ids[at])],
            min(max(float(fused[at]), 0.0), 1.0),
            {name: values[at] for name, values in shown.items()},
            units.of(at),
        )
        for at in order.tolist()
    ]
