"""Learn a query adapter for a collection: pairs -> folds -> held-out retrieval with and without it -> evidence."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ragkit.errors import AdapterRefusedError, InputError
from ragkit.index.base import IndexSnapshot
from ragkit.numeric.statistics import paired_test
from ragkit.retrieval.query_adapter import Examples, divide
from ragkit.retrieval.questions import checked_question
from ragkit.retrieval.retriever import QueryEmbedder, Retriever
from ragkit.settings import RetrievalSettings, Settings
from ragkit.store.base import Reader
from ragkit.types.hits import Hits

Vectors = NDArray[np.float32]
Floats = NDArray[np.float64]
Progress = Callable[[str, int, int], None]
"""Called with the stage ("embedding", "choosing", "asking"), how much is done, and how much there is."""

LEAST_QUESTIONS: Final = 30
LEAST_DOCUMENTS: Final = 4
_FOLDS = 5
_MOST_QUESTIONS = 4_000
_POOL = 20_000
_LEVEL = 0.05
_DEPTH = 10


@dataclass(frozen=True, slots=True)
class LabelledQuestion:
    """A question and its answers: sources of documents, or places in them as (source, start, end)."""

    text: str
    sources: tuple[str, ...] = ()
    spans: tuple[tuple[str, int, int], ...] = ()

    @property
    def answers(self) -> tuple[tuple[str, int, int], ...]:
        """The places that answer; a source without one counts whole, with an end of -1."""
        placed = {source for source, _, _ in self.spans}
        return (*self.spans, *((source, 0, -1) for source in dict.fromkeys(self.sources) if source not in placed))


@dataclass(frozen=True, slots=True)
class Bench:
    """The inputs of a training: one committed state of a collection, its indexes, the embedder and the settings."""

    reader: Reader
    snapshot: IndexSnapshot
    embedder: QueryEmbedder
    settings: Settings


def learn_adapter(
    questions: Sequence[LabelledQuestion], bench: Bench, *, progress: Progress | None = None
) -> tuple[Vectors, dict[str, Any]]:
    """Return a linear map for query vectors and its evidence, measured on questions about held-out documents.

    Each fold's questions are searched with a map (and a strength) learned from the other folds. AdapterRefusedError
    unless nDCG@10 of the whole search rises: the 95 % interval, resampled by document, is above 0 and p below 0.05.
    InputError for too few questions or documents, and for sources that the collection does not have.
    """
    report = progress or _silent
    asked = _checked(questions, bench.settings.retrieval)
    report("embedding", 0, len(asked))
    queries = bench.embedder.embed_queries([item.text for item in asked])
    examples = _examples(asked, queries, bench)
    before, after, confidence = _held_out(asked, examples, bench, report)
    strength, table = examples.choose()
    evidence = {
        "created_at": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "fingerprint": bench.reader.fingerprint.id if bench.reader.fingerprint else "",
        "questions": len(asked),
        "pairs": sum(len(rows) for rows in examples.relevant),
        "documents": len(frozenset[str]().union(*examples.groups)),
        "folds": len(examples.fold_numbers),
        "strength": strength,
        "dense_mrr": table,
        **_figures(before, after, [min(names) for names in examples.groups]),
        "confidence": confidence,
        "retrieval": asdict(bench.settings.retrieval),
    }
    low = evidence["interval"][0]
    if strength is None or not (low > 0 and evidence["p"] < _LEVEL):
        raise AdapterRefusedError(
            f"the adapter does not help on held-out questions: {describe(evidence)}",
            cure="nothing was stored; give more question-passage pairs, or go without",
            evidence=evidence,
        )
    return examples.fit(strength), evidence


def describe(evidence: Mapping[str, Any]) -> str:
    """Return the figures of an adapter in one line."""
    low, high = evidence["interval"]
    return (
        f"nDCG@10 {evidence['before']:.4f} without and {evidence['after']:.4f} with it, difference"
        f" {evidence['difference']:+.4f} [{low:+.4f}, {high:+.4f}], p {evidence['p']:.4f}, {evidence['questions']:,}"
        f" questions on {evidence['documents']:,} documents in {evidence['folds']} folds"
    )


def _silent(_stage: str, _done: int, _total: int) -> None:
    """Report nothing."""


def _checked(questions: Sequence[LabelledQuestion], settings: RetrievalSettings) -> list[LabelledQuestion]:
    """Return distinct questions with clean texts, at most 4,000, evenly chosen."""
    merged: dict[str, LabelledQuestion] = {}
    for item in questions:
        text = checked_question(item.text, settings)
        if not item.answers:
            raise InputError(f"the question {text[:80]!r} names no source", cure="name what answers it")
        known = merged.get(text, LabelledQuestion(text))
        merged[text] = LabelledQuestion(text, known.sources + item.sources, known.spans + item.spans)
    found = list(merged.values())
    if len(found) < LEAST_QUESTIONS:
        raise InputError(
            f"an adapter needs {LEAST_QUESTIONS} questions and there are {len(found)}",
            cure="write more, or make some with: ragkit eval make",
        )
    step = max(1.0, len(found) / _MOST_QUESTIONS)
    return [found[int(at * step)] for at in range(min(len(found), _MOST_QUESTIONS))]


def _examples(asked: Sequence[LabelledQuestion], queries: Vectors, bench: Bench) -> Examples:
    """Return the examples to learn from: of each place or document, the chunk that is nearest to the question."""
    reader = bench.reader
    titles = {info.source: info.title for info in reader.documents.infos()}
    missing = sorted({source for item in asked for source, _, _ in item.answers} - titles.keys())
    if missing:
        raise InputError(
            f"the collection lacks {len(missing):,} of the sources, such as {missing[0]!r}",
            cure="ingest them, or name sources as `ragkit documents` lists them",
        )
    # Parts of one work are often documents of the same title: they go into one fold.
    groups = [frozenset(titles[source] or source for source, _, _ in item.answers) for item in asked]
    if len(frozenset[str]().union(*groups)) < LEAST_DOCUMENTS:
        raise InputError(f"an adapter needs questions on {LEAST_DOCUMENTS} documents", cure="ask about more of them")
    spans = {
        source: [(row.id, row.start, row.end) for row in reader.chunks.of_document(source)]
        for source in sorted({source for item in asked for source, _, _ in item.answers})
    }
    answering = [
        [
            [chunk for chunk, first, last in spans[source] if end < 0 or (first < end and start < last)]
            for source, start, end in item.answers
        ]
        for item in asked
    ]
    ids = bench.snapshot.dense.ids()
    sample = ids[:: max(1, -(-len(ids) // _POOL))]
    wanted = np.array([chunk for item in answering for place in item for chunk in place], dtype=np.int64)
    pool_ids = np.union1d(sample, wanted)
    pool = bench.snapshot.dense.vectors(pool_ids)
    relevant = []
    for query, places in zip(queries, answering, strict=True):
        rows = [np.searchsorted(pool_ids, np.array(place, dtype=np.int64)) for place in places if place]
        relevant.append(np.unique([item[int(np.argmax(pool[item] @ query))] for item in rows]).astype(np.int64))
    kept = [at for at, rows in enumerate(relevant) if len(rows)]
    if len(kept) < len(asked):
        raise InputError(
            f"{len(asked) - len(kept):,} questions name places where there is no text", cure="check the spans"
        )
    return Examples(queries, groups, divide(groups, _FOLDS), pool, relevant)


def _held_out(
    asked: Sequence[LabelledQuestion], examples: Examples, bench: Bench, report: Progress
) -> tuple[Floats, Floats, dict[str, float]]:
    """Return nDCG@10 and hit@1 (n, 2) without and with the map; each question uses a map of the other folds."""
    vectors = {item.text: row for item, row in zip(asked, examples.queries, strict=True)}
    settings = replace(bench.settings.retrieval, rerank="", adapter=False, vocabulary=())
    retriever = Retriever(lambda: _Known(vectors), settings, bench.settings.model)
    before, after = np.zeros((len(asked), 2)), np.zeros((len(asked), 2))
    sure = np.zeros((len(asked), 2))
    done = 0
    for fold in examples.fold_numbers:
        report("choosing", fold, len(examples.fold_numbers))
        strength, _ = examples.choose(without=[fold])
        matrix = None if strength is None else examples.fit(strength, without=[fold])
        for at in np.flatnonzero(examples.folds == fold).tolist():
            question = asked[at]
            plain = retriever.retrieve(question.text, reader=bench.reader, snapshot=bench.snapshot, k=_DEPTH)
            moved = plain
            if matrix is not None:
                moved = retriever.retrieve(
                    question.text, reader=bench.reader, snapshot=bench.snapshot, k=_DEPTH, adapter=matrix
                )
            before[at], after[at] = _gains(plain, question), _gains(moved, question)
            sure[at] = plain.confidence, moved.confidence
            done += 1
            report("asking", done, len(asked))
    means = {name: round(float(value), 6) for name, value in zip(("before", "after"), sure.mean(axis=0), strict=True)}
    return before, after, means


class _Known:
    """An embedder that returns known query vectors."""

    def __init__(self, vectors: Mapping[str, Vectors]) -> None:
        self._vectors = vectors

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Return the known rows (n, d)."""
        return np.stack([self._vectors[text] for text in texts])


def _gains(hits: Hits, question: LabelledQuestion) -> tuple[float, float]:
    """Return nDCG@10 and hit@1 of the hits; each relevant place counts once."""
    left = list(question.answers)
    ideal = sum(1 / np.log2(rank + 1) for rank in range(1, min(len(left), _DEPTH) + 1))
    gain = first = 0.0
    for rank, hit in enumerate(hits, 1):
        met = [
            place
            for place in left
            if place[0] == hit.source and (place[2] < 0 or (hit.start < place[2] and place[1] < hit.end))
        ]
        if met:
            left.remove(met[0])
            gain += float(1 / np.log2(rank + 1))
            first = first or float(rank == 1)
    return gain / ideal, first


def _figures(before: Floats, after: Floats, groups: Sequence[str]) -> dict[str, Any]:
    """Return means, difference, interval and p; the bootstrap draws whole documents, whose questions are correlated."""
    _, owner = np.unique(np.array(groups), return_inverse=True)
    difference = after[:, 0] - before[:, 0]
    sums: Floats = np.bincount(owner, weights=difference).astype(np.float64)
    counts = np.bincount(owner)
    draws = np.random.default_rng(0).integers(0, len(sums), (2_000, len(sums)))
    low, high = np.quantile(sums[draws].sum(axis=1) / counts[draws].sum(axis=1), [0.025, 0.975])
    return {
        "metric": "ndcg@10",
        "before": round(float(before[:, 0].mean()), 6),
        "after": round(float(after[:, 0].mean()), 6),
        "difference": round(float(difference.mean()), 6),
        "interval": [round(float(low), 6), round(float(high), 6)],
        "p": round(paired_test(sums), 6),
        "hit@1": {"before": round(float(before[:, 1].mean()), 6), "after": round(float(after[:, 1].mean()), 6)},
    }
