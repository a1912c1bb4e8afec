"""The write path: documents -> chunks -> vectors -> one transaction each, with embedding in the background."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ragkit.chunking.chunker import chunk_document
from ragkit.embedding.base import Embedder, UnitEmbedder
from ragkit.embedding.loading import check_vectors
from ragkit.errors import EmbeddingError, InputError
from ragkit.settings import ChunkSettings
from ragkit.store.base import Writer
from ragkit.store.rows import embedded_hash
from ragkit.text.addresses import spans_without_addresses
from ragkit.text.cleaning import show
from ragkit.types.collection import FileState
from ragkit.types.documents import Chunk, Document
from ragkit.types.progress import AddProgress, AddReport, ProgressCallback

Spans = list[tuple[int, int]]
RejectCallback = Callable[[Document, InputError], None]
BATCH_TOKENS = 24_000
"""Tokens that are embedded together: enough to sort texts by length, few enough to commit every few seconds."""
SLICE = 512
"""Texts given to the embedder at once: enough to sort them by length, few enough to show progress and to stop soon."""
BATCH_CHARACTERS = 8_000_000
"""Code points of waiting documents: a bound on memory, however few tokens need embedding."""


@dataclass(slots=True)
class _Waiting:
    """A document with its chunks, waiting for their vectors."""

    document: Document
    file: FileState | None
    chunks: list[Chunk]
    hashes: list[bytes]


@dataclass(slots=True)
class _Batch:
    """Documents that are embedded together; texts: what has no vector yet, by content hash."""

    documents: list[_Waiting] = field(default_factory=list)
    texts: dict[bytes, str] = field(default_factory=dict)
    spans: dict[bytes, Spans] = field(default_factory=dict)
    vectors: dict[bytes, NDArray[np.float32]] = field(default_factory=dict)
    units: dict[bytes, NDArray[np.float32]] = field(default_factory=dict)
    tokens: int = 0
    characters: int = 0

    @property
    def full(self) -> bool:
        """Whether the batch should be embedded now."""
        return self.tokens >= BATCH_TOKENS or self.characters >= BATCH_CHARACTERS


class KnowledgeWriter:
    """Writes to one collection, as one generation, under its lock. Made by `KnowledgeBase.writer`.

    What was committed stays, whatever happens later in the run. It is not thread-safe.
    """

    def __init__(self, writer: Writer, *, embedder: Callable[[], Embedder], settings: ChunkSettings) -> None:
        self._writer = writer
        self._load = embedder
        self._settings = settings

    @property
    def generation(self) -> int:
        """The number of the generation that this run writes."""
        return self._writer.generation

    def add(
        self,
        documents: Iterable[Document | tuple[Document, FileState | None]],
        *,
        progress: ProgressCallback | None = None,
        reject: RejectCallback | None = None,
    ) -> AddReport:
        """Add or replace documents, pulled lazily; each is committed whole as soon as it has its vectors.

        A text that was embedded once in this collection is not embedded again. reject: called with a document that
        cannot be stored (metadata that is no scalar, say) and the error, and the run continues; without it the error is
        raised. Raises EmbeddingError (naming the documents of the batch), StorageFullError; documents committed before
        stay.
        """
        run = _AddRun(self._writer, self._load(), self._settings, progress, reject)
        return run.all(documents)

    def remove(self, source: str) -> bool:
        """Delete a document and its chunks; return whether it existed."""
        return self._writer.remove(source)

    def rename(self, old: str, new: str) -> None:
        """Give a document another source; its chunks and vectors stay. Raises NotFoundError, ConflictError."""
        self._writer.rename(old, new)

    def record_file(self, state: FileState) -> None:
        """Store what ingest knows of a file."""
        self._writer.record_file(state)

    def forget_file(self, root: str, path: bytes) -> None:
        """Delete what is known of a file that was deleted."""
        self._writer.forget_file(root, path)


class _AddRun:
    """One call of `add`: its counters, its times and its two batches (one is filled while the other is embedded)."""

    def __init__(
        self,
        writer: Writer,
        embedder: Embedder,
        settings: ChunkSettings,
        progress: ProgressCallback | None,
        reject: RejectCallback | None,
    ) -> None:
        self._writer = writer
        self._embedder = embedder
        self._settings = settings
        self._progress = progress
        self._reject = reject
        self._outcomes: Counter[str] = Counter()
        self._seconds: dict[str, float] = dict.fromkeys(("parse", "chunk", "embed", "write"), 0.0)
        self._chunks = self._pages = self._embedded = self._truncated = 0
        self._in_flight: dict[bytes, str] = {}
        self._given_up = False

    def all(self, documents: Iterable[Document | tuple[Document, FileState | None]]) -> AddReport:
        """Add all documents: while one batch is embedded, the one before is written."""
        pool = ThreadPoolExecutor(1, thread_name_prefix="ragkit-embed")
        running: tuple[_Batch, Future[None]] | None = None
        try:
            for batch in self._batches(documents):
                embedding = pool.submit(self._embed, batch)  # it is embedded while the batch before is written
                if running:
                    self._commit(*running)
                running = (batch, embedding)
                self._in_flight = batch.texts
            if running:
                self._commit(*running)
        finally:
            self._given_up = True
            pool.shutdown(wait=True, cancel_futures=True)
        return AddReport(
            added=self._outcomes["added"],
            changed=self._outcomes["changed"],
            unchanged=self._outcomes["unchanged"],
            chunks=self._chunks,
            embedded=self._embedded,
            truncated=self._truncated,
            pages=self._pages,
            generation=self._writer.generation,
            seconds=dict(self._seconds),
        )

    def _batches(self, documents: Iterable[Document | tuple[Document, FileState | None]]) -> Iterator[_Batch]:
        batch = _Batch()
        pending: set[str] = set()
        stream = iter(documents)
        while True:
            with self._clock("parse"):
                item = next(stream, None)
            if item is None:
                break
            document, file = item if isinstance(item, tuple) else (item, None)
            if batch.full or document.source in pending:
                yield batch
                batch, pending = _Batch(), set()
            pending.add(document.source)
            self._chunk(batch, document, file)
        if batch.documents:
            yield batch

    def _chunk(self, batch: _Batch, document: Document, file: FileState | None) -> None:
        try:
            with self._clock("chunk"):
                chunks = chunk_document(document, embedder=self._embedder, settings=self._settings)
        except InputError as error:
            self._refuse(document, error)
            return
        hashes = [embedded_hash(chunk) for chunk in chunks]
        known = self._writer.known_vectors([item for item in dict.fromkeys(hashes) if item not in batch.vectors])
        batch.vectors.update(known)
        for chunk, item in zip(chunks, hashes, strict=True):
            if item not in batch.vectors and item not in batch.texts and item not in self._in_flight:
                batch.texts[item] = chunk.embedded
                batch.spans[item] = embedded_spans(chunk)
                batch.tokens += chunk.tokens
        batch.characters += len(document.text)
        batch.documents.append(_Waiting(document, file, chunks, hashes))

    def _embed(self, batch: _Batch) -> None:
        if not batch.texts:
            return
        started = time.perf_counter()
        hashes = list(batch.texts)
        dimension = self._embedder.fingerprint.dimension
        try:
            for part, rows in self._sliced(batch, hashes):
                batch.vectors.update(zip(part, check_vectors(rows, count=len(part), dimension=dimension), strict=True))
                self._embedded += len(part)
                self._report()
        except EmbeddingError as error:
            names = [show(waiting.document.source, 80) for waiting in batch.documents]
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            raise EmbeddingError(
                f"embedding {', '.join(names[:3])}{more} failed: {error.message}",
                cure=error.cure or "nothing of these documents was written; their earlier versions stay",
            ) from error
        self._seconds["embed"] += time.perf_counter() - started

    def _sliced(self, batch: _Batch, hashes: list[bytes]) -> Iterator[tuple[list[bytes], NDArray[np.float32]]]:
        """Yield slices of a batch with their vectors, in order; the next slice is prepared while the model runs one."""
        parts = [hashes[start : start + SLICE] for start in range(0, len(hashes), SLICE)]
        with ThreadPoolExecutor(2, thread_name_prefix="ragkit-slice") as pair:
            try:
                for part, rows in zip(parts, pair.map(partial(self._vectors, batch), parts), strict=True):
                    yield part, rows
                    if self._given_up:
                        return  # the run has failed: this batch is not needed
            finally:
                pair.shutdown(wait=False, cancel_futures=True)

    def _vectors(self, batch: _Batch, part: Sequence[bytes]) -> NDArray[np.float32]:
        """Embed some texts of a batch, with the vectors of their units when the embedder gives them."""
        texts = [batch.texts[item] for item in part]
        embedder = self._embedder
        if not isinstance(embedder, UnitEmbedder) or not embedder.supports_units:
            return embedder.embed_documents(texts)
        rows, units = embedder.embed_units(texts, [batch.spans[item] for item in part])
        batch.units.update(zip(part, units, strict=True))
        return rows

    def _commit(self, batch: _Batch, embedding: Future[None]) -> None:
        embedding.result()
        limit = self._embedder.max_tokens
        needed = dict.fromkeys(item for waiting in batch.documents for item in waiting.hashes)
        # Texts that the batch before was still embedding when this one was chunked have been written by now.
        batch.vectors.update(self._writer.known_vectors([item for item in needed if item not in batch.vectors]))
        for waiting in batch.documents:
            try:
                with self._clock("write"):
                    outcome = self._put(waiting, batch)
            except InputError as error:
                self._refuse(waiting.document, error)
                continue
            self._outcomes[outcome] += 1
            self._chunks += len(waiting.chunks)
            self._pages += len(waiting.document.pages)
            self._truncated += sum(chunk.tokens > limit for chunk in waiting.chunks)
            self._report(waiting.document.source, outcome)

    def _put(self, waiting: _Waiting, batch: _Batch) -> str:
        vectors = _rows(waiting.hashes, batch.vectors, self._embedder.fingerprint.dimension)
        units = [batch.units.get(item) for item in waiting.hashes] if batch.units else []
        return self._writer.put(waiting.document, waiting.chunks, vectors, units=units, file=waiting.file)

    def _refuse(self, document: Document, error: InputError) -> None:
        """Pass a document that cannot be stored to `reject`; raise the error when there is none."""
        if self._reject is None:
            raise error
        self._reject(document, error)

    def _report(self, source: str = "", outcome: str = "") -> None:
        if self._progress:
            self._progress(AddProgress(sum(self._outcomes.values()), self._chunks, self._embedded, source, outcome))

    @contextmanager
    def _clock(self, stage: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self._seconds[stage] += time.perf_counter() - started


def embedded_spans(chunk: Chunk) -> Spans:
    """Return the units of a chunk as spans of `chunk.embedded`; the whole text where it is one unit."""
    shift = len(chunk.context) + 1 if chunk.context else 0
    spans = spans_without_addresses(chunk.text, chunk.units or ((0, len(chunk.text)),))
    return [(start + shift, end + shift) for start, end in spans]


def _rows(hashes: Sequence[bytes], vectors: dict[bytes, NDArray[np.float32]], dimension: int) -> NDArray[np.float32]:
    if not hashes:
        return np.zeros((0, dimension), dtype=np.float32)
    return np.stack([vectors[item] for item in hashes])
