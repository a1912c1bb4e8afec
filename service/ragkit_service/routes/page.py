"""The page for asking questions in a browser; it loads files of this package only."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

router = APIRouter(include_in_schema=False)

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


PAGES: Final = ("/", "/docs", "/static/app.js", "/static/document.js", "/static/style.css", "/static/icon.svg")
"""The paths of this service that are for people, and in no OpenAPI document."""
PAGE_HEADERS: Final = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-cache"}
"""Headers of every page for people."""


@router.get("/")
async def index() -> Response:
    """Return the page."""
    return _file("index.html", "text/html")


@router.get("/static/app.js")
async def script() -> Response:
    """Return the page's script."""
    return _file("app.js", "text/javascript")


@router.get("/static/document.js")
async def document_script() -> Response:
    """Return the script that marks a quote in a document."""
    return _file("document.js", "text/javascript")


@router.get("/static/style.css")
async def style() -> Response:
    """Return the page's style."""
    return _file("style.css", "text/css")


@router.get("/static/icon.svg")
async def icon() -> Response:
    """Return the page's icon."""
    return _file("icon.svg", "image/svg+xml")


def _file(name: str, media_type: str) -> Response:
    return Response(_content(name), media_type=media_type, headers=PAGE_HEADERS)


@cache
def _content(name: str) -> bytes:
    return files("ragkit_service").joinpath("static", name).read_bytes()
