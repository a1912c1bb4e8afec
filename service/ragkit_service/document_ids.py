"""Ids and addresses of documents: a source as one URL-safe segment that no client and no proxy changes."""

from __future__ import annotations

import base64
import binascii
from typing import Final

from starlette.requests import Request

from ragkit import NotFoundError, show

_PREFIX: Final = "d_"


def document_id(source: str) -> str:
    """Return the id of a source: `d_` and its UTF-8 in URL-safe Base64 without padding."""
    return _PREFIX + base64.urlsafe_b64encode(source.encode()).rstrip(b"=").decode()


def source_of_id(identifier: str) -> str:
    """Return the source of an id; NotFoundError for an invalid id."""
    body = identifier.removeprefix(_PREFIX)
    try:
        source = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        source = ""
    if not source or document_id(source) != identifier:
        raise NotFoundError(
            f"there is no document {show(identifier, 120)!r}", cure="GET the documents to see their ids"
        )
    return source


def document_path(
    collection: str, source: str, *, page: int | None = None, start: int | None = None, end: int | None = None
) -> str:
    """Return the path of a document or of one of its pages, with the quote from start to end as its fragment."""
    path = f"/v1/collections/{collection}/documents/{document_id(source)}"
    if page is not None:
        path += f"/pages/{page}"
    return path if start is None or end is None else f"{path}#{start}-{end}"


def document_url(
    request: Request,
    collection: str,
    source: str,
    *,
    page: int | None = None,
    start: int | None = None,
    end: int | None = None,
) -> str:
    """Return `document_path` as an address that the sender of a request can open."""
    origin = f"{request.url.scheme}://{request.url.netloc}"
    path = document_path(collection, source, page=page, start=start, end=end)
    return f"{origin}{request.scope.get('prefix', '')}{path}"
