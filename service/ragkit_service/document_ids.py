"""Document ids and links: an id is the source, coded so that it is one word and no table is needed."""

from __future__ import annotations

import base64
import binascii
from typing import Final
from urllib.parse import quote

from starlette.requests import Request

from ragkit import NotFoundError, show

_PREFIX: Final = "d_"


def document_id(source: str) -> str:
    """Return the id of a document in its collection: safe in a URL's path, and the same for ever."""
    return _PREFIX + base64.urlsafe_b64encode(source.encode()).decode().rstrip("=")


def source_of_id(identifier: str) -> str:
    """Return the source that an id stands for. Raises NotFoundError for an id that this service never gave."""
    coded = identifier.removeprefix(_PREFIX)
    try:
        source = base64.b64decode(coded + "=" * (-len(coded) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeError, ValueError):
        source = ""
    if not source or document_id(source) != identifier:
        raise NotFoundError(f"there is no document with the id {show(identifier, 80)!r}", cure="list the documents")
    return source


def document_url(
    request: Request, collection: str, source: str, *, start: int | None = None, end: int | None = None
) -> str:
    """Return the address of a document, opened at the code points [start, end), on the host that was asked."""
    base = str(request.base_url).rstrip("/")
    mark = "" if start is None else f"#{start}-{end}"
    return f"{base}/v1/collections/{quote(collection, safe='')}/documents/{document_id(source)}{mark}"
