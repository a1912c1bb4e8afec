"""Chunk and embed a whole collection again; the old state answers until the new one is committed in one transaction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ragkit.chunking.chunker import chunk_document
from ragkit.embedding.base import Embedder, ParallelEmbedder, UnitEmbedder
from ragkit.knowledge.writer import SLICE
from ragkit.numeric.vectors import stacked
from ragkit.settings import ChunkSettings, Settings
from ragkit.store.base import Store, Writer
from ragkit.store.rows import embedded_hash
from ragkit.types.documents import Chunk, Document
from ragkit.types.progress import AddProgress, AddReport, ProgressCallback


def settings_of_rebuild(settings: Settings, *, model: str, chunk: ChunkSettings | None) -> Settings:
    """Return settings with another model, "" for the same, and other chunk settings, None for the same."""
    named = replace(settings.model, name=model or settings.model.name)
    return replace(settings, chunk=chunk or settings.chunk, model=named)


def rebuild_documents(
    store: Store,
    writer: Writer,
    *,
    embedder: Embedder,
    settings: ChunkSettings,
    progress: ProgressCallback | None = None,
) -> AddReport:
    """Embed the texts that have no vector of this model yet, then put every document again in one transaction.

    An interrupted run leaves the collection as it was; the next run reuses the vectors that it has stored.
    """
    report = _Rebuild(store, writer, embedder, settings, progress)
    return report.run()


class _Rebuild:
    def __init__(
        self,
        store: Store,
        writer: Writer,
        embedder: Embedder,
        settings: ChunkSettings,
        progress: ProgressCallback | None,
    ) -> None:
        self._store = store
        self._writer = writer
        self._embedder = embedder
        self._lanes = embedder.lanes if isinstance(embedder, ParallelEmbedder) else 1
        self._settings = settings
        self._progress = progress
        self._chunks = self._embedded = self._truncated = self._pages = self._done = 0

    def run(self) -> AddReport:
        """Embed what has no vector, then put every document in one transaction."""
        waiting: dict[bytes, Chunk] = {}
        for document in self._documents():
            for chunk in self._chunk(document):
                waiting.setdefault(embedded_hash(chunk), chunk)
            if len(waiting) >= SLICE * self._lanes:
                self._keep(waiting)
                waiting = {}
        self._keep(waiting)
        self._done = 0
        with self._writer.atomic():
            self._writer.repin()
            for document in self._documents():
                self._put(document)
        return AddReport(
            changed=self._done,
            chunks=self._chunks,
            embedded=self._embedded,
            truncated=self._truncated,
            pages=self._pages,
            generation=self._writer.generation,
        )

    def _documents(self) -> Iterator[Document]:
        with self._store.read() as reader:
            yield from reader.documents.iterate()

    def _chunk(self, document: Document) -> list[Chunk]:
        return chunk_document(document, embedder=self._embedder, settings=self._settings)

    def _keep(self, waiting: dict[bytes, Chunk]) -> None:
        """Embed and store the vectors of the chunks that have none."""
        known = self._writer.known_vectors(list(waiting))
        hashes = [item for item in waiting if item not in known]
        if not hashes:
            return
        chunks = [waiting[item] for item in hashes]
        texts = [chunk.embedded for chunk in chunks]
        units: Sequence[NDArray[np.float32]] = ()
        if isinstance(self._embedder, UnitEmbedder) and self._embedder.supports_units:
            rows, units = self._embedder.embed_units(texts, [chunk.embedded_spans for chunk in chunks])
        else:
            rows = self._embedder.embed_documents(texts)
        self._writer.keep_vectors(hashes, rows, units=units)
        self._embedded += len(hashes)
        self._report("")

    def _put(self, document: Document) -> None:
        chunks = self._chunk(document)
        hashes = [embedded_hash(chunk) for chunk in chunks]
        known = self._writer.known_vectors(hashes)
        dimension = self._embedder.fingerprint.dimension
        self._writer.put(document, chunks, stacked(hashes, known, dimension))
        self._chunks += len(chunks)
        self._pages += len(document.pages)
        self._truncated += sum(chunk.tokens > self._embedder.max_tokens for chunk in chunks)
        self._done += 1
        self._report(document.source)

    def _report(self, source: str) -> None:
        if self._progress:
            self._progress(AddProgress(self._done, self._chunks, self._embedded, source))
