"""Batches the queries of many threads: those that arrive while the model is busy share its next run."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ragkit.concurrency.event_loop import report_to_loops
from ragkit.concurrency.threads import WorkerThreads
from ragkit.embedding.base import Embedder, UnitEmbedder
from ragkit.embedding.query_cache import QueryVectorCache
from ragkit.errors import EmbeddingError
from ragkit.numeric.vectors import check_vectors
from ragkit.types.collection import Fingerprint

if TYPE_CHECKING:
    import asyncio


class _Call:
    """A waiting call: its texts, then its rows or its error. `leads`: its thread must run the next batch."""

    __slots__ = ("error", "leads", "rows", "texts", "woken")

    def __init__(self, texts: list[str]) -> None:
        self.texts = texts
        self.rows: NDArray[np.float32] | None = None
        self.error: BaseException | None = None
        self.leads = False
        self.woken = threading.Event()

    @property
    def done(self) -> bool:
        return self.rows is not None or self.error is not None

    def result(self) -> NDArray[np.float32]:
        """Return the rows (n, d), or raise the error."""
        if self.error is not None:
            raise self.error
        if self.rows is None:
            raise EmbeddingError("a query was lost in its batch", cure="report this as a bug of ragkit")
        return self.rows


class _AwaitedCall(_Call):
    """A call that an event loop awaits; it has no thread that could run a batch."""

    __slots__ = ("future", "loop")

    def __init__(self, texts: list[str], loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(texts)
        self.loop = loop
        self.future: asyncio.Future[None] = loop.create_future()


class QueryBatcher:
    """An embedder for servers: concurrent calls of `embed_queries` run as one batch, with no added delay.

    The first call runs at once; calls that arrive meanwhile wait, and one of their threads runs them all together next
    (leader and followers). A batch that fails is run again call by call, so that one bad query fails alone. Vectors of
    recent questions are cached. All other methods are the embedder's. max_texts: size of the largest batch; a single
    larger call runs alone. remember: questions whose vectors are cached, with a digest instead of their text; 0 for
    none. `embedder` is the wrapped one.
    """

    def __init__(self, embedder: Embedder, *, max_texts: int = 64, remember: int = 4_096) -> None:
        self.embedder = embedder
        self._max_texts = max_texts
        self._remembered = QueryVectorCache(remember)
        self._lock = threading.Lock()
        self._waiting: deque[_Call] = deque()
        self._busy = False
        self._thread = WorkerThreads("ragkit-queries")

    @property
    def fingerprint(self) -> Fingerprint:
        """The embedder's."""
        return self.embedder.fingerprint

    @property
    def max_tokens(self) -> int:
        """The embedder's."""
        return self.embedder.max_tokens

    def embed_documents(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Call the embedder."""
        return self.embedder.embed_documents(texts)

    @property
    def supports_units(self) -> bool:
        """Whether the embedder returns vectors of parts of a text."""
        return isinstance(self.embedder, UnitEmbedder) and self.embedder.supports_units

    def embed_units(
        self, texts: Sequence[str], spans: Sequence[Sequence[tuple[int, int]]]
    ) -> tuple[NDArray[np.float32], list[NDArray[np.float32]]]:
        """Call the embedder. Raises EmbeddingError where it has no such method."""
        if not isinstance(self.embedder, UnitEmbedder):
            raise EmbeddingError("this embedder has no vectors of parts of a text", cure="use embed_documents")
        return self.embedder.embed_units(texts, spans)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Call the embedder."""
        return self.embedder.count_tokens(texts)

    def token_offsets(self, text: str) -> list[tuple[int, int]]:
        """Call the embedder."""
        return self.embedder.token_offsets(text)

    def remembered(self, texts: Sequence[str]) -> NDArray[np.float32] | None:
        """Return the cached vectors (n, d) of queries; None if any of them is not cached. Never waits."""
        return self._remembered.find(texts)

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one unit row per query, float32 (n, d), in the order of the queries; see the embedder's."""
        known = self.remembered(texts)
        if known is not None:
            return known
        call = _Call(list(texts))
        leads = self._enter(call)
        if not leads:
            call.woken.wait()
            leads = call.leads
        if leads:
            self._lead()
        return call.result()

    async def aembed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Do as `embed_queries` without blocking the event loop."""
        import asyncio

        known = self.remembered(texts)
        if known is not None:
            return known
        call = _AwaitedCall(list(texts), asyncio.get_running_loop())
        if self._enter(call):
            self._thread.submit(self._lead)
        await call.future
        return call.result()

    def _enter(self, call: _Call) -> bool:
        """Queue a call; return whether its thread must run the next batch."""
        with self._lock:
            self._waiting.append(call)
            leads = not self._busy
            self._busy = True
        return leads

    def _lead(self) -> None:
        """Run one batch of the oldest calls, the leader's first, then let the next waiting call lead."""
        with self._lock:
            batch = [self._waiting.popleft()]
            size = len(batch[0].texts)
            while self._waiting and size + len(self._waiting[0].texts) <= self._max_texts:
                batch.append(self._waiting.popleft())
                size += len(batch[-1].texts)
        try:
            self._run(batch)
        finally:
            with self._lock:
                successor = self._waiting[0] if self._waiting else None
                self._busy = successor is not None
            try:
                if isinstance(successor, _AwaitedCall):
                    self._thread.submit(self._lead)
                elif successor is not None:
                    successor.leads = True
                    successor.woken.set()
            finally:
                _wake(batch)

    def _run(self, batch: list[_Call]) -> None:
        texts = [text for call in batch for text in call.texts]
        try:
            rows = check_vectors(
                self.embedder.embed_queries(texts), count=len(texts), dimension=self.fingerprint.dimension
            )
        except Exception as error:  # noqa: BLE001 - raised again in the thread of each call that it concerns
            if len(batch) == 1:
                batch[0].error = error
                return
            for call in batch:
                self._run([call])
            return
        except BaseException as error:  # Ctrl-C in the leader's thread must not leave the others waiting
            for call in batch:
                call.error = EmbeddingError(f"the batch was interrupted by {type(error).__name__}", cure="ask again")
            raise
        self._remembered.keep(texts, rows)
        start = 0
        for call in batch:
            call.rows = rows[start : start + len(call.texts)]
            start += len(call.texts)


def _wake(batch: Sequence[_Call]) -> None:
    """Wake the threads and event loops that wait for a batch, each loop once."""
    for call in batch:
        if not isinstance(call, _AwaitedCall):
            call.woken.set()
    report_to_loops(call for call in batch if isinstance(call, _AwaitedCall))
