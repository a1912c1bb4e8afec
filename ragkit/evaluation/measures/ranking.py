"""Measure a ranking set: ask every query, rank documents by their best passage, and passages by their place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from ragkit.evaluation.datasets.types import RankingSet
from ragkit.evaluation.measures.metrics import PerQuery, Run, answers, first_ranks, rank_metrics, ranking_metrics
from ragkit.evaluation.measures.runner import Asker, Curve, Measured, report_settings
from ragkit.knowledge.knowledge_base import KnowledgeBase
from ragkit.types.hits import Hits

DEPTH: Final = 100
"""Passages requested per query, and documents ranked: enough for recall@100."""
_DEEPER: Final = (300, 1_000)
"""Passages requested if 100 come from too few documents; they only add documents at the end."""
PASSAGE_METRICS: Final = ("passage_hit@1", "passage_hit@5", "passage_hit@10", "passage_mrr@10")
_PASSAGE_DEPTHS: Final = (1, 5, 10)
_SHOWN = 10


def measure_ranking(kb: KnowledgeBase, dataset: RankingSet, *, asker: Asker, curves: bool = False) -> Measured:
    """Ask every query of the set and measure. The collection holds the documents already.

    For a set that names passages, `passage_hit@k` is the share of queries of which one of k passages, as they come
    to a caller who asks for k, shares half of the named one (or lies in it).
    """
    run: dict[str, dict[str, float]] = {}
    confidences: dict[str, float] = {}
    ranks: dict[int, dict[str, int]] = {depth: {} for depth in _PASSAGE_DEPTHS}
    for name in asker.each(dataset.queries, len(dataset.queries)):
        question = dataset.queries[name].text
        hits = asker.ask(kb, question, k=DEPTH)
        run[name] = document_scores(kb, question, hits, wanted=min(DEPTH, len(dataset.documents)))
        confidences[name] = hits.confidence
        for depth in _PASSAGE_DEPTHS if dataset.passages else ():
            found = kb.search(question, k=depth)
            right = (hit.rank for hit in found if answers(hit.source, (hit.start, hit.end), dataset.passages[name]))
            ranks[depth][name] = next(right, 0)
    metrics = ranking_metrics(run, dataset.qrels)
    if dataset.passages:
        metrics |= _passage_metrics(ranks)
    first = first_ranks(run, dataset.qrels)
    return Measured(
        documents=len(dataset.documents),
        metrics=metrics,
        confidences=confidences,
        right={name: 0 < rank <= 5 for name, rank in first.items()},
        found={name: list(scores)[:_SHOWN] for name, scores in run.items()},
        settings=report_settings([kb], depth=DEPTH),
        collections=(kb,),
        curves=_curves(run, first, dataset) if curves else (),
        run=run,
        qrels={name: dataset.qrels[name] for name in dataset.queries},
    )


def document_scores(kb: KnowledgeBase, question: str, hits: Hits, *, wanted: int) -> dict[str, float]:
    """Return document -> score, best first: documents by their best passage, `wanted` of them if so many are found.

    Scores are made from ranks, so an evaluator finds no ties to reorder. If long documents fill the first hits, more
    hits are requested, and their documents rank after the others.
    """
    sources = list(dict.fromkeys(hit.source for hit in hits))
    for depth in _DEEPER:
        if len(sources) >= wanted:
            break
        more = list(dict.fromkeys([*sources, *(hit.source for hit in kb.search(question, k=depth))]))
        if len(more) == len(sources):
            break
        sources = more
    return {source: 1.0 - rank / 10_000 for rank, source in enumerate(sources[:DEPTH], 1)}


def _passage_metrics(ranks: Mapping[int, Mapping[str, int]]) -> PerQuery:
    out: PerQuery = {}
    for depth, found in ranks.items():
        out |= rank_metrics(found, prefix="passage_", hits=[depth])
    return out | rank_metrics(ranks[10], prefix="passage_", hits=(), mrr=10)


def hit_curve(name: str, ranks: Mapping[str, int]) -> Curve:
    """Return the curve of hit@k for k from 1 to 100, from the rank of the first right one (0: none)."""
    depths = np.arange(1, DEPTH + 1)
    first = np.array(list(ranks.values()))[:, None]
    return Curve(name, tuple(depths.tolist()), ((first > 0) & (first <= depths)).astype(np.float64))


def _curves(run: Run, first: Mapping[str, int], dataset: RankingSet) -> tuple[Curve, ...]:
    """Return hit@k, and recall@k where it is another curve: where a query has more than one relevant document."""
    hits, recall = hit_curve("hit@k", first), _recall_curve(run, dataset)
    return (hits,) if np.array_equal(hits.values, recall.values) else (hits, recall)


def _recall_curve(run: Run, dataset: RankingSet) -> Curve:
    rows: list[np.ndarray[Any, np.dtype[np.float64]]] = []
    for name, scores in run.items():
        relevant = {document for document, grade in dataset.qrels[name].items() if grade > 0}
        got = np.zeros(DEPTH)
        for at, document in enumerate(scores):
            got[at] = document in relevant
        rows.append(np.cumsum(got) / len(relevant))
    return Curve("recall@k", tuple(range(1, DEPTH + 1)), np.array(rows))
