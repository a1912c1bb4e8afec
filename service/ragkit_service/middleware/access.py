"""Access control by Host name, origin and key, before a request is read.

The Host check stops DNS rebinding (a foreign name that resolves to this machine); the origin check stops other
sites' pages from posting to a service on the user's own machine.
"""

from __future__ import annotations

import ipaddress
import math
import re
import socket
import time
from dataclasses import replace
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from ragkit_service.error_formats import format_of
from ragkit_service.errors import Problem, problem_response
from ragkit_service.middleware.request_log import OPEN_PATH
from ragkit_service.security.access import Access
from ragkit_service.security.keyring import Identified, Keyring, presented_keys
from ragkit_service.security.rate_limit import RateLimits
from ragkit_service.security.signed_labels import HEADER, narrowed, read_labels
from ragkit_service.settings import ServiceSettings

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
NOTHING: Final = Access(scopes=frozenset(), collections=(), labels=())
"""The rights of a request to the one path that needs no key."""
_PORT = re.compile(r":\d{1,5}$")
_HOST = re.compile(r"(?:\[(?P<six>[0-9a-f:.]+)\]|(?P<name>[a-z0-9_.-]+))(?::\d{1,5})?", re.IGNORECASE)


class Guard:
    """ASGI middleware: pass a request on, or answer it with 400, 401, 403 or 421."""

    def __init__(self, app: ASGIApp, *, settings: ServiceSettings, keyring: Keyring) -> None:
        self.app = app
        self._keyring = keyring
        self._rates = RateLimits()
        self._rate = settings.limits.rate
        self._origins = frozenset(settings.cors_origins)
        self._names = {"localhost", settings.host.lower(), *settings.allowed_hosts}
        self._any_address = not settings.is_loopback
        self._any_name = "*" in settings.allowed_hosts
        if settings.is_wildcard:
            self._names |= {socket.gethostname().lower(), socket.getfqdn().lower()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check one request; connections other than HTTP and the lifespan are refused."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        problem = self.refusal(scope)
        if problem is None:
            await self.app(scope, receive, send)
            return
        response = problem_response(problem, instance=scope["path"], request_id=scope.get("request_id", ""))
        await response(scope, receive, send)

    def refusal(self, scope: Scope) -> Problem | None:
        """Return why a request may not pass, or None."""
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        named = {name: value for name, value in headers if name in {b"host", b"origin", b"sec-fetch-site"}}
        host = named.get(b"host", b"").decode("latin-1").lower()
        if not self._knows(host):
            return Problem(
                421,
                "host",
                "Not a host of this service",
                "the Host header names no host of this service",
                cure="use the address that the service listens on, or set RAGKIT_ALLOWED_HOSTS on the server",
            )
        if scope["method"] not in _SAFE_METHODS and not self._allows(named) and _is_foreign(named, host):
            return Problem(
                403,
                "cross-site",
                "Another site's page may not do this",
                "the request comes from a page of another origin",
                cure="send it from the service's own page or from a program, or allow the origin: RAGKIT_CORS_ORIGINS",
            )
        if scope["path"] == OPEN_PATH:
            scope["access"] = NOTHING
            return None
        key = self._keyring.identify(headers)
        if key is None or key.expired:
            return _unauthorised(headers, scope["path"], expired=key is not None)
        scope["key_id"] = key.access.key_id
        try:
            scope["access"] = _labelled(key, headers)
        except Problem as problem:
            return problem
        rate = key.rate or self._rate
        sender = key.access.key_id or (scope["client"][0] if scope.get("client") else "")
        seconds = self._rates.wait(sender, rate) if rate else 0.0
        return _too_fast(rate, seconds) if seconds else None

    def _allows(self, named: dict[bytes, bytes]) -> bool:
        """True when the operator allows the pages of the request's origin."""
        return named.get(b"origin", b"").decode("latin-1").lower() in self._origins

    def _knows(self, host: str) -> bool:
        """True for a Host that is allowed. A literal address cannot be rebound by DNS, so any is allowed if others
        may reach the service; on loopback only its own addresses are."""
        match = _HOST.fullmatch(host)
        if match is None:
            return False
        name = (match["six"] or match["name"]).rstrip(".")
        if self._any_name or name in self._names:
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return self._any_address or address.is_loopback


def _is_foreign(named: dict[bytes, bytes], host: str) -> bool:
    """True when a browser reports that a page of another origin sent this (Fetch Metadata, else Origin against Host).

    A proxy may leave the port out of the Host that it forwards (nginx's `$host`): then names alone are compared. The
    other side has a port in each header, so another port of this machine is still another origin.
    """
    if named.get(b"sec-fetch-site", b"same-origin").strip().lower() not in {b"same-origin", b"none"}:
        return True
    origin = named.get(b"origin")
    if origin is None:
        return False
    sender = origin.decode("latin-1").lower().partition("://")[2]
    return sender != host and not (_PORT.sub("", host) == host and _PORT.sub("", sender) == host)


def _labelled(key: Identified, headers: list[tuple[bytes, bytes]]) -> Access:
    """Return the rights of a key, narrowed to the labels of a signed header where the request has one."""
    values = [value for name, value in headers if name == HEADER.lower().encode()]
    if not values:
        return key.access
    if len(values) > 1 or not key.digest:
        raise Problem(
            401,
            "labels",
            "The access labels are not valid",
            f"the header {HEADER} needs a key that signs it, and may be sent once",
            cure="send a key, or leave the header out",
        )
    labels = read_labels(values[0].decode("latin-1"), digest=key.digest, now=time.time())
    return replace(key.access, labels=narrowed(key.access.labels, labels))


def _too_fast(rate: int, seconds: float) -> Problem:
    return Problem(
        429,
        "rate",
        "Too many requests",
        f"{rate:,} requests a minute are allowed",
        cure="send the request again after the time in Retry-After",
        retry_after=math.ceil(seconds),
    )


def _unauthorised(headers: list[tuple[bytes, bytes]], path: str, *, expired: bool) -> Problem:
    """Return the 401; a browser that opens the page is asked for a password, so that the page works with a key too.

    Dify tells a key that is not there, or not in its form, from a wrong one.
    """
    unformed = format_of(path) == "dify" and not presented_keys(headers)
    accept = b",".join(value for name, value in headers if name == b"accept")
    challenge = 'Basic realm="ragkit: the key as password", charset="UTF-8"' if b"text/html" in accept else "Bearer"
    return Problem(
        401,
        "key-format" if unformed else "key",
        "A key is needed",
        "the key has expired" if expired else "the request carries no key that this service knows",
        cure="send the header `Authorization: Bearer KEY` or `X-API-Key: KEY`",
        headers={"WWW-Authenticate": challenge},
    )
