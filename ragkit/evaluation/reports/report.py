"""A result as JSON, as lines of text, as files for other tools, and checked against floors."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from ragkit.errors import InputError
from ragkit.evaluation.datasets.types import Dataset, PageSet, RankingSet
from ragkit.evaluation.evaluate import Result
from ragkit.evaluation.measures.metrics import RANKING
from ragkit.evaluation.measures.pages import METRICS as PAGE_METRICS
from ragkit.evaluation.measures.ranking import PASSAGE_METRICS
from ragkit.evaluation.measures.spans import METRICS as SPAN_METRICS
from ragkit.numeric.statistics import mean_interval

_UNIT: Final = {RankingSet: "documents", PageSet: "files"}


def as_dict(result: Result) -> dict[str, Any]:
    """Return the JSON shape of `ragkit eval --json`; "confidence" holds the 95 % interval of each mean.

    part, note: which part the figures are of, and, where they are no evidence, why.
    """
    measured, metrics = result.measured, result.measured.metrics
    found: dict[str, Any] = {
        "dataset": result.dataset.name,
        "digest": result.dataset.digest,
        "part": result.choice.part or None,
        "note": result.choice.note or None,
        "documents": measured.documents,
        "queries": len(result.dataset.queries),
        **means(result),
        "confidence": {name: _rounded(mean_interval(list(rows.values()))) for name, rows in metrics.items()},
    }
    kinds = by_kind(result)
    if kinds:
        found["kinds"] = kinds
    if result.abstention:
        found["abstention"] = {item.kind: item.as_dict() for item in result.abstention}
    if measured.unreadable:
        found["unreadable"] = measured.unreadable
    return {**found, "settings": measured.settings, "query_ms": result.latency}


def means(result: Result) -> dict[str, float]:
    """Return the mean of each metric over the queries."""
    return {name: round(float(np.mean(list(rows.values()))), 4) for name, rows in result.measured.metrics.items()}


def by_kind(result: Result) -> dict[str, dict[str, float]]:
    """Return the means over the queries of each kind, for sets with more than one kind."""
    kinds = Counter(query.kind for query in result.dataset.queries.values())
    if len(kinds) < 2:
        return {}
    out: dict[str, dict[str, float]] = {}
    for kind, count in sorted(kinds.items()):
        names = [name for name, query in result.dataset.queries.items() if query.kind == kind]
        out[kind or "other"] = {"queries": count} | {
            metric: round(float(np.mean([rows[name] for name in names])), 4)
            for metric, rows in result.measured.metrics.items()
        }
    return out


def _rounded(interval: tuple[float, float]) -> list[float]:
    return [round(value, 4) for value in interval]


def as_lines(result: Result) -> Iterator[str]:
    """Yield the lines of the report. The line of a figure that is not evidence says so."""
    found = as_dict(result)
    note = f"  {result.choice.note}" if result.choice.note else ""
    part = f", part {found['part']}" if found["part"] else ""
    unit = _UNIT.get(type(result.dataset), "corpora")
    yield f"{found['dataset']}: {found['documents']:,} {unit}, {found['queries']:,} queries{part}"
    for name, reason in result.measured.unreadable.items():
        yield f"not read: {name} ({reason}); its pages count as never found"
    for name in result.measured.metrics:
        low, high = found["confidence"][name]
        yield f"{name:<16} {found[name]:.3f}  [{low:.3f}, {high:.3f}]{note}"
    yield from _kind_lines(found.get("kinds", {}), note)
    yield from _abstention_lines(result, note)
    yield f"{_timing(result.latency)}; intervals: bootstrap, 95 %"
    yield f"settings: {json.dumps(found['settings'])}"


def _kind_lines(kinds: Mapping[str, Mapping[str, float]], note: str) -> Iterator[str]:
    for kind, values in kinds.items():
        wanted = [name for name in values if name in _KIND_METRICS]
        shown = "  ".join(f"{name} {values[name]:.3f}" for name in wanted)
        yield f"  {kind:<14} {int(values['queries']):>5,} queries  {shown}{note}"


_KIND_METRICS: Final = ("hit@1", "hit@5", "mrr@10", "passage_hit@5", "page_hit@5")


def _abstention_lines(result: Result, note: str) -> Iterator[str]:
    for item in result.abstention:
        low, high = item.interval
        yield (
            f"auroc, {item.kind:<8}  {item.auroc:.3f}  [{low:.3f}, {high:.3f}]"
            f"  {item.answerable:,} answerable, {item.unanswerable:,} unanswerable{note}"
        )
        yield (
            f"  risk: {item.curve.area:.3f} on average over coverages (AURC; {item.least:.3f} is the least possible),"
            f" {item.curve.risk[-1]:.3f} when all is answered{note}"
        )
        if item.threshold:
            remark = note if item.threshold.honest else "  on the questions that chose it: no evidence"
            yield (
                f"  confidence >= {item.threshold.value:.4f} keeps {item.threshold.keeps:.1%} of the answerable,"
                f" refuses {item.threshold.refuses:.1%} of the others; chosen on {item.threshold.chosen_on}{remark}"
            )


def _timing(latency: Mapping[str, float]) -> str:
    return f"{latency['p50']:.1f} ms a question (95 %: {latency['p95']:.1f} ms)" if latency else "no question asked"


# ------------------------------------------------------------------ files


def write_per_query(result: Result, path: Path) -> None:
    """Write a line of JSON for each query, with its metrics: what `ragkit eval compare` reads."""
    measured = result.measured
    with path.open("w", encoding="utf-8") as file:
        for name, query in result.dataset.queries.items():
            row = {
                "_id": name,
                "text": query.text,
                "part": query.part or None,
                "kind": query.kind or None,
                "metrics": {metric: round(rows[name], 6) for metric, rows in measured.metrics.items()},
                "confidence": round(measured.confidences[name], 6),
                "found": measured.found[name],
                "dataset": result.dataset.name,
                "digest": result.dataset.digest,
            }
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def write_run(result: Result, path: Path) -> None:
    """Write the run in TREC's format: query, Q0, document, rank, score, tag. Blanks in ids become %20.

    Raises InputError for a chunking set, which ranks no documents.
    """
    run = result.measured.run
    if run is None:
        raise InputError(f"{result.dataset.name} ranks spans, not documents", cure="leave --run out")
    with path.open("w", encoding="utf-8") as file:
        for query, scores in run.items():
            for rank, (document, score) in enumerate(scores.items(), 1):
                file.write(f"{_word(query)} Q0 {_word(document)} {rank} {score:.6f} ragkit\n")


def write_qrels(result: Result, path: Path) -> None:
    """Write the judgements of the reported queries in TREC's format: query, 0, document, grade."""
    qrels = result.measured.qrels
    if qrels is None:
        raise InputError(f"{result.dataset.name} judges spans, not documents", cure="leave --qrels out")
    with path.open("w", encoding="utf-8") as file:
        for query, grades in qrels.items():
            for document, grade in grades.items():
                file.write(f"{_word(query)} 0 {_word(document)} {grade}\n")


def _word(text: str) -> str:
    """Return an id for TREC's blank-separated columns."""
    return "".join(f"%{ord(char):02X}" if char.isspace() or char == "%" else char for char in text)


# ------------------------------------------------------------------ floors


@dataclass(frozen=True, slots=True)
class Floor:
    """A metric and the value that it must reach."""

    metric: str
    value: float


def parse_floor(text: str) -> Floor:
    """Read "ndcg@10=0.40". Raises InputError."""
    metric, mark, value = text.partition("=")
    try:
        number = float(value)
    except ValueError:
        number = float("nan")
    if not mark or not metric.strip() or not 0 <= number <= 1:
        raise InputError(f"--fail-under {text!r} is not METRIC=VALUE, from 0 to 1", cure="write ndcg@10=0.40")
    return Floor(metric.strip(), number)


def metric_names(dataset: Dataset, kinds: Iterable[str] = ()) -> list[str]:
    """Return the metrics of a set; kinds: of the unanswerable questions that are asked too."""
    if isinstance(dataset, RankingSet):
        names = [*RANKING, *(PASSAGE_METRICS if dataset.passages else ())]
    else:
        names = list(PAGE_METRICS if isinstance(dataset, PageSet) else SPAN_METRICS)
    return names + [f"auroc@{kind}" for kind in dict.fromkeys(kinds)]


def check_floors(floors: Iterable[Floor], names: Sequence[str]) -> None:
    """Raise InputError for a floor of an unknown metric."""
    for floor in floors:
        if floor.metric not in names:
            raise InputError(f"--fail-under: no metric {floor.metric!r}", cure=f"it may be {', '.join(names)}")


def failed_floors(result: Result, floors: list[Floor]) -> list[str]:
    """Return a line for each floor that the figures do not reach; `check_floors` has passed them."""
    values = means(result) | {f"auroc@{item.kind}": item.auroc for item in result.abstention}
    lines = []
    for floor in floors:
        value = values[floor.metric]
        if not value >= floor.value:
            note = f" ({result.choice.note})" if result.choice.note else ""
            lines.append(f"{floor.metric} is {value:.4f}, under {floor.value:g}{note}")
    return lines
