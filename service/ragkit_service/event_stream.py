"""Answers as server-sent events: made in a thread, sent as they arrive, stopped when the client leaves."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Generator
from typing import Final

import anyio
from starlette.requests import ClientDisconnect, Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from ragkit import Answer, RagkitError, stopping_with
from ragkit_service.ending import Ending, ending_problem
from ragkit_service.errors import Problem
from ragkit_service.json_response import dump
from ragkit_service.observing.records import note_answer

Produce = Callable[[], Generator[str | Answer, None, None]]
Tell = Callable[[Exception], Problem]

_AHEAD: Final = 64  # items that the thread may be ahead of the client
_POLL_SECONDS: Final = 0.5
KEEP_ALIVE: Final = b": keep-alive\n\n"


class AnswerStream:
    """Runs a generator of text pieces and a last Answer in a thread, and hands its items to the event loop.

    A generator stays on one thread from its start to its close, as database connections and HTTP streams require. After
    `cancel` it is closed at its next item, so an abandoned answer costs at most one more piece.
    """

    def __init__(self, produce: Produce, *, limiter: anyio.CapacityLimiter, ending: Ending | None = None) -> None:
        """ending: of the service; when its time is over, the next item is the problem that says so."""
        self._ending = ending
        self._produce = produce
        self._loop = asyncio.get_running_loop()
        self._items: asyncio.Queue[str | Answer | Exception] = asyncio.Queue()
        self._room = threading.Semaphore(_AHEAD)
        self._cancelled = threading.Event()
        self._task = asyncio.create_task(anyio.to_thread.run_sync(self._work, limiter=limiter))

    def cancel(self) -> None:
        """Stop the work; harmless when it is done."""
        self._cancelled.set()

    async def get(self, seconds: float) -> str | Answer | Exception | None:
        """Return the next item, None if there is none in time. Nothing follows an Answer or an error."""
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

    def _pass_on(self, items: Generator[str | Answer, None, None]) -> None:
        try:
            for item in items:
                if isinstance(item, Answer):
                    note_answer(item)
                if not self._put(item) or isinstance(item, Answer):
                    return
            self._put(RagkitError("the answer ended without its end"))
        except Exception as error:  # noqa: BLE001 - passed to the event loop, which reports it
            self._put(error)
        finally:
            items.close()

    def _put(self, item: str | Answer | Exception) -> bool:
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


class EventStream(StreamingResponse):
    """The response of a streamed answer. Whenever it ends, it cancels the work behind it."""

    def __init__(self, stream: AnswerStream, events: AsyncIterator[bytes]) -> None:
        super().__init__(events, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})
        self._stream = stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events; Starlette cancels this when the client leaves."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._stream.cancel()


async def first_item(stream: AnswerStream, request: Request, seconds: float) -> str | Answer | None:
    """Return the first item of an answer, None if there is none in time.

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
    stream: AnswerStream, first: str | Answer | None, *, keep_alive: float
) -> AsyncIterator[str | Answer | Exception | None]:
    """Yield the items of an answer up to its Answer or its error; None after each pause of `keep_alive` seconds."""
    item: str | Answer | Exception | None = first
    yield item
    while not isinstance(item, Answer | Exception):
        item = await stream.get(keep_alive)
        yield item


async def stream_answer(
    stream: AnswerStream, request: Request, *, tell: Tell, first_seconds: float, keep_alive: float
) -> EventStream:
    """Return the streaming response. An error that comes within `first_seconds` and before any text is raised
    instead, so that it has a status of its own. tell: logs an error and returns the problem that the client may see."""
    first = await first_item(stream, request, first_seconds)
    return EventStream(stream, _events(all_items(stream, first, keep_alive=keep_alive), tell=tell))


async def whole_answer(stream: AnswerStream, request: Request) -> Answer | None:
    """Return the Answer, or None when the client left before it was there; the work is then stopped."""
    checked = time.monotonic()
    try:
        while True:
            item = await stream.get(_POLL_SECONDS)
            if isinstance(item, Answer):
                return item
            if isinstance(item, Exception):
                raise item
            if time.monotonic() - checked >= _POLL_SECONDS:
                checked = time.monotonic()
                if await request.is_disconnected():
                    return None
    finally:
        stream.cancel()


async def _events(items: AsyncIterator[str | Answer | Exception | None], *, tell: Tell) -> AsyncIterator[bytes]:
    """Yield `delta` events, then `answer`; or `error` in its place, never both."""
    async for item in items:
        if item is None:
            yield KEEP_ALIVE
        elif isinstance(item, str):
            yield event("delta", {"text": item})
        elif isinstance(item, Answer):
            yield event("answer", item.as_dict())
        else:
            yield event("error", tell(item).as_dict(instance="", request_id=""))


def event(name: str, payload: object) -> bytes:
    """Return one event; JSON has no line breaks, so its data is one line."""
    return b"event: %s\ndata: %s\n\n" % (name.encode(), dump(payload))
