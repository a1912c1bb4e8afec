"""A naive baseline with the same model: windows of 1,000 characters that overlap by 200, ranked by cosine alone.

It is what a short script does, and what frameworks do by default with this model: text beyond the model's limit is not
embedded, sentences and tables are cut anywhere, and no word is matched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ragkit.embedding.base import Embedder
from ragkit.evaluation.datasets.files import FileReader, read_files
from ragkit.evaluation.datasets.types import Dataset, PageSet, RankingSet
from ragkit.evaluation.measures.metrics import PerQuery, rank_metrics, ranking_metrics, span_metrics
from ragkit.types.documents import Document

SIZE, STEP = 1_000, 800


@dataclass(frozen=True)
class Window:
    source: str
    start: int
    end: int
    pages: frozenset[int]


class Naive:
    """The windows of documents and their vectors."""

    def __init__(self, documents: Sequence[Document], embedder: Embedder) -> None:
        self.windows: list[Window] = []
        texts = []
        for document in documents:
            for start in range(0, max(1, len(document.text) - (SIZE - STEP)), STEP):
                end = min(start + SIZE, len(document.text))
                text = document.text[start:end]
                if not text.strip():
                    continue
                first, last = document.page_at(start), document.page_at(max(start, end - 1))
                pages = frozenset(range(first, last + 1)) if first and last else frozenset[int]()
                self.windows.append(Window(document.source, start, end, pages))
                texts.append(cut_off(text, embedder))
        self._embedder = embedder
        self._vectors: NDArray[np.float32] = embedder.embed_documents(texts)

    def search(self, question: str, k: int) -> list[Window]:
        scores = self._vectors @ self._embedder.embed_queries([question])[0]
        return [self.windows[at] for at in np.argsort(-scores, kind="stable")[:k]]


def cut_off(text: str, embedder: Embedder) -> str:
    """Return what the model sees of a text: it drops the rest in silence."""
    room = embedder.max_tokens - embedder.count_tokens([""])[0]
    offsets = embedder.token_offsets(text)
    while len(offsets) > room or embedder.count_tokens([text])[0] > embedder.max_tokens:
        text = text[: offsets[min(room, len(offsets) - 1)][0]]
        offsets = embedder.token_offsets(text)
    return text


def naive_metrics(dataset: Dataset, *, embedder: Embedder, reader: FileReader) -> PerQuery:
    """Return the metrics of the naive baseline over all queries of a set."""
    if isinstance(dataset, RankingSet):
        return _ranking(dataset, Naive(dataset.documents, embedder))
    if isinstance(dataset, PageSet):
        documents = list(read_files(dataset.files, reader, failed=lambda _name, _error: None))
        return _pages(dataset, Naive(documents, embedder))
    indexes = {name: Naive([document], embedder) for name, document in dataset.corpora.items()}
    values = {
        name: span_metrics(
            [(hit.start, hit.end) for hit in indexes[dataset.corpus_of[name]].search(query.text, 5)],
            dataset.spans[name],
        )
        for name, query in dataset.queries.items()
    }
    names = ("recall", "precision", "iou")
    return {f"{metric}@5": {name: row[metric] for name, row in values.items()} for metric in names}


def _ranking(dataset: RankingSet, index: Naive) -> PerQuery:
    run: dict[str, Mapping[str, float]] = {}
    for name, query in dataset.queries.items():
        scores: dict[str, float] = {}
        for rank, hit in enumerate(index.search(query.text, 400)):
            scores.setdefault(hit.source, 1.0 - rank / 10_000)
        run[name] = dict(list(scores.items())[:100])
    return ranking_metrics(run, dataset.qrels)


def _pages(dataset: PageSet, index: Naive) -> PerQuery:
    pages: dict[str, int] = {}
    documents: dict[str, int] = {}
    for name, query in dataset.queries.items():
        hits = index.search(query.text, 10)
        evidence = dataset.evidence[name]
        right = [bool(evidence & {(hit.source, page) for page in hit.pages}) for hit in hits]
        pages[name] = right.index(True) + 1 if any(right) else 0
        held = [any(hit.source == source for source, _ in evidence) for hit in hits]
        documents[name] = held.index(True) + 1 if any(held) else 0
    found = rank_metrics(pages, prefix="page_", hits=(1, 5, 10))
    return found | rank_metrics(documents, prefix="document_", hits=(1, 5))
