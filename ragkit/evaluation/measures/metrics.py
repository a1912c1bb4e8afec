"""Metrics per query: rankings by ir-measures, passages and spans by their overlap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ragkit.errors import MissingPackageError
from ragkit.evaluation.datasets.span_sets import joined, shared_length
from ragkit.evaluation.datasets.types import Passage, Qrels, Span

Run = Mapping[str, Mapping[str, float]]
PerQuery = dict[str, dict[str, float]]
"""Metric -> query -> value."""

RANKING: Final = {
    "ndcg@10": "nDCG@10",
    "recall@100": "R@100",
    "hit@1": "Success@1",
    "hit@5": "Success@5",
    "hit@10": "Success@10",
    "mrr@10": "RR@10",
}
"""Our names -> those of ir-measures."""


def measuring_library() -> Any:
    """Return the module ir_measures. Raises MissingPackageError where it is not installed."""
    try:
        import ir_measures
    except ImportError as error:
        raise MissingPackageError("ir-measures", purpose="ragkit eval", install="'ragkit[eval]'") from error
    return ir_measures


def ranking_metrics(run: Run, qrels: Qrels) -> PerQuery:
    """Return the metrics of a run over the queries of the run. A query without hits counts 0 in every metric.

    Raises MissingPackageError without ir-measures.
    """
    ir_measures = measuring_library()
    measures = {ir_measures.parse_measure(theirs): ours for ours, theirs in RANKING.items()}
    out: PerQuery = {ours: dict.fromkeys(run, 0.0) for ours in RANKING}
    graded = {query: dict(qrels[query]) for query in run}
    for metric in ir_measures.iter_calc(list(measures), graded, {query: dict(docs) for query, docs in run.items()}):
        out[measures[metric.measure]][metric.query_id] = float(metric.value)
    return out


def first_ranks(run: Run, qrels: Qrels) -> dict[str, int]:
    """Return the rank, from 1, of the first relevant document of each query; 0 where none was found."""
    ranks: dict[str, int] = {}
    for query, scores in run.items():
        ordered = sorted(scores, key=lambda name: -scores[name])
        relevant = (at for at, name in enumerate(ordered, 1) if qrels[query].get(name, 0) > 0)
        ranks[query] = next(relevant, 0)
    return ranks


def rank_metrics(ranks: Mapping[str, int], *, prefix: str, hits: Sequence[int], mrr: int = 0) -> PerQuery:
    """Return hit@k, and the reciprocal rank within `mrr`, from the rank of the first right one (0: none)."""
    out: PerQuery = {f"{prefix}hit@{k}": {query: float(0 < rank <= k) for query, rank in ranks.items()} for k in hits}
    if mrr:
        out[f"{prefix}mrr@{mrr}"] = {query: 1 / rank if 0 < rank <= mrr else 0.0 for query, rank in ranks.items()}
    return out


def covers(hit: Span, wanted: Span) -> bool:
    """Return whether a passage and a wanted span share at least half of the shorter of the two."""
    shared = min(hit[1], wanted[1]) - max(hit[0], wanted[0])
    return shared * 2 >= max(1, min(hit[1] - hit[0], wanted[1] - wanted[0]))


def answers(source: str, hit: Span, wanted: Sequence[Passage]) -> bool:
    """Return whether a passage of a document holds one of the wanted passages."""
    return any(source == item.document and covers(hit, (item.start, item.end)) for item in wanted)


def span_metrics(found: Sequence[Span], wanted: Sequence[Span]) -> dict[str, float]:
    """Return recall, precision and intersection over union, in characters, of the passages of one query.

    Text that occurs twice counts once (Smith and Troynikov 2024, "Evaluating chunking strategies for retrieval").
    """
    retrieved, relevant = joined(found), joined(wanted)
    shared = shared_length(retrieved, relevant)
    sizes = [sum(end - start for start, end in spans) for spans in (retrieved, relevant)]
    union = sum(sizes) - shared
    return {
        "recall": shared / sizes[1] if sizes[1] else 0.0,
        "precision": shared / sizes[0] if sizes[0] else 0.0,
        "iou": shared / union if union else 0.0,
    }
