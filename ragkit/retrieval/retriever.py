"""question -> hits: dense and lexical candidates, exact features for all of them, one convex combination, passages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ragkit.concurrency.serial_worker import SerialWorker
from ragkit.concurrency.stages import stage
from ragkit.concurrency.threads import HelperThread
from ragkit.index.base import IndexSnapshot
from ragkit.numeric.arrays import Scores
from ragkit.numeric.sorted_ids import is_member
from ragkit.numeric.vectors import check_vectors, cosines
from ragkit.retrieval.candidates import Scored, UnitCosines, better, with_the_rest
from ragkit.retrieval.diversity import diverse
from ragkit.retrieval.features import (
    Candidates,
    QuestionTerms,
    Statistics,
)
from ragkit.retrieval.feedback import FEEDBACK_GATE, FEEDBACK_WORDS_FROM, feedback_scores
from ragkit.retrieval.fusion import CONFIDENCE_MIDDLE, CONFIDENCE_SLOPE, WEIGHTS
from ragkit.retrieval.literals import FEW, Holders, Names, holders, literal_scores, literals, metadata_scores, names
from ragkit.retrieval.notices import correction_warnings, language_warning, reads_english_only, shown_corrections
from ragkit.retrieval.ordering.in_context import in_context
from ragkit.retrieval.passages import ranked_rows, to_hits
from ragkit.retrieval.query_adapter import adapted
from ragkit.retrieval.query_terms import weighted_terms
from ragkit.retrieval.reranking.reranker import Reranker, load_reranker
from ragkit.retrieval.reranking.second_tier import DEPTH, SecondTier, Seen
from ragkit.retrieval.synonyms import load_vocabulary
from ragkit.settings import ModelSettings, RetrievalSettings
from ragkit.store.base import Reader
from ragkit.text.content_terms import UNSPACED
from ragkit.types.collection import STATIC_RUNTIME
from ragkit.types.hits import Hits

ANSWERED = 0.7
MEANING = 1.25
"""Of a question with a synonym rewrite: a best score of at least this ends the search, and the weight of the rewrite's
vector beside the question's own. Tuned on the tuning part of FinanceBench."""
UNREAD = 0.5
"""The share of the dense side's weight for a question to an English-only model in Chinese, Japanese, Thai or
Korean, of which it knows few letters. The confidence is that of the full weight."""
SURE = 0.45
_MORE = 2
"""From this best score on, a search is sure: it returns the best k chunks. Below, places that are free because
neighbours joined are filled from that many more chunks. Chosen on five trees of documentation and the chunking set
(see docs/evaluation.md)."""
STATIC = 0.73
"""The share of the dense side's weight in a collection with a static model, whose vectors know words and not how they
stand together: 0.55 becomes 0.4. Tuned on the tuning parts of SQuAD and Cranfield; see docs/models.md."""
_MEANINGS_KEPT = 1_000
_RERANK_DEPTH = 30
PARALLEL_FROM = 5_000
"""From this number of chunks on, terms are searched on a second thread while the model runs: a single question is
answered 0.5 ms
sooner at 10,000, 1 ms at 100,000. Sixteen at once on two CPUs gain nothing; with few chunks they lose 3 %."""


@dataclass(frozen=True, slots=True)
class Embedded:
    """A question and its vector (d,)."""

    text: str
    vector: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Search:
    """One search: the committed state that it searches, and its options."""

    reader: Reader
    snapshot: IndexSnapshot
    count: int
    allowed: NDArray[np.int64] | None
    adapter: NDArray[np.float32] | None

    def near(self, query: NDArray[np.float32]) -> NDArray[np.int64]:
        """Return the ids of the chunks nearest to a vector (d,)."""
        return self.snapshot.dense.search(query, self.count, allowed=self.allowed)[0]

    def holding(self, wanted: Sequence[str]) -> NDArray[np.int64]:
        """Return the ids of chunks with literals that have no term."""
        found = holders(wanted, self.reader, chunks=len(self.snapshot.lexical))
        return found if self.allowed is None else found[is_member(found, self.allowed)]


@dataclass(frozen=True, slots=True)
class _Found:
    """A question's vector (d,), a function that gives its term matches, and the nearest chunks, None if unknown.

    dense_share: the share of the dense side in the order of the candidates, 0..1.
    """

    query: NDArray[np.float32]
    words: Callable[[], _Words]
    near: NDArray[np.int64] | None
    dense_share: float


@dataclass(frozen=True, slots=True)
class _Words:
    """The term matches of a question: ids of chunks with its terms, and the weighted terms for scoring.

    corrected: words that no chunk has, and the terms used instead. literals: what is also matched as written. names:
    what is also looked for in the documents' metadata.
    """

    ids: NDArray[np.int64]
    terms: QuestionTerms
    corrected: Mapping[str, str]
    literals: Sequence[str] = ()
    names: Names = tuple


_SCORING = SerialWorker("ragkit-score")
"""Scores one question at a time in a process. Scoring holds the GIL between calls of a few microseconds that release
it; threads that compete for it at each of them take three times as long. Models, and the vector search of a large
collection, run in parallel to each other and to it."""


class QueryEmbedder(Protocol):
    """The part of an embedder that retrieval needs."""

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return unit rows (n, d)."""
        ...


class Retriever:
    """Ranks chunks of a snapshot for a question. Its only state is models, vocabulary and a cache; thread-safe."""

    def __init__(
        self,
        embedder: Callable[[], QueryEmbedder],
        settings: RetrievalSettings,
        models: ModelSettings,
        *,
        reranker: Reranker | SecondTier | None = None,
        parallel_from: int = PARALLEL_FROM,
        named: Holders | None = None,
    ) -> None:
        """Load nothing yet but the vocabulary. named: finds the chunks of documents by names in their metadata."""
        self._named = named
        self._parallel_from = parallel_from
        self._embedder = embedder
        self._settings = settings
        self._models = models
        self._reranker = None if isinstance(reranker, SecondTier) else reranker
        self._tier = reranker if isinstance(reranker, SecondTier) else None
        self._helper = HelperThread("ragkit-helper")
        self._vocabulary = load_vocabulary(settings.vocabulary)
        self._meanings: dict[str, NDArray[np.float32]] = {}

    def is_quick(self, snapshot: IndexSnapshot) -> bool:
        """Return whether a search of this state takes one thread a few milliseconds: few chunks, and no reranker."""
        return len(snapshot.dense) < self._parallel_from and not self._settings.rerank

    def retrieve(
        self,
        question: str | Embedded,
        *,
        reader: Reader,
        snapshot: IndexSnapshot,
        k: int,
        allowed: NDArray[np.int64] | None = None,
        adapter: NDArray[np.float32] | None = None,
    ) -> Hits:
        """Return at most k hits from one committed state.

        allowed: ascending chunk ids that may come back. adapter: a linear map (d, d) for the query vector.
        """
        question, vector = (question, None) if isinstance(question, str) else (question.text, question.vector)
        search = _Search(reader, snapshot, max(self._settings.candidates, k), allowed, adapter)
        rewrite = self._vocabulary.rewrite(question)
        words = self._words([question, rewrite.text] if rewrite else [question], search)
        query = self._query(question, search, known=vector)
        large = len(snapshot.dense) >= self._parallel_from
        share = self._dense_share(question, search)
        found = _Found(query, words[0], search.near(query) if large else None, share)
        other = near = None
        if large and rewrite and rewrite.meaning in self._meanings:
            # it is likely needed, and scoring leaves a CPU idle
            other = self._toward(rewrite.meaning, query, search)
            near = self._helper.start(partial(search.near, other))

        def first() -> tuple[Scored, Hits | None]:
            scored = self._score(found, search, feedback=self._settings.feedback)
            if not len(scored.ids):
                return scored, Hits(generation=snapshot.generation)
            last = not self._settings.rerank and not (rewrite and scored.first.max() < ANSWERED)
            return scored, self._hits(question, scored, search, k=k) if last else None

        scored, hits = _SCORING.run(first)
        if hits is not None:
            return _with_notices(hits, question, search, corrected=words[0]().corrected)
        scored = self._tiered(scored, found, search, question, feedback=self._settings.feedback)
        if rewrite and scored.first.max() < ANSWERED:
            if other is None:
                other = self._toward(rewrite.meaning, query, search)
            again = _Found(other, words[1], near() if near else search.near(other), share)
            read = _SCORING.run(lambda: self._score(again, search, feedback=0.0))
            read = self._tiered(read, again, search, f"{question}\n{rewrite.meaning}", feedback=0.0)
            scored = _SCORING.run(lambda: better(scored, read, reader))
        hits = self._hits(question, scored, search, k=k)
        return _with_notices(hits, question, search, corrected=words[0]().corrected)

    def _hits(self, question: str, scored: Scored, search: _Search, *, k: int) -> Hits:
        """Return the best of the candidates as passages."""
        ids, parts, reader = scored.ids, dict(scored.parts), search.reader
        placed = in_context(question, ids, scored.fused, reader)
        fused, known, surest = placed.scores, placed.rows, placed.surest(ids, scored.first)
        confidence = float(1 / (1 + np.exp(-CONFIDENCE_SLOPE * (surest - CONFIDENCE_MIDDLE))))
        order = np.lexsort((ids, -fused))
        fused, order = self._reranked(question, ids, fused, order, parts, reader=reader)
        if self._settings.mmr > 0:
            order = diverse(order, fused, scored.vectors, share=self._settings.mmr, count=min(len(order), 4 * k))
        count = k if surest >= SURE or not self._settings.merge else k + _MORE
        order = order[:count]
        unread = [int(number) for number in ids[order] if int(number) not in known]
        rows = known | reader.chunks.rows(unread) if unread else known
        ranked = ranked_rows(order, ids, fused, parts, scored.units, rows)
        hits = to_hits(reader, ranked, k=k, merge=self._settings.merge)
        return Hits(hits, confidence=confidence, generation=search.snapshot.generation)

    def _words(self, texts: Sequence[str], search: _Search) -> list[Callable[[], _Words]]:
        """Return functions that give the term matches of each text; in a large collection they start at once."""
        lexical = search.snapshot.lexical

        def found(text: str) -> _Words:
            question = lexical.question(text)
            ids, _ = lexical.search(question, search.count, allowed=search.allowed)
            terms = weighted_terms(question, lexical, Statistics(*lexical.statistics()))
            return _Words(ids, terms, question.corrected, literals(text), partial(names, text, lexical))

        works = [cache(partial(found, text)) for text in texts]
        return self._helper.start_all(works) if len(search.snapshot.dense) >= self._parallel_from else [*works]

    def _query(self, text: str, search: _Search, *, known: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
        """Return the search vector (d,) of a text. known: the embedder's row for it."""
        if known is None:
            with stage("embed"):
                found = self._embedder().embed_queries([text])
        else:
            found = known[np.newaxis]
        query = check_vectors(found, count=1, dimension=search.snapshot.dense.dimension)[0]
        return query if search.adapter is None else adapted(search.adapter, query)

    def _dense_share(self, question: str, search: _Search) -> float:
        """Return the share of the dense side: less for a static model, and for a script that the model can't read."""
        fingerprint = search.reader.fingerprint
        if fingerprint is None:
            return self._settings.dense_weight
        unread = reads_english_only(fingerprint.model) and bool(UNSPACED.search(question))
        static = fingerprint.runtime == STATIC_RUNTIME
        return self._settings.dense_weight * (UNREAD if unread else 1.0) * (STATIC if static else 1.0)

    def _toward(self, meaning: str, asked: NDArray[np.float32], search: _Search) -> NDArray[np.float32]:
        """Return the search vector (d,) of a question's rewrite. asked: the question's own vector."""
        query = asked + MEANING * self._meaning(meaning, search)
        unit: NDArray[np.float32] = query / np.linalg.norm(query)
        return unit

    def _meaning(self, text: str, search: _Search) -> NDArray[np.float32]:
        """Return the vector (d,) of a rewrite's words; many questions share it, so it is cached."""
        known = self._meanings.get(text)
        if known is None:
            known = self._query(text, replace(search, adapter=None))
            if len(self._meanings) < _MEANINGS_KEPT:
                self._meanings[text] = known
        return known

    def _score(self, found: _Found, search: _Search, *, feedback: float) -> Scored:
        """Return the scores of every candidate; they are absolute, not normalised by the extremes of a list."""
        asked, query = found.words(), found.query
        ids = np.union1d(search.near(query) if found.near is None else found.near, asked.ids)
        if asked.literals:
            ids = np.union1d(ids, search.holding(asked.literals))
        held = self._holders(asked.names, search)
        ids = np.union1d(ids, held) if 0 < len(held) <= FEW else ids
        units = UnitCosines(*search.reader.chunks.unit_cosines(query, ids))
        seen = Seen(query, search.snapshot.dense.vectors(ids), units)
        return self._combined(found, search, ids, seen, held=held, feedback=feedback)

    def _combined(
        self,
        found: _Found,
        search: _Search,
        ids: NDArray[np.int64],
        seen: Seen,
        *,
        held: NDArray[np.int64],
        feedback: float,
    ) -> Scored:
        """Return the scores of some candidates, of which a model sees what `seen` says."""
        asked, vectors, units = found.words(), seen.vectors, seen.units
        chunk = cosines(vectors, seen.query).astype(np.float64)
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
        fused = found.dense_share * dense + (1 - found.dense_share) * lexical
        if asked.literals:
            fused = fused + literal_scores(asked.literals, ids, search.reader)
        if len(held):
            fused = fused + metadata_scores(ids, held)
        if gate > 0 and len(ids) > FEEDBACK_WORDS_FROM:
            fused = fused + gate * feedback_scores(first, ids, vectors, candidates, index)
        return Scored(seen.query, ids, vectors, first, fused, parts, units, words.unit)

    def _tiered(self, scored: Scored, found: _Found, search: _Search, asked: str, *, feedback: float) -> Scored:
        """Score the best candidates once more by what the second tier's model sees of them; without one, keep all.

        asked: the question as that model reads it.
        """
        if self._tier is None or not len(scored.ids):
            return scored
        best = np.sort(scored.ids[np.lexsort((scored.ids, -scored.fused))[:DEPTH]])
        with stage("rerank"):
            seen = self._tier.look(self._tier.query(asked), best, search.reader.chunks)
        closer = replace(found, dense_share=self._settings.dense_weight)
        held = self._holders(found.words().names, search)
        again = _SCORING.run(lambda: self._combined(closer, search, best, seen, held=held, feedback=feedback))
        return with_the_rest(again, scored)

    def _holders(self, wanted: Names, search: _Search) -> NDArray[np.int64]:
        """Return the ids of chunks, ascending, of documents whose metadata have any of the names."""
        if self._named is None:
            return np.empty(0, dtype=np.int64)
        found = self._named(wanted, search.reader)
        return found if search.allowed is None else found[is_member(found, search.allowed)]

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
        """Let the cross-encoder, if any, order the best candidates; its scores are above all others."""
        reranker = self._load_reranker()
        if reranker is None:
            return fused, order
        head = order[:_RERANK_DEPTH]
        rows = reader.chunks.rows(ids[head])
        with stage("rerank"):
            judged = reranker.score(question, [rows[int(ids[at])].text for at in head])
        fused = fused * 0.5
        rerank = np.zeros_like(fused)
        rerank[head] = judged
        fused[head] = 0.5 + 0.5 * judged
        parts["rerank"] = rerank
        return fused, np.lexsort((ids, -fused))

    def _load_reranker(self) -> Reranker | None:
        if self._reranker is None and self._tier is None and self._settings.rerank:
            self._reranker = load_reranker(self._settings.rerank, models=self._models)
        return self._reranker


def _with_notices(hits: Hits, question: str, search: _Search, *, corrected: Mapping[str, str]) -> Hits:
    """Return the hits with the warnings of the search."""
    lexical, fingerprint = search.snapshot.lexical, search.reader.fingerprint
    if corrected:
        hits.corrected = shown_corrections(corrected, hits, lexical.languages)
    foreign = language_warning(question, main=lexical.main_languages, model=fingerprint.model) if fingerprint else None
    hits.warnings = (*correction_warnings(hits.corrected), *([foreign] if foreign else []))
    return hits
