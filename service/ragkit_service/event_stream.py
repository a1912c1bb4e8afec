"""Results as server-sent events: made in a thread, sent piece by piece, stopped when the client leaves."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Generator
from typing import Any, Final, Generic, TypeGuard, TypeVar

import anyio
from starlette.requests import ClientDisconnect, Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from ragkit import Answer, RagkitError, stopping_with
from ragkit_service.ending import Ending, ending_problem
from ragkit_service.errors import Problem, rule_for
from ragkit_service.json_response import dump
from ragkit_service.observing.records import note_answer, note_cut

Piece = TypeVar("Piece")
Last = TypeVar("Last")
ProblemOf = Callable[[Exception], Problem]

_AHEAD: Final = 64  # items that the thread may be ahead of the client
_POLL_SECONDS: Final = 0.5
KEEP_ALIVE: Final = b": keep-alive\n\n"


class ResultStream(Generic[Piece, Last]):
    """Runs a generator of pieces and a last item, the result, in a thread, and hands its items to the event loop.

    A generator stays on one thread from its start to its close, as database connections and HTTP streams require. After
    `cancel` it is closed at its next item, so an abandoned answer costs at most one more piece.
    """

    def __init__(
        self,
        produce: Callable[[], Generator[Piece | Last, None, None]],
        *,
        last: type[Last],
        limiter: anyio.CapacityLimiter,
        ending: Ending | None = None,
    ) -> None:
        """last: the type of the result. ending: of the service; when its time is over, the next item is the problem
        that says so."""
        self._last = last
        self._ending = ending
        self._produce = produce
        self._loop = asyncio.get_running_loop()
        self._items: asyncio.Queue[Piece | Last | Exception] = asyncio.Queue()
        self._room = threading.Semaphore(_AHEAD)
        self._cancelled = threading.Event()
        self._task = asyncio.create_task(anyio.to_thread.run_sync(self._work, limiter=limiter))

    def cancel(self) -> None:
        """Stop the work; does nothing when it has finished."""
        self._cancelled.set()

    def is_last(self, item: object) -> TypeGuard[Last]:
        """Whether an item is the result."""
        return isinstance(item, self._last)

    async def get(self, seconds: float) -> Piece | Last | Exception | None:
        """Return the next item, None if there is none in time. Nothing follows the result or an error."""
        end = time.monotonic() + seconds
        while True:
            if self._ending is not None and self._ending.is_over:
                self.cancel()
                return ending_problem()
            try:
                async with asyncio.timeout(min(max(end - time.monotonic(), 0.0), _POLL_SECONDS)):
                    item = await self._items.get()
            except TimeoutError:
                if time.monotonic() >= end:
                    return None
                continue
            self._room.release()
            return item

    def _work(self) -> None:
        if self._cancelled.is_set():
            return
        with stopping_with(self._cancelled):
            self._pass_on(self._produce())

    def _pass_on(self, items: Generator[Piece | Last, None, None]) -> None:
        try:
            for item in items:
                if isinstance(item, Answer):
                    note_answer(item)
                if not self._put(item) or self.is_last(item):
                    return
            self._put(RagkitError("the answer ended without its end"))
        except Exception as error:  # noqa: BLE001 - passed to the event loop, which reports it
            self._put(error)
        finally:
            items.close()

    def _put(self, item: Piece | Last | Exception) -> bool:
        """Pass an item on, waiting while the client is slow; False after a cancel."""
        while not self._room.acquire(timeout=_POLL_SECONDS):
            if self._cancelled.is_set():
                return False
        if self._cancelled.is_set():
            return False
        try:
            self._loop.call_soon_threadsafe(self._items.put_nowait, item)
        except RuntimeError:  # the loop is closed: the service has ended
            return False
        return True


class AnswerStream(ResultStream[str, Answer]):
    """A stream of an answer: pieces of its text, then the Answer."""

    def __init__(
        self,
        produce: Callable[[], Generator[str | Answer, None, None]],
        *,
        limiter: anyio.CapacityLimiter,
        ending: Ending | None = None,
    ) -> None:
        super().__init__(produce, last=Answer, limiter=limiter, ending=ending)


class EventStream(StreamingResponse):
    """The response of a streamed answer. Whenever it ends, it cancels the work behind it."""

    def __init__(self, stream: ResultStream[Any, Any], events: AsyncIterator[bytes]) -> None:
        super().__init__(events, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})
        self._stream = stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events; Starlette cancels this when the client leaves."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._stream.cancel()


async def first_item(stream: ResultStream[Piece, Last], request: Request, seconds: float) -> Piece | Last | None:
    """Return the first item of a stream, None if there is none in time.

    An error that comes first is raised, so that the response has the error's own status. Raises ClientDisconnect when
    the client leaves before; the work is then stopped.
    """
    end = time.monotonic() + seconds
    try:
        while (left := end - time.monotonic()) > 0:
            item = await stream.get(min(left, _POLL_SECONDS))
            if isinstance(item, Exception):
                raise item
            if item is not None:
                return item
            if await request.is_disconnected():
                raise ClientDisconnect
    except BaseException:
        stream.cancel()
        raise
    return None


async def all_items(
    stream: ResultStream[Piece, Last], first: Piece | Last | None, *, keep_alive: float
) -> AsyncIterator[Piece | Last | Exception | None]:
    """Yield the items of a stream up to its result or its error; None after each pause of `keep_alive` seconds."""
    item: Piece | Last | Exception | None = first
    yield item
    while not (isinstance(item, Exception) or stream.is_last(item)):
        item = await stream.get(keep_alive)
        if isinstance(item, Exception):
            note_cut(item.kind if isinstance(item, Problem) else rule_for(item).kind)
        yield item


async def stream_events(
    stream: ResultStream[Piece, Last],
    request: Request,
    *,
    encode: Callable[[Piece | Last], bytes],
    problem_of: ProblemOf,
    first_seconds: float,
    keep_alive: float,
) -> EventStream:
    """Return the streaming response. An error within `first_seconds` and before any item is raised instead, so that
    the response has its status. encode: returns the event of an item. problem_of: logs an error and returns
    the problem that the client may see, which is sent as the event `error`, the last one."""
    first = await first_item(stream, request, first_seconds)
    items = all_items(stream, first, keep_alive=keep_alive)
    return EventStream(stream, _events(items, encode=encode, problem_of=problem_of))


async def whole_result(stream: ResultStream[Piece, Last], request: Request) -> Last | None:
    """Return the result, or None when the client disconnected before; the work is then stopped."""
    checked = time.monotonic()
    try:
        while True:
            item = await stream.get(_POLL_SECONDS)
            if stream.is_last(item):
                return item
            if isinstance(item, Exception):
                raise item
            if time.monotonic() - checked >= _POLL_SECONDS:
                checked = time.monotonic()
                if await request.is_disconnected():
                    return None
    finally:
        stream.cancel()


async def _events(
    items: AsyncIterator[Piece | Last | Exception | None],
    *,
    encode: Callable[[Piece | Last], bytes],
    problem_of: ProblemOf,
) -> AsyncIterator[bytes]:
    async for item in items:
        if item is None:
            yield KEEP_ALIVE
        elif isinstance(item, Exception):
            yield event("error", problem_of(item).as_dict(instance="", request_id=""))
        else:
            yield encode(item)


def answer_event(item: str | Answer) -> bytes:
    """Return the event of a piece of text, `delta`, or of the whole answer, `answer`."""
    return event("answer", item.as_dict()) if isinstance(item, Answer) else event("delta", {"text": item})


def event(name: str, payload: object) -> bytes:
    """Return one event; JSON has no line breaks, so its data is one line."""
    return b"event: %s\ndata: %s\n\n" % (name.encode(), dump(payload))
