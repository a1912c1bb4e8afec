"""Run a ranking set: index its documents in a collection of their own, ask every query, rank documents."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ragkit.evaluation.datasets import RankingSet
from ragkit.evaluation.metrics import PerQuery, intervals, means, ranking_metrics
from ragkit.knowledge import KnowledgeBase
from ragkit.types import Hits

DEPTH = 100
"""Hits asked for a query: recall@100 looks no deeper."""


@dataclass(frozen=True, slots=True)
class RankingResult:
    """What a run gave: documents by score per query, the metrics per query, and the time a query took."""

    dataset: RankingSet
    run: dict[str, dict[str, float]]
    per_query: PerQuery
    confidences: dict[str, float]
    settings: dict[str, Any]
    query_ms: float

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON shape of `ragkit eval --json`."""
        return {
            "dataset": self.dataset.name,
            "documents": len(self.dataset.documents),
            "queries": len(self.run),
            **{name: round(value, 4) for name, value in means(self.per_query).items()},
            "confidence": intervals(self.per_query),
            "settings": self.settings,
            "query_ms": round(self.query_ms, 3),
        }


def evaluate_ranking(
    kb: KnowledgeBase, dataset: RankingSet, *, progress: Callable[[int], None] | None = None
) -> RankingResult:
    """Add the documents to the (empty or own) collection, ask every query once, and measure.

    A document ranks by its best passage. progress is called with the number of queries done.
    """
    kb.add(dataset.documents)
    run: dict[str, dict[str, float]] = {}
    confidences: dict[str, float] = {}
    started = time.perf_counter()
    for number, (identifier, question) in enumerate(dataset.queries.items(), 1):
        hits = kb.search(question, k=DEPTH)
        run[identifier] = document_scores(hits)
        confidences[identifier] = hits.confidence
        if progress:
            progress(number)
    took = (time.perf_counter() - started) * 1000 / max(len(run), 1)
    return RankingResult(
        dataset=dataset,
        run=run,
        per_query=ranking_metrics(run, dataset.qrels),
        confidences=confidences,
        settings=report_settings(kb),
        query_ms=took,
    )


def document_scores(hits: Hits) -> dict[str, float]:
    """Return document -> score by best passage; ranks break ties, so that no evaluator reorders them."""
    scores: dict[str, float] = {}
    for hit in hits:
        scores.setdefault(hit.source, 1.0 - hit.rank / 10_000)
    return scores


def report_settings(kb: KnowledgeBase) -> dict[str, Any]:
    """Return every setting that bears on a figure, for printing beside it."""
    groups = kb.settings.public()
    status = kb.status()
    return {
        "model": status["model"],
        "chunk": groups["chunk"],
        "retrieval": groups["retrieval"],
        "chunks": status["chunks"],
        "depth": DEPTH,
    }
