"""Four deadlines around any stream of a model's endpoint, and a retry before its first sign of an answer.

The stream runs as a task on an event loop of ragkit's own. Whenever its reader stops, by an error, a deadline or
because nobody wants the answer any more, the task is cancelled and the connection to the endpoint closes at once.
"""

from __future__ import annotations

import queue
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Final

from ragkit.chat.breaker import breaker_of
from ragkit.chat.endpoint import Endpoint, chat_error, is_endpoint_failure, late, may_try_again
from ragkit.chat.repetition import without_repetition
from ragkit.concurrency.background_loop import BackgroundLoop
from ragkit.concurrency.stopping import is_stopped
from ragkit.errors import ChatError
from ragkit.settings import ChatSettings

LOOP: Final = BackgroundLoop("ragkit-chat")
"""Where the clients of all endpoints run; an SDK's client belongs to one loop."""

_CHARACTERS_PER_TOKEN: Final = 64  # a server that sends more than this per allowed token ignores the limit
_POLL_SECONDS: Final = 0.1
_PAUSES: Final = (0.2, 0.8)
"""Seconds before each retry; their number is the number of retries."""

Produce = Callable[[], AsyncGenerator[str]]
"""Opens a stream and yields its pieces: "" for a sign of life without text, such as reasoning in a field of its own."""


@dataclass(frozen=True, slots=True)
class _Failure:
    error: ChatError


class _End:
    pass


_Pieces = queue.SimpleQueue[str | _Failure | _End]


def within_deadline(produce: Produce, settings: ChatSettings, *, endpoint: Endpoint) -> Iterator[str]:
    """Yield the pieces of a stream as they come, within the deadlines of the settings.

    Raises ChatTimeoutError past a deadline, ChatUnavailableError while the endpoint's circuit breaker is open,
    ChatInterruptedError for a stream that was cut, ChatError for any other failure.
    """
    return without_repetition(_pieces(produce, settings, endpoint))


def _pieces(produce: Produce, settings: ChatSettings, endpoint: Endpoint) -> Generator[str]:
    breaker_of(endpoint.address, label=endpoint.label).admit()
    pieces: _Pieces = queue.SimpleQueue()
    task = LOOP.submit(_work(produce, pieces, settings, endpoint))
    room = settings.max_tokens * _CHARACTERS_PER_TOKEN + 4_096
    try:
        while not isinstance(piece := _next(pieces, endpoint), _End):
            room -= len(piece)
            if room < 0:
                raise ChatError(f"{endpoint.label} sends far more than the {settings.max_tokens:,} tokens asked for")
            yield piece
    finally:
        task.cancel()


def _next(pieces: _Pieces, endpoint: Endpoint) -> str | _End:
    """Return the next piece; raise its error, or a ChatError when the caller has cancelled."""
    while True:
        try:
            piece = pieces.get(timeout=_POLL_SECONDS)
        except queue.Empty:
            if is_stopped():
                raise ChatError(f"the answer of {endpoint.label} was given up") from None
            continue
        if isinstance(piece, _Failure):
            raise piece.error
        return piece


async def _work(produce: Produce, pieces: _Pieces, settings: ChatSettings, endpoint: Endpoint) -> None:
    """Put the pieces of a stream into the queue, then its end or its error; try again before the first piece."""
    import asyncio

    breaker = breaker_of(endpoint.address, label=endpoint.label)
    began = False
    try:
        async with asyncio.timeout(settings.deadline) as whole:
            for pause in (*_PAUSES, None):
                try:
                    async for piece in _timed(produce, settings, endpoint):
                        if not began:
                            began = True
                            breaker.succeeded()
                        if piece:
                            pieces.put(piece)
                    pieces.put(_End())
                    return
                except Exception as error:
                    if began or pause is None or whole.expired() or not may_try_again(error):
                        raise
                await asyncio.sleep(pause)
    except Exception as error:  # noqa: BLE001 - the edge of a task: raised again in the reader
        failure = chat_error(error, endpoint, seconds=settings.deadline, began=began)
        if is_endpoint_failure(failure, error):
            breaker.failed()
        pieces.put(_Failure(failure))


async def _timed(produce: Produce, settings: ChatSettings, endpoint: Endpoint) -> AsyncGenerator[str]:
    """Yield the pieces of one try; ChatTimeoutError when the first one, or the next one, is late."""
    import asyncio
    from contextlib import aclosing

    seconds, what = settings.first_deadline, "begin its answer"
    async with aclosing(produce()) as stream:
        while True:
            limit = seconds if seconds < settings.deadline else None
            try:
                async with asyncio.timeout(limit) as scope:
                    piece = await anext(stream)
            except StopAsyncIteration:
                return
            except TimeoutError as error:
                if scope.expired():
                    raise late(endpoint, f"{what} within {seconds:g} s") from error
                raise
            yield piece
            seconds, what = settings.gap_deadline, "go on with its answer"
