"""Limits of size and time for request bodies: bytes are counted as they arrive, whatever the headers say."""

from __future__ import annotations

import asyncio
import re
import time
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ragkit import show
from ragkit_service.errors import Problem, problem_response
from ragkit_service.settings import Limits

_NO_POST = re.compile(
    r"/(healthz|readyz|version|docs|metrics)?|/v1/jobs(/[^/]+(/events)?)?"
    r"|/v1/collections/[^/]+(/history|/chains|/traces(/[^/]+)?|/feedback/questions|/documents/[^/]+(/pages/[^/]+(/image)?)?)?"
    r"|/v1/models(/.*)?|/v1/files/[^/]+(/content)?|/v1/vector_stores/[^/]+(/files/[^/]+(/content)?|/file_batches/[^/]+(/files)?)?"
    r"|/process"
)
"""Paths without a POST route: they answer with 405, whatever the body is."""
_MULTIPART: Final = b"multipart/form-data"
_JSON: Final = b"application/json"
_UPLOAD_PATH = re.compile(r"/v1/collections/[^/]+/documents/?")
_FILES_PATH: Final = "/v1/files"
_RAW_PATH: Final = "/process"


class BodyLimit:
    """ASGI middleware: read a small body whole before the routes see it, and measure the body of an upload.

    The answer is 413 as soon as one byte too many has arrived, 408 when the body is late, and 415 when it is neither
    JSON nor the multipart of an upload. The requirement of a content type that no HTML form can send is also what keeps
    other sites' forms out. The rest of a refused body is left to the server protocol, which reads it for a moment.
    """

    def __init__(self, app: ASGIApp, *, limits: Limits) -> None:
        self.app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with its body, or answer it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            _check_type(scope)
            limit = _streamed_limit(scope, self._limits)
            if limit:
                meter = Meter(receive, limit=limit, limits=self._limits)
                _check_length(scope, limit)
                await self.app(scope, meter.receive, send)
                return
            _check_length(scope, self._limits.json_bytes)
            body = await self._read(receive)
        except Problem as problem:
            response = problem_response(problem, instance=scope["path"], request_id=scope.get("request_id", ""))
            await response(scope, receive, send)
            return
        if body is not None:
            await self.app(scope, _replay(body, receive), send)

    async def _read(self, receive: Receive) -> bytes | None:
        """Return the whole body; None if the client has disconnected."""
        meter = Meter(receive, limit=self._limits.json_bytes, limits=self._limits, rate=0)
        parts: list[bytes] = []
        while True:
            message = await meter.receive()
            if message["type"] != "http.request":
                return None
            parts.append(message.get("body", b""))
            if not message.get("more_body", False):
                return b"".join(parts)


class Meter:
    """Counts the bytes of one body and their rate. rate: bytes a second that extend the deadline, 0 for none."""

    def __init__(self, receive: Receive, *, limit: int, limits: Limits, rate: int | None = None) -> None:
        self._receive = receive
        self._limit = limit
        self._started = time.monotonic()
        self._seconds = limits.body_seconds
        self._rate = limits.upload_rate if rate is None else rate
        self._count = 0
        self._complete = False

    async def receive(self) -> Message:
        """Receive the next part; raises a Problem with 408 or 413."""
        if self._complete:
            return await self._receive()
        extra = self._count / self._rate if self._rate else 0.0
        remaining = self._started + self._seconds + extra - time.monotonic()
        try:
            async with asyncio.timeout(max(remaining, 0.0)):
                message = await self._receive()
        except TimeoutError:
            raise Problem(
                408,
                "too-slow",
                "The request took too long to arrive",
                f"the body had not arrived after {self._seconds + extra:.0f} s",
                cure="send it faster, or in smaller parts",
            ) from None
        if message["type"] == "http.request":
            self._count += len(message.get("body", b""))
            self._complete = not message.get("more_body", False)
            if self._count > self._limit:
                raise too_large(self._limit)
        return message


def too_large(limit: int, what: str = "the request body") -> Problem:
    """Return the 413 that names the limit."""
    return Problem(
        413,
        "too-large",
        "Too large",
        f"{what} is over {limit:,} bytes",
        cure=f"send at most {limit:,} bytes",
    )


def is_upload(scope: Scope) -> bool:
    """True for a request with files: multipart, to one of the routes that take them."""
    return (takes_files(scope) and _media_type(scope) == _MULTIPART) or takes_one_file(scope)


def takes_files(scope: Scope) -> bool:
    """True for the one route that takes files; it takes JSON documents too."""
    return scope["method"] == "POST" and _UPLOAD_PATH.fullmatch(scope["path"]) is not None


def takes_one_file(scope: Scope) -> bool:
    """True for the route of OpenAI's API that takes a file: multipart, and nothing else."""
    return bool(scope["method"] == "POST" and scope["path"] == _FILES_PATH)


def is_raw_file(scope: Scope) -> bool:
    """True for the route whose body is the raw file; no HTML form can send PUT."""
    return bool(scope["method"] == "PUT" and scope["path"] == _RAW_PATH)


def _streamed_limit(scope: Scope, limits: Limits) -> int:
    """Return the largest body of a route that reads it as it arrives; 0 for routes that receive it whole."""
    if is_upload(scope):
        return limits.upload_total + limits.json_bytes  # room for the multipart headers and fields
    return limits.upload_bytes if is_raw_file(scope) else 0


def _media_type(scope: Scope) -> bytes:
    return (_header(scope, b"content-type") or b"").partition(b";")[0].strip().lower()


def _header(scope: Scope, wanted: bytes) -> bytes | None:
    return next((value for name, value in scope["headers"] if name == wanted), None)


def _check_type(scope: Scope) -> None:
    raw = is_raw_file(scope)
    if not raw and (scope["method"] != "POST" or _NO_POST.fullmatch(scope["path"])):
        return
    encoding = (_header(scope, b"content-encoding") or b"identity").strip().lower()
    if encoding != b"identity":
        raise Problem(
            415,
            "encoding",
            "Compressed bodies are not taken",
            f"the body is encoded as {show(encoding.decode('latin-1'), 40)}",
            cure="send it uncompressed, without the header Content-Encoding",
            headers={"Accept-Encoding": "identity"},
        )
    if raw:
        return
    wanted = [_MULTIPART] if takes_one_file(scope) else [_MULTIPART, _JSON] if takes_files(scope) else [_JSON]
    has_body = _header(scope, b"content-type") is not None or _has_body(scope)
    if not has_body and scope["path"].endswith("/cancel"):
        return  # a cancellation has no body
    if _media_type(scope) not in wanted:
        names = " or ".join(item.decode() for item in wanted)
        raise Problem(
            415,
            "media-type",
            "Wrong content type",
            f"this route takes {names}",
            cure=f"send the header `Content-Type: {wanted[0].decode()}`",
        )


def _has_body(scope: Scope) -> bool:
    length = _header(scope, b"content-length")
    return (length is not None and length.strip() != b"0") or _header(scope, b"transfer-encoding") is not None


def _check_length(scope: Scope, limit: int) -> None:
    length = _header(scope, b"content-length")
    if length is not None and length.isdigit() and int(length[:20]) > limit:
        raise too_large(limit)


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return a receive that gives the body once, then further messages (the disconnect of the client)."""
    sent = False

    async def replayed() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed
