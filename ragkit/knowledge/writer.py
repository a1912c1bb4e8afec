"""The write path: documents -> chunks -> vectors -> transactions, with embedding in the background."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ragkit.chunking.chunker import chunk_document
from ragkit.embedding.base import Embedder, ParallelEmbedder, UnitEmbedder
from ragkit.embedding.loading import check_vectors
from ragkit.errors import EmbeddingError, InputError
from ragkit.knowledge.adding.batches import Batch, Item, Waiting, parts_of
from ragkit.knowledge.adding.stoppable import StopCallback, StoppableTokenizer, StoppedError
from ragkit.numeric.vectors import stacked
from ragkit.settings import ChunkSettings
from ragkit.store.base import Writer
from ragkit.store.originals import OriginalsRun
from ragkit.store.rows import embedded_hash
from ragkit.text.cleaning import show
from ragkit.types.collection import FileState
from ragkit.types.documents import Chunk, Document
from ragkit.types.progress import AddProgress, AddReport, ProgressCallback

RejectCallback = Callable[[Document, InputError], None]
SLICE = 512
"""The most texts given to the embedder at once: enough to sort them by length, few enough to show progress."""
FIRST_SLICE = 8
"""Texts of the first slice of a run, whose time tells how many the next ones may have."""
SLICE_SECONDS = 0.5
"""The target time of a slice in seconds: a run that is stopped waits for the two that are in flight."""
LONG_BATCH = 4 * SLICE
"""A batch of more texts than this, one long document mostly, has its vectors stored as they come: that bounds memory,
and a run that is killed need not embed them again."""
GROUP_CHUNKS = 256
"""Chunks and documents of one transaction: a disk takes some milliseconds for each transaction, however small."""


@dataclass(frozen=True, slots=True)
class _Calls:
    """The callbacks that the caller of `add` passed."""

    progress: ProgressCallback | None
    reject: RejectCallback | None
    stopped: StopCallback


def _never() -> bool:
    return False


class KnowledgeWriter:
    """Writes to one collection, as one generation, under its lock. Made by `KnowledgeBase.writer`.

    What was committed stays, whatever happens later in the run. It is not thread-safe.
    """

    def __init__(
        self, writer: Writer, originals: OriginalsRun, *, embedder: Callable[[], Embedder], settings: ChunkSettings
    ) -> None:
        self._writer = writer
        self._originals = originals
        self._load = embedder
        self._settings = settings
        self._stopped = False

    @property
    def generation(self) -> int:
        """The number of the generation that this run writes."""
        return self._writer.generation

    @property
    def stopped(self) -> bool:
        """Whether an `add` of this run was stopped before its end."""
        return self._stopped

    def add(
        self,
        documents: Iterable[Item],
        *,
        progress: ProgressCallback | None = None,
        reject: RejectCallback | None = None,
        stopped: StopCallback | None = None,
    ) -> AddReport:
        """Add or replace documents, pulled lazily; each is committed whole as soon as it has its vectors.

        A text that was embedded once in this collection is not embedded again. reject: called with a document that
        cannot be stored (metadata that is no scalar, say) and the error, and the run continues; without it the error is
        raised. stopped: asked often; once it is true, the documents that have all their vectors are committed, the
        others are given up, and `add` returns. Raises EmbeddingError (naming the documents of the batch),
        StorageFullError; documents committed before stay.
        """
        calls = _Calls(progress, reject, stopped or _never)
        report = _AddRun(self._writer, self._load(), self._settings, calls).all(documents)
        self._stopped = self._stopped or calls.stopped()
        return report

    def keep_original(self, file: Path, sha256: str, *, limit: int) -> bool:
        """Keep an uploaded file until its document is removed; False when the originals would be over `limit` bytes.

        Call it before the document of that SHA-256 (hex) is added. The file must not change later. Raises OSError.
        """
        return self._originals.keep(file, sha256, limit=limit)

    def remove(self, source: str) -> bool:
        """Delete a document and its chunks; return whether it existed."""
        return self._writer.remove(source)

    def rename(self, old: str, new: str) -> None:
        """Give a document another source; its chunks and vectors stay. Raises NotFoundError, ConflictError."""
        self._writer.rename(old, new)

    def record_file(self, state: FileState) -> None:
        """Store the state of an ingested file."""
        self._writer.record_file(state)

    def forget_file(self, root: str, path: bytes) -> None:
        """Delete the stored state of a deleted file."""
        self._writer.forget_file(root, path)


class _AddRun:
    """One call of `add`: its counters, its times and its two batches (one is filled while the other is embedded)."""

    def __init__(self, writer: Writer, embedder: Embedder, settings: ChunkSettings, calls: _Calls) -> None:
        self._writer = writer
        self._embedder = embedder
        self._settings = settings
        self._calls = calls
        self._lanes = embedder.lanes if isinstance(embedder, ParallelEmbedder) else 1
        self._tokenizer = StoppableTokenizer(embedder, calls.stopped)
        self._slice = FIRST_SLICE
        self._outcomes: Counter[str] = Counter()
        self._seconds: dict[str, float] = dict.fromkeys(("parse", "chunk", "embed", "write"), 0.0)
        self._chunks = self._pages = self._embedded = self._truncated = 0
        self._in_flight: dict[bytes, Chunk] = {}
        self._before = Batch()
        self._given_up = False

    def all(self, documents: Iterable[Item]) -> AddReport:
        """Add all documents: while one batch is embedded, the one before is written."""
        pool = ThreadPoolExecutor(1, thread_name_prefix="ragkit-embed")
        running: tuple[Batch, Future[None]] | None = None
        try:
            for batch in self._batches(documents):
                embedding = pool.submit(self._embed, batch)  # it is embedded while the batch before is written
                if running:
                    self._commit(*running)
                running = (batch, embedding)
                self._in_flight = batch.new
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

    def _batches(self, documents: Iterable[Item]) -> Iterator[Batch]:
        batch = Batch()
        pending: set[str] = set()
        stream = iter(documents)
        while not self._calls.stopped():
            with self._clock("parse"):
                item = next(stream, None)
            if item is None:
                break
            document, file, chunks = parts_of(item)
            if batch.full(self._lanes) or document.source in pending:
                yield batch
                batch, pending = Batch(), set()
            pending.add(document.source)
            chunks = self._chunk(document) if chunks is None else chunks
            if chunks is not None:
                self._enter(batch, document, file, chunks)
        if batch.documents:
            yield batch

    def _chunk(self, document: Document) -> Sequence[Chunk] | None:
        """Return the chunks of a document; None when it is refused, or given up with those that would have followed."""
        try:
            with self._clock("chunk"):
                return chunk_document(document, embedder=self._tokenizer, settings=self._settings)
        except StoppedError:
            return None
        except InputError as error:
            self._refuse(document, error)
            return None

    def _enter(self, batch: Batch, document: Document, file: FileState | None, chunks: Sequence[Chunk]) -> None:
        """Put a document into a batch; its texts that have no vector yet are to be embedded."""
        hashes = [embedded_hash(chunk) for chunk in chunks]
        known = self._writer.known_vectors([item for item in dict.fromkeys(hashes) if item not in batch.vectors])
        batch.vectors.update(known)
        for chunk, item in zip(chunks, hashes, strict=True):
            if item not in batch.vectors and item not in batch.new and item not in self._in_flight:
                batch.new[item] = chunk
                batch.tokens += chunk.tokens
        batch.characters += len(document.text)
        batch.documents.append(Waiting(document, file, chunks, hashes))

    def _embed(self, batch: Batch) -> None:
        if not batch.new:
            return
        started = time.perf_counter()
        hashes = list(batch.new)
        dimension = self._embedder.fingerprint.dimension
        try:
            for part, rows in self._sliced(batch, hashes):
                checked = check_vectors(rows, count=len(part), dimension=dimension)
                if len(hashes) > LONG_BATCH:
                    self._keep(batch, part, checked)
                batch.vectors.update(zip(part, checked, strict=True))
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

    def _keep(self, batch: Batch, part: Sequence[bytes], rows: NDArray[np.float32]) -> None:
        """Store the vectors of a slice at once, and forget those of its units, which take ten times the memory."""
        units = [batch.units.pop(item, None) for item in part]
        self._writer.keep_vectors(part, rows, units=units)

    def _sliced(self, batch: Batch, hashes: list[bytes]) -> Iterator[tuple[list[bytes], NDArray[np.float32]]]:
        """Yield slices of a batch with their vectors, in order; the next slice is prepared while the model runs one.

        A slice has as many texts as the model takes in about SLICE_SECONDS. No more slices follow when the run is
        stopped or has failed.
        """
        running: deque[tuple[list[bytes], Future[NDArray[np.float32]]]] = deque()
        start = 0
        with ThreadPoolExecutor(2, thread_name_prefix="ragkit-slice") as pair:
            try:
                since = time.perf_counter()
                while True:
                    while start < len(hashes) and len(running) < 2 and not self._ending:
                        part = hashes[start : start + self._slice]
                        start += len(part)
                        running.append((part, pair.submit(self._vectors, batch, part)))
                    if not running or self._given_up:
                        return
                    part, future = running.popleft()
                    rows = future.result()
                    now = time.perf_counter()
                    self._pace(len(part), now - since)
                    since = now
                    yield part, rows
            finally:
                pair.shutdown(wait=False, cancel_futures=True)

    @property
    def _ending(self) -> bool:
        return self._given_up or self._calls.stopped()

    def _pace(self, texts: int, seconds: float) -> None:
        """Choose the size of the next slices from the time of one; it grows by steps, as a first call is slow."""
        fitting = int(texts * SLICE_SECONDS / max(seconds, 1e-6))
        self._slice = max(1, min(fitting, 4 * self._slice, SLICE))

    def _vectors(self, batch: Batch, part: Sequence[bytes]) -> NDArray[np.float32]:
        """Embed some texts of a batch, with the vectors of their units when the embedder gives them."""
        chunks = [batch.new[item] for item in part]
        texts = [chunk.embedded for chunk in chunks]
        embedder = self._embedder
        if not isinstance(embedder, UnitEmbedder) or not embedder.supports_units:
            return embedder.embed_documents(texts)
        rows, units = embedder.embed_units(texts, [chunk.embedded_spans for chunk in chunks])
        batch.units.update(zip(part, units, strict=True))
        return rows

    def _commit(self, batch: Batch, embedding: Future[None]) -> None:
        embedding.result()
        needed = dict.fromkeys(item for waiting in batch.documents for item in waiting.hashes)
        # Texts that the batch before was still embedding when this one was chunked have been written by now.
        batch.vectors.update(self._writer.known_vectors([item for item in needed if item not in batch.vectors]))
        for item in needed:  # or the document that had them was refused
            if item not in batch.vectors and item in self._before.vectors:
                batch.vectors[item] = self._before.vectors[item]
                batch.units.update({item: self._before.units[item]} if item in self._before.units else {})
        self._before = batch
        ready = [waiting for waiting in batch.documents if all(item in batch.vectors for item in waiting.hashes)]
        if len(ready) < len(batch.documents) and not self._ending:
            raise EmbeddingError("vectors are missing after embedding", cure="report this as a bug of ragkit")
        for group in self._groups(ready):
            self._commit_group(group, batch)

    def _groups(self, ready: Sequence[Waiting]) -> Iterator[list[Waiting]]:
        """Yield documents in groups of about GROUP_CHUNKS chunks; all that are left once the run is stopped."""
        group: list[Waiting] = []
        chunks = 0
        for waiting in ready:
            group.append(waiting)
            chunks += 1 + len(waiting.chunks)
            if chunks >= GROUP_CHUNKS and not self._calls.stopped():
                yield group
                group, chunks = [], 0
        if group:
            yield group

    def _commit_group(self, group: Sequence[Waiting], batch: Batch) -> None:
        """Write documents that have all their vectors in one transaction, and acknowledge them once it is committed."""
        stored: list[tuple[Waiting, str]] = []
        refused: InputError | None = None
        with self._clock("write"), self._writer.atomic():
            for waiting in group:
                try:
                    stored.append((waiting, self._put(waiting, batch)))
                except InputError as error:
                    if self._calls.reject is None:  # the documents before it are committed
                        refused = error
                        break
                    self._calls.reject(waiting.document, error)
        for waiting, outcome in stored:
            self._acknowledge(waiting, outcome)
        if refused is not None:
            raise refused

    def _acknowledge(self, waiting: Waiting, outcome: str) -> None:
        """Count and report a document whose transaction is committed."""
        limit = self._embedder.max_tokens
        self._outcomes[outcome] += 1
        self._chunks += len(waiting.chunks)
        self._pages += len(waiting.document.pages)
        self._truncated += sum(chunk.tokens > limit for chunk in waiting.chunks)
        self._report(waiting.document.source, outcome)

    def _put(self, waiting: Waiting, batch: Batch) -> str:
        vectors = stacked(waiting.hashes, batch.vectors, self._embedder.fingerprint.dimension)
        units = [batch.units.get(item) for item in waiting.hashes] if batch.units else []
        return self._writer.put(waiting.document, waiting.chunks, vectors, units=units, file=waiting.file)

    def _refuse(self, document: Document, error: InputError) -> None:
        """Pass a document that cannot be stored to `reject`; raise the error when there is none."""
        if self._calls.reject is None:
            raise error
        self._calls.reject(document, error)

    def _report(self, source: str = "", outcome: str = "") -> None:
        if self._calls.progress:
            self._calls.progress(
                AddProgress(sum(self._outcomes.values()), self._chunks, self._embedded, source, outcome)
            )

    @contextmanager
    def _clock(self, stage: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self._seconds[stage] += time.perf_counter() - started
