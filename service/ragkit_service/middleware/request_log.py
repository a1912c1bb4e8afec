"""The outermost middleware: request id, security headers, a record of each request, no traceback in a response."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ragkit import show
from ragkit_service.errors import Problem, Redactor, problem_response, rule_for
from ragkit_service.observing.records import RequestNotes, RequestRecord, route_of, start_notes
from ragkit_service.observing.request_ids import request_id_of, trace_id_of

logger = logging.getLogger(__name__)

OPEN_PATH: Final = "/healthz"
"""The one path that needs no key and is answered even if the service is busy."""

CLIENT_LEFT: Final = 499
"""The status in the log of a request whose client disconnected before its end (as in nginx)."""

HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Headers of every response that has not set them itself."""


class Observe:
    """ASGI middleware, the outermost of ours: each request that has ended is given to the observers as a record."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        redactor: Redactor,
        limit: int,
        observers: Sequence[Callable[[RequestRecord], None]],
        prefix: str = "",
    ) -> None:
        """limit: concurrent requests. prefix: the path under which a proxy publishes the service; it is removed from
        the path, and kept for addresses."""
        self.app = app
        self._prefix = prefix
        self._redactor = redactor
        self._limit = limit
        self._observers = observers
        self._active = 0

    def _plain(self, scope: Scope, send: Send) -> tuple[Scope, Send]:
        """Return a request without the proxy's prefix, and as GET where it is HEAD."""
        plain = {**scope, "prefix": self._prefix}
        if self._prefix and f"{scope['path']}/".startswith(f"{self._prefix}/"):
            plain["path"] = scope["path"][len(self._prefix) :]
        if scope["method"] != "HEAD":
            return plain, send
        return {**plain, "method": "GET"}, _without_body(send)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Give the request an id, pass it on if there is capacity, and record its result."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = scope["request_id"] = request_id_of(scope["headers"])
        notes = start_notes()
        started = time.perf_counter()
        status = 0
        method = scope["method"]
        scope, send = self._plain(scope, send)

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers["X-Request-ID"] = request_id
            await send(message)

        self._active += 1
        try:
            if self._active > self._limit and scope["path"] != OPEN_PATH:
                raise _crowded()
            # The links of the page are relative: the prefix alone leads to the page's own address.
            app = self.app if scope["path"] else Response(status_code=308, headers={"Location": f"{self._prefix}/"})
            await app(scope, receive, send_with_headers)
        except ClientDisconnect:
            status = status or CLIENT_LEFT
        except Exception as error:
            log_failure(error, request_id)
            if status:
                raise  # the head is sent: only a broken connection can report the error
            problem = self._redactor.problem(error)
            response = problem_response(problem, instance=scope["path"], request_id=request_id)
            await response(scope, receive, send_with_headers)
        finally:
            self._active -= 1
            record = _record({**scope, "method": method}, notes, status=status, seconds=time.perf_counter() - started)
            for observe in self._observers:
                observe(record)


def _record(scope: Scope, notes: RequestNotes, *, status: int, seconds: float) -> RequestRecord:
    route, action = route_of(scope)
    return RequestRecord(
        method=scope["method"],
        path=show(scope["path"], 200),
        route=route,
        action=action,
        status=status,
        seconds=seconds,
        request_id=scope["request_id"],
        trace_id=trace_id_of(scope["headers"]),
        client=show(scope["client"][0], 60) if scope.get("client") else "",
        key_id=scope.get("key_id") or "",
        notes=notes,
    )


def _without_body(send: Send) -> Send:
    """Return a send without bodies: the response to HEAD has only the headers of GET."""
    ended = False

    async def headers_only(message: Message) -> None:
        nonlocal ended
        if message["type"] == "http.response.start":
            await send(message)
        elif not ended:
            ended = True
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    return headers_only


def _crowded() -> Problem:
    return Problem(
        503,
        "busy",
        "Too many requests at once",
        "the service is at work on as many requests as it takes at once",
        cure="send the request again a little later",
        retry_after=1,
    )


def log_failure(error: Exception, request_id: str) -> None:
    """Log the internal details of an error: a line for a RagkitError, the traceback for a bug."""
    if isinstance(error, Problem):
        return
    rule = rule_for(error)
    if rule.kind == "internal":
        logger.error("request %s failed", request_id, exc_info=error)
    elif rule.detail:
        logger.warning("request %s: %s: %s", request_id, type(error).__name__, show(str(error), 1000))
