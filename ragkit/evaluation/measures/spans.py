"""Measure a chunking set: how much wanted and how much other text the passages contain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from ragkit.evaluation.datasets.types import SpanSet
from ragkit.evaluation.measures.metrics import PerQuery, span_metrics
from ragkit.evaluation.measures.runner import Asker, Curve, Measured, report_settings
from ragkit.knowledge.knowledge_base import KnowledgeBase

DEPTH: Final = 5
METRICS: Final = ("recall@5", "precision@5", "iou@5")
_CURVE_DEPTHS: Final = (1, 2, 3, 5, 7, 10, 15, 20)


def measure_spans(
    collections: Mapping[str, KnowledgeBase], dataset: SpanSet, *, asker: Asker, curves: bool = False
) -> Measured:
    """Ask every question in its corpus's collection and measure recall, precision and IoU in characters.

    Each depth k is a separate search, as for a caller who asks for k passages.
    """
    depths = _CURVE_DEPTHS if curves else (DEPTH,)
    values: dict[str, dict[int, dict[str, float]]] = {}
    confidences: dict[str, float] = {}
    found: dict[str, list[str]] = {}
    for name in asker.each(dataset.queries, len(dataset.queries)):
        corpus = dataset.corpus_of[name]
        values[name] = {}
        for depth in depths:
            hits = asker.ask(collections[corpus], dataset.queries[name].text, k=depth)
            values[name][depth] = span_metrics([(hit.start, hit.end) for hit in hits], dataset.spans[name])
            if depth == DEPTH:
                confidences[name] = hits.confidence
                found[name] = [f"{corpus}[{hit.start}:{hit.end}]" for hit in hits]
    metrics: PerQuery = {
        f"{metric}@{DEPTH}": {name: by_depth[DEPTH][metric] for name, by_depth in values.items()}
        for metric in ("recall", "precision", "iou")
    }
    opened = tuple(collections.values())
    return Measured(
        documents=len(dataset.corpora),
        metrics=metrics,
        confidences=confidences,
        right={name: value > 0 for name, value in metrics[f"recall@{DEPTH}"].items()},
        found=found,
        settings=report_settings(opened, depth=DEPTH),
        collections=opened,
        curves=tuple(_curve(metric, values) for metric in ("recall", "precision", "iou")) if curves else (),
    )


def _curve(metric: str, values: Mapping[str, Mapping[int, Mapping[str, float]]]) -> Curve:
    rows = [[by_metric[metric] for by_metric in by_depth.values()] for by_depth in values.values()]
    names = {"recall": "character recall@k", "precision": "character precision@k", "iou": "character IoU@k"}
    return Curve(names[metric], tuple(next(iter(values.values()))), np.array(rows, dtype=np.float64))
