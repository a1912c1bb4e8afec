"""The cost of changing one fact: a measured ingest of an edited document, compared with a training run."""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ragkit.advice.prices import Figure
from ragkit.embedding.base import Embedder
from ragkit.errors import InputError
from ragkit.knowledge.knowledge_base import KnowledgeBase
from ragkit.store.opening import restore_collection
from ragkit.types.documents import Document

_MARK = "The value stated here before was changed on 30 November 2026."


@dataclass(frozen=True, slots=True)
class FactChange:
    """A measured change of one fact in a copy of a collection.

    seconds: from the edited document to the commit. searchable_seconds: until a search finds the edited text.
    embedded, chunks: of the document. training: figures of a retraining run, or a measured one (`trained_seconds`).
    """

    source: str
    documents: int
    chunks: int
    embedded: int
    seconds: float
    searchable_seconds: float
    trained_seconds: float | None
    training: tuple[Figure, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the measurement as JSON."""
        shape = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "training"}
        return shape | {"training": {figure.name: figure.as_dict() for figure in self.training}}

    def as_lines(self) -> list[str]:
        """Return the measurement as lines of text."""
        first = (
            f"change one fact of {self.source}, in a copy of the collection ({self.documents:,} documents):"
            f" {self.seconds:.2f} s until committed, {self.searchable_seconds:.2f} s until a search finds it;"
            f" {self.embedded:,} of {self.chunks:,} chunks embedded again"
        )
        if self.trained_seconds is not None:
            return [first, f"the same by a training run, measured: {self.trained_seconds:,.0f} s, then an evaluation"]
        figures = "; ".join(f"{figure.low:g} to {figure.high:g} {figure.unit}" for figure in self.training)
        return [first, f"the same by a training run: {figures}, then an evaluation"]


def measure_fact_change(
    kb: KnowledgeBase,
    *,
    training: Sequence[Figure],
    source: str = "",
    trained_seconds: float | None = None,
    embedder: Embedder | None = None,
) -> FactChange:
    """Add a sentence to one document in a copy of the collection, and time it; the collection itself is not touched.

    source: the document; the one of middle length by default. trained_seconds: how long a recorded training run took.
    embedder: the collection's, where it is the caller's own. Raises InputError for a collection without documents,
    NotFoundError for a source that it does not hold.
    """
    infos = kb.documents()
    if not infos:
        raise InputError(f"collection {kb.collection!r} is empty", cure="ingest documents first")
    source = source or sorted(infos, key=lambda info: (info.characters, info.source))[len(infos) // 2].source
    edited = _edited(kb.document(source))
    with tempfile.TemporaryDirectory(prefix="ragkit-fact-") as folder:
        kb.backup(Path(folder) / "copy.ragkit")
        restore_collection(Path(folder) / "copy.ragkit", Path(folder) / "data", "copy")
        with KnowledgeBase(
            Path(folder) / "data", collection="copy", settings=kb.settings, embedder=embedder, create=False
        ) as copy:
            copy.search("warm up the model and the indexes")
            started = time.perf_counter()
            report = copy.add(edited)
            committed = time.perf_counter() - started
            copy.search(_MARK, k=1)
            searchable = time.perf_counter() - started
            chunks = next(info.chunks for info in copy.documents(prefix=source) if info.source == source)
    return FactChange(
        source, len(infos), chunks, report.embedded, committed, searchable, trained_seconds, tuple(training)
    )


def _edited(document: Document) -> Document:
    """Return a document with one more sentence at its end, so that every other chunk can keep its vector."""
    text = f"{document.text}\n\n{_MARK}"
    return replace(document, text=text, sha256=hashlib.sha256(text.encode()).hexdigest())
