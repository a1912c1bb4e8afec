"""A model's endpoint: its name in messages, and its SDK's errors as ChatError, without secrets."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from ragkit.errors import ChatError, ChatInterruptedError, ChatTimeoutError
from ragkit.text.cleaning import show

_KEY_LIKE = re.compile(r"\b(?:sk|key|bearer|token)[-_ ][\w*.\-]{4,}", re.IGNORECASE)
_TIMEOUTS: Final = frozenset({"APITimeoutError", "TimeoutException", "TimeoutError"})
_LOST: Final = frozenset({"APIConnectionError", "TransportError", "JSONDecodeError", "OSError"})
_AT_WORK: Final = frozenset(
    {"RemoteProtocolError", "ReadError", "WriteError", "ConnectionResetError", "BrokenPipeError"}
)
_TRY_AGAIN: Final = frozenset({408, 409, 429, 500, 502, 503, 504, 529})


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The endpoint's name in messages, and the secret that they must never contain.

    address: tells this endpoint and model from all others, for its circuit breaker.
    """

    label: str
    secret: str = ""
    address: str = ""

    @classmethod
    def of(cls, model: str, base_url: str, secret: str) -> Endpoint:
        """Return the endpoint of a model and host; user name and password of the address are left out."""
        host = urlsplit(base_url).hostname or "" if base_url else ""
        return cls(f"{model} at {host}" if host else model, secret, address=f"{model} {base_url}")

    def safe(self, text: str) -> str:
        """Return text of the endpoint as one short line, with everything that looks like a key masked."""
        if self.secret:
            text = text.replace(self.secret, "***")
        return _KEY_LIKE.sub("***", show(text, 300))


def names_of(error: BaseException) -> frozenset[str]:
    """Return the class names of an error and of its causes: SDKs wrap errors of their HTTP library."""
    chain: list[BaseException] = [error]
    while (cause := chain[-1].__cause__ or chain[-1].__context__) is not None and len(chain) < 8:
        chain.append(cause)
    return frozenset(kind.__name__ for item in chain for kind in type(item).__mro__)


def may_try_again(error: Exception) -> bool:
    """Return whether the same request may succeed: the connection failed, or the server reports that it is busy or
    failing.

    A timeout is not tried again: the server may be at work on the first request.
    """
    status = getattr(error, "status_code", None)
    if isinstance(status, int):
        return status in _TRY_AGAIN
    if isinstance(error, ChatError):
        return isinstance(error, ChatInterruptedError)
    names = names_of(error)
    return bool(names & (_LOST | _AT_WORK)) and not names & _TIMEOUTS


def is_endpoint_failure(error: ChatError, cause: Exception) -> bool:
    """Return whether an error means that the endpoint fails, and not that the request was wrong."""
    status = getattr(cause, "status_code", None)
    if isinstance(status, int):
        return status >= 500 or status == 408
    names = names_of(cause)
    return isinstance(error, ChatTimeoutError | ChatInterruptedError) or bool(names & (_LOST | _AT_WORK))


def chat_error(error: Exception, endpoint: Endpoint, *, seconds: float, began: bool) -> ChatError:
    """Return an SDK's error as a ChatError, without its request and headers.

    seconds: the deadline for the whole answer. began: something of the answer has come already.
    """
    if isinstance(error, ChatError):
        return error
    status = getattr(error, "status_code", None)
    names = names_of(error)
    if names & _TIMEOUTS:
        connecting = "ConnectTimeout" in names
        return unreachable(endpoint) if connecting else late(endpoint, f"finish its answer within {seconds:g} s")
    said = endpoint.safe(str(getattr(error, "message", "") or error))
    if status in {401, 403}:
        return ChatError(f"{endpoint.label} refused the key (HTTP {status})", cure="check the API key")
    if status == 404:
        return ChatError(f"{endpoint.label} is not known there (HTTP 404): {said}", cure="check model and base URL")
    if isinstance(status, int):
        return ChatError(f"{endpoint.label} answered HTTP {status}: {said}")
    if names & (_LOST if began else _AT_WORK):
        return interrupted(endpoint)
    if names & {"APIConnectionError", "ConnectError"}:
        return unreachable(endpoint)
    if names & {"TransportError", "JSONDecodeError", "OSError"}:
        return interrupted(endpoint)
    return ChatError(f"{endpoint.label} failed: {type(error).__name__}: {said}")


def interrupted(endpoint: Endpoint) -> ChatInterruptedError:
    """Return the error for a stream that ended without its end mark."""
    return ChatInterruptedError(
        f"the stream of {endpoint.label} ended before the answer was complete",
        cure="ask again; if it happens again, look whether the model server has stopped or run out of memory",
    )


def late(endpoint: Endpoint, what: str) -> ChatTimeoutError:
    """Return the error for a deadline that passed. what: the thing that did not happen, "finish … within 60 s"."""
    return ChatTimeoutError(f"{endpoint.label} did not {what}", cure="raise the deadline, or use a faster model")


def unreachable(endpoint: Endpoint) -> ChatError:
    """Return the error for a server that takes no connection."""
    return ChatError(f"{endpoint.label} cannot be reached", cure="check the base URL and that the server runs")
