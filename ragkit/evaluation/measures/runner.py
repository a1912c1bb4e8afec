"""The collections of a run, and the questions asked of them with their times."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from ragkit.embedding.base import Embedder
from ragkit.embedding.loading import load_embedder
from ragkit.evaluation.datasets.types import Qrels
from ragkit.evaluation.measures.metrics import PerQuery, Run
from ragkit.knowledge.knowledge_base import KnowledgeBase
from ragkit.settings import Settings
from ragkit.types.documents import Document
from ragkit.types.hits import Hits
from ragkit.types.progress import AddProgress

Progress = Callable[[str, int, int], None]
"""Called with the stage ("embedding", "asking"), the count done, and the total (0: not known)."""


@dataclass(frozen=True, slots=True)
class Curve:
    """A metric at several depths k, for every query: values has a row a query and a column a depth."""

    name: str
    depths: tuple[int, ...]
    values: np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True, slots=True)
class Measured:
    """The results of the questions of a set.

    right: whether a passage that a prompt would hold contains the answer. found: the best ids of each query, for
    people. run, qrels: for TREC files, None where a set has no such thing. unreadable: files that gave no document,
    with the reason.
    """

    documents: int
    metrics: PerQuery
    confidences: dict[str, float]
    right: dict[str, bool]
    found: dict[str, list[str]]
    settings: dict[str, Any]
    collections: tuple[KnowledgeBase, ...]
    curves: tuple[Curve, ...] = ()
    run: Run | None = None
    qrels: Qrels | None = None
    unreadable: dict[str, str] = field(default_factory=dict)


def _silent(_stage: str, _done: int, _total: int) -> None:
    """Ignore progress."""


class Asker:
    """Asks questions and records the time of each."""

    def __init__(self, progress: Progress | None = None) -> None:
        self.milliseconds: list[float] = []
        self.progress: Progress = progress or _silent

    def ask(self, kb: KnowledgeBase, question: str, *, k: int) -> Hits:
        """Return the hits of one question."""
        started = time.perf_counter()
        hits = kb.search(question, k=k)
        self.milliseconds.append((time.perf_counter() - started) * 1000)
        return hits

    def each(self, names: Iterable[str], count: int) -> Iterable[str]:
        """Yield the names of queries and report progress."""
        for number, name in enumerate(names):
            self.progress("asking", number, count)
            yield name
        self.progress("asking", count, count)

    def latency(self) -> dict[str, float]:
        """Return the median and the 95th percentile of the time per question, in milliseconds."""
        if not self.milliseconds:
            return {}
        middle, high = np.percentile(self.milliseconds, [50, 95])
        return {"p50": round(float(middle), 2), "p95": round(float(high), 2)}


class Workbench:
    """Opens the collections of a run in one data folder; they share one model, loaded at first use."""

    def __init__(self, folder: str, *, settings: Settings, embedder: Embedder | None = None) -> None:
        self._folder = folder
        self._settings = settings
        self._embedder = embedder
        self._opened: list[KnowledgeBase] = []

    def open(self, name: str) -> KnowledgeBase:
        """Open or make a collection of this name; it stays open until the bench is closed."""
        if self._embedder is None:
            self._embedder = load_embedder(self._settings.model)
        kb = KnowledgeBase(self._folder, collection=_slug(name), settings=self._settings, embedder=self._embedder)
        self._opened.append(kb)
        return kb

    def close(self) -> None:
        """Close every collection."""
        for kb in self._opened:
            kb.close()
        self._opened.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _slug(name: str) -> str:
    """Return a name that a collection may have."""
    plain = "".join(char if char.isascii() and (char.isalnum() or char in "._-") else "-" for char in name.lower())
    return plain.strip("._-")[:60] or "set"


def fill(kb: KnowledgeBase, documents: Iterable[Document], total: int, progress: Progress) -> None:
    """Make a collection hold exactly these documents; texts that it holds already are not embedded again."""
    wanted: set[str] = set()

    def noted() -> Iterable[Document]:
        for document in documents:
            wanted.add(document.source)
            yield document

    def forward(state: AddProgress) -> None:
        progress("embedding", state.documents, total)

    kb.add(noted(), progress=forward)
    unwanted = [info.source for info in kb.documents() if info.source not in wanted]
    if unwanted:
        kb.remove(unwanted)


def report_settings(collections: Sequence[KnowledgeBase], *, depth: int) -> dict[str, Any]:
    """Return every setting that influences a figure, to be printed beside it. depth: passages asked for a question."""
    groups = collections[0].settings.public()
    states = [kb.status() for kb in collections]
    adapter = states[0].get("adapter")
    return {
        "model": states[0]["model"],
        **(
            {"adapter": {name: adapter.get(name) for name in ("created_at", "questions", "documents")}}
            if adapter
            else {}
        ),
        "chunk": groups["chunk"],
        "retrieval": groups["retrieval"],
        "chunks": sum(state["chunks"] for state in states),
        "depth": depth,
    }
