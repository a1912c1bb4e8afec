"""Forwarded headers: trusted from the proxies that the operator names, and from nobody else."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, Request

from ragkit_service import ServiceSettings
from ragkit_service.server import server_config

FORWARDED = [(b"x-forwarded-for", b"203.0.113.9"), (b"x-forwarded-proto", b"https"), (b"host", b"rag.example.org")]


def told(settings: ServiceSettings, peer: str) -> tuple[str, str]:
    """Return the client address and the scheme that the routes see of a forwarded request from a peer."""
    app, seen = FastAPI(), []

    @app.get("/")
    def look(request: Request) -> None:
        seen.append((request.client.host if request.client else "", request.url.scheme))

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_: Any) -> None:
        pass

    scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "path": "/"}
    config = server_config(settings, app)
    config.log_config = None
    config.load()
    rest = {"raw_path": b"/", "query_string": b"", "scheme": "http", "server": ("127.0.0.1", 8000), "root_path": ""}
    asyncio.run(config.loaded_app({**scope, **rest, "headers": FORWARDED, "client": (peer, 5)}, receive, send))
    return seen[0]


@pytest.mark.parametrize(
    ("trusted", "peer", "sees"),
    [
        ((), "127.0.0.1", ("127.0.0.1", "http")),
        (("10.1.0.4",), "10.1.0.4", ("203.0.113.9", "https")),
        (("10.1.0.4",), "10.1.0.5", ("10.1.0.5", "http")),
        (("10.1.0.0/16",), "10.1.0.5", ("203.0.113.9", "https")),
        (("10.1.0.0/16",), "127.0.0.1", ("127.0.0.1", "http")),
    ],
)
def test_only_a_trusted_peer_speaks_for_others(
    tmp_path: Path, trusted: tuple[str, ...], peer: str, sees: tuple[str, str]
) -> None:
    assert told(ServiceSettings(data=tmp_path, trusted_proxies=trusted), peer) == sees
