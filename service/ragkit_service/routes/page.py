"""The page for people: it loads files of this package only."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Final

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.responses import Response

router = APIRouter(include_in_schema=False)

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PAGES: Final = ("/", "/docs", "/favicon.ico", "/static/{name}", "/static/js/{name}")
"""The paths of this service that are for people, and in no OpenAPI document; {name} stands for a part of a path."""
PAGE_HEADERS: Final = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-cache"}
"""Headers of every page for people."""
_TYPES: Final = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


@router.get("/")
async def index() -> Response:
    """Return the page."""
    return _file("index.html", "text/html")


@router.get("/favicon.ico")
async def icon() -> Response:
    """Return the icon of the page: browsers ask for it here beside replies that name none, such as JSON."""
    return _file("icon.svg", _TYPES[".svg"])


@router.get("/static/{name:path}")
async def static_file(name: str) -> Response:
    """Return one of the page's files; only names of the package's files are accepted, so no other path can be read."""
    media_type = _names().get(name)
    if media_type is None:
        raise HTTPException(404, "there is no such file")
    return _file(name, media_type)


def _file(name: str, media_type: str) -> Response:
    return Response(_content(name), media_type=media_type, headers=PAGE_HEADERS)


@cache
def _names() -> dict[str, str]:
    """Return the files that the page may load, with their media types."""
    root = files("ragkit_service").joinpath("static")
    found = {item.name: item for item in root.iterdir()}
    found |= {f"js/{item.name}": item for item in root.joinpath("js").iterdir()}
    return {name: kind for name in found for ending, kind in _TYPES.items() if name.endswith(ending)}


@cache
def _content(name: str) -> bytes:
    return files("ragkit_service").joinpath("static", *name.split("/")).read_bytes()
