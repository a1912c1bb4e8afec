"""Measure a page-level set: a passage is right when its pages include a page of the evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from ragkit.evaluation.datasets.types import PageSet
from ragkit.evaluation.measures.metrics import PerQuery, rank_metrics
from ragkit.evaluation.measures.runner import Asker, Curve, Measured, report_settings
from ragkit.knowledge.knowledge_base import KnowledgeBase
from ragkit.types.hits import Hit

_DEPTHS: Final = (1, 5, 10)
METRICS: Final = (
    *("page_hit@1", "page_hit@5", "page_hit@10", "page_mrr@10"),
    *("document_hit@1", "document_hit@5", "document_hit@10"),
)
_CURVE_DEPTHS: Final = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100)


def measure_pages(
    kb: KnowledgeBase,
    dataset: PageSet,
    *,
    asker: Asker,
    unreadable: Mapping[str, str],
    curves: bool = False,
) -> Measured:
    """Ask every question of the set and measure. The collection holds the files' documents already.

    Each depth k is a separate search, because a caller who asks for k passages gets them merged from k chunks. A file
    that could not be read counts as never found.
    """
    depths = _CURVE_DEPTHS if curves else _DEPTHS
    pages: dict[int, dict[str, int]] = {depth: {} for depth in depths}
    documents: dict[int, dict[str, int]] = {depth: {} for depth in depths}
    confidences: dict[str, float] = {}
    run: dict[str, dict[str, float]] = {}
    for name in asker.each(dataset.queries, len(dataset.queries)):
        evidence = dataset.evidence[name]
        sources = {source for source, _ in evidence}
        for depth in depths:
            hits = asker.ask(kb, dataset.queries[name].text, k=depth)
            pages[depth][name] = _first([bool(evidence & _pages(hit)) for hit in hits])
            documents[depth][name] = _first([hit.source in sources for hit in hits])
            confidences[name] = hits.confidence
        run[name] = _page_scores(kb.search(dataset.queries[name].text, k=100))
    return Measured(
        documents=len(dataset.files) - len(unreadable),
        metrics=_metrics(pages, documents),
        confidences=confidences,
        right={name: 0 < rank <= 5 for name, rank in pages[5].items()},
        found={name: list(scores)[:10] for name, scores in run.items()},
        settings=report_settings([kb], depth=max(depths)),
        collections=(kb,),
        curves=(_curve("page hit@k", pages), _curve("document hit@k", documents)) if curves else (),
        run=run,
        qrels={name: {_page_id(*page): 1 for page in dataset.evidence[name]} for name in dataset.queries},
        unreadable=dict(unreadable),
    )


def _first(right: Sequence[bool]) -> int:
    """Return the rank, from 1, of the first that is right; 0 where none is."""
    return next((rank for rank, value in enumerate(right, 1) if value), 0)


def _pages(hit: Hit) -> set[tuple[str, int]]:
    """Return the (source, page) pairs of a passage; a file without pages has none."""
    if hit.page is None:
        return set()
    return {(hit.source, page) for page in range(hit.page, (hit.page_end or hit.page) + 1)}


def _page_id(source: str, page: int) -> str:
    return f"{source}#page={page}"


def _page_scores(hits: list[Hit]) -> dict[str, float]:
    """Return pages in the order of their passages, for the TREC run."""
    scores: dict[str, float] = {}
    for hit in hits:
        for source, page in sorted(_pages(hit)):
            scores.setdefault(_page_id(source, page), 1.0 - len(scores) / 10_000)
    return scores


def _metrics(pages: Mapping[int, Mapping[str, int]], documents: Mapping[int, Mapping[str, int]]) -> PerQuery:
    out: PerQuery = {}
    for depth in _DEPTHS:
        out |= rank_metrics(pages[depth], prefix="page_", hits=[depth])
    out |= rank_metrics(pages[10], prefix="page_", hits=(), mrr=10)
    for depth in _DEPTHS:
        out |= rank_metrics(documents[depth], prefix="document_", hits=[depth])
    return out


def _curve(name: str, ranks: Mapping[int, Mapping[str, int]]) -> Curve:
    rows = [[float(found > 0) for found in by_query.values()] for by_query in ranks.values()]
    return Curve(name, tuple(ranks), np.array(rows, dtype=np.float64).T)
