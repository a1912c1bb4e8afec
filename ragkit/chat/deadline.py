"""One deadline for a whole answer around any blocking stream, and SDK errors as ChatError, without secrets."""

from __future__ import annotations

import queue
import re
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from ragkit.chat.repetition import without_repetition
from ragkit.errors import ChatError, ChatInterruptedError, ChatTimeoutError
from ragkit.text.cleaning import show

_CHARACTERS_PER_TOKEN: Final = 64  # a server that sends more than this per allowed token ignores the limit
_KEY_LIKE = re.compile(r"\b(?:sk|key|bearer|token)[-_ ][\w*.\-]{4,}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The source of an answer, as messages name it, and the secret that must never be in them."""

    label: str
    secret: str = ""

    @classmethod
    def of(cls, model: str, base_url: str, secret: str) -> Endpoint:
        """Return the endpoint of a model and host; user name and password of the address are left out."""
        host = urlsplit(base_url).hostname or "" if base_url else ""
        return cls(f"{model} at {host}" if host else model, secret)

    def safe(self, text: str) -> str:
        """Return text of the endpoint as one short line, with everything that looks like a key masked."""
        if self.secret:
            text = text.replace(self.secret, "***")
        return _KEY_LIKE.sub("***", show(text, 300))


@dataclass(frozen=True, slots=True)
class _Failure:
    error: Exception


class _End:
    pass


_Pieces = queue.Queue[str | _Failure | _End]


def within_deadline(
    produce: Callable[[], Generator[str]], *, seconds: float, max_tokens: int, endpoint: Endpoint
) -> Iterator[str]:
    """Yield the pieces of a blocking producer, for at most `seconds` in total.

    The producer runs in a thread of its own, so that a server that sends a byte now and then, or none, cannot hold the
    caller. Raises ChatTimeoutError past the deadline, ChatError for any failure of the producer. An abandoned producer
    stops at its next piece or at its SDK's read timeout.
    """
    pieces: _Pieces = queue.Queue()
    stopped = threading.Event()
    end = time.monotonic() + seconds
    room = max_tokens * _CHARACTERS_PER_TOKEN + 4_096
    worker = threading.Thread(
        target=_work, args=(produce, pieces, stopped), name=f"ragkit {endpoint.label}", daemon=True
    )
    worker.start()
    began = False
    try:
        while True:
            piece = _next(pieces, end, endpoint, seconds, began=began)
            if piece is None:
                return
            began = True
            room -= len(piece)
            if room < 0:
                raise ChatError(f"{endpoint.label} sends far more than the {max_tokens:,} tokens asked for")
            if piece:
                yield piece
    finally:
        stopped.set()


def _work(produce: Callable[[], Generator[str]], pieces: _Pieces, stopped: threading.Event) -> None:
    try:
        with closing(without_repetition(produce())) as stream:
            for piece in stream:
                if stopped.is_set():
                    return
                pieces.put(piece)
        pieces.put(_End())
    except Exception as error:  # noqa: BLE001 - the edge of a thread: raised again in the caller
        pieces.put(_Failure(error))


def _next(pieces: _Pieces, end: float, endpoint: Endpoint, seconds: float, *, began: bool) -> str | None:
    """Return the next piece, None at the end of the answer. began: some text has come already."""
    left = end - time.monotonic()
    try:
        piece = pieces.get(timeout=max(0.0, left)) if left > 0 else None
    except queue.Empty:
        piece = None
    if piece is None:
        raise _late(endpoint, seconds)
    if isinstance(piece, _Failure):
        if _is_broken_off(piece.error, began=began):
            raise interrupted(endpoint) from None
        raise _ours(piece.error, endpoint, seconds) from None
    return None if isinstance(piece, _End) else piece


_LOST: Final = frozenset({"APIConnectionError", "TransportError", "JSONDecodeError", "OSError"})
_AT_WORK: Final = frozenset(
    {"RemoteProtocolError", "ReadError", "WriteError", "ConnectionResetError", "BrokenPipeError"}
)


def _is_broken_off(error: Exception, *, began: bool) -> bool:
    """Return whether a server that was reached went away: after text, or after it took the request."""
    chain: list[BaseException] = [error]
    while (cause := chain[-1].__cause__ or chain[-1].__context__) is not None and len(chain) < 8:
        chain.append(cause)
    names = {kind.__name__ for item in chain for kind in type(item).__mro__}
    if names & {"APITimeoutError", "TimeoutException", "TimeoutError"}:
        return False
    if isinstance(error, ChatError) or getattr(error, "status_code", None) is not None:
        return False
    return bool(names & _LOST if began else names & _AT_WORK)


def _late(endpoint: Endpoint, seconds: float) -> ChatTimeoutError:
    return ChatTimeoutError(
        f"{endpoint.label} did not finish its answer within {seconds:g} s",
        cure="raise the deadline, or use a faster model",
    )


def _ours(error: Exception, endpoint: Endpoint, seconds: float) -> ChatError:
    """Return an SDK's error as a ChatError, without its request and headers."""
    if isinstance(error, ChatError):
        return error
    names = {kind.__name__ for kind in type(error).__mro__}
    status = getattr(error, "status_code", None)
    said = endpoint.safe(str(getattr(error, "message", "") or error))
    if names & {"APITimeoutError", "TimeoutException", "TimeoutError"}:
        return _late(endpoint, seconds)
    if status in {401, 403}:
        return ChatError(f"{endpoint.label} refused the key (HTTP {status})", cure="check the API key")
    if status == 404:
        return ChatError(f"{endpoint.label} is not known there (HTTP 404): {said}", cure="check model and base URL")
    if isinstance(status, int):
        return ChatError(f"{endpoint.label} answered HTTP {status}: {said}")
    if names & {"APIConnectionError", "ConnectError"}:
        return ChatError(f"{endpoint.label} cannot be reached", cure="check the base URL and that the server runs")
    if names & {"TransportError", "RemoteProtocolError", "ReadError", "JSONDecodeError", "OSError"}:
        return interrupted(endpoint)
    return ChatError(f"{endpoint.label} failed: {type(error).__name__}: {said}")


def interrupted(endpoint: Endpoint) -> ChatInterruptedError:
    """Return the error for a stream that ended without its end mark."""
    return ChatInterruptedError(
        f"the stream of {endpoint.label} ended before the answer was complete",
        cure="ask again; if it happens again, look whether the model server has stopped or run out of memory",
    )
