"""One document: its text and pages, as JSON for programs and as a page for people, opened at a quote."""

from __future__ import annotations

import html
from typing import Annotated, Final

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from ragkit import Document, DocumentInfo, NotFoundError
from ragkit_service.context import service_of
from ragkit_service.document_ids import document_id, source_of_id
from ragkit_service.json_response import json_response
from ragkit_service.routes.openapi import problems
from ragkit_service.routes.page import PAGE_HEADERS
from ragkit_service.schemas.requests import TextWindow
from ragkit_service.schemas.responses import PageTextReply, WholeDocumentReply
from ragkit_service.security.access import access_of

router = APIRouter(prefix="/v1/collections/{name}/documents", tags=["documents"])

_HTML: Final = {"text/html": {"schema": {"type": "string"}}}
_TEMPLATE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><link rel="stylesheet" href="{root}/static/style.css">
<script type="module" src="{root}/static/document.js"></script></head>
<body><main><h1>{title}</h1><p class="source">{place}</p>
<pre id="text" data-start="{start}">{text}</pre></main></body></html>
"""
IdPath = Annotated[str, Path(max_length=12_000, description="A document's id, from a listing or a citation.")]


@router.get(
    "/{id}",
    response_model=WholeDocumentReply,
    responses={200: {"content": _HTML}, **problems(404, 409, 422, 503)},
)
def get_document(
    request: Request,
    name: str,
    id: IdPath,  # noqa: A002
    window: Annotated[TextWindow, Query()],
) -> Response:
    """Get a document: its properties, page table, headings and a window of its text.

    A browser (`Accept: text/html`) gets a page with the whole text; `#120-180` marks a quote in it.
    """
    source = source_of_id(id)
    if not _wants_html(request):
        return whole_document(request, name, source, window)
    document = _found(request, name, source)[1]
    return _page(request, document, start=0, end=len(document.text), place=source)


@router.get(
    "/{id}/pages/{number}",
    response_model=PageTextReply,
    responses={200: {"content": _HTML}, **problems(404, 409, 422, 503)},
)
def get_page(
    request: Request,
    name: str,
    id: IdPath,  # noqa: A002
    number: Annotated[int, Path(ge=1, le=2**31, description="The page, from 1.")],
) -> Response:
    """Get one page of a document; offsets are those of the whole text. A browser gets a page, as for the document."""
    source = source_of_id(id)
    document = _found(request, name, source)[1]
    if number > len(document.pages):
        raise NotFoundError(f"the document has {len(document.pages)} pages", cure="see page_table of the document")
    starts = [*(page.start for page in document.pages), len(document.text)]
    start, end = starts[number - 1], starts[number]
    if _wants_html(request):
        return _page(request, document, start=start, end=end, place=f"{source}, p. {number}")
    payload = {
        "id": id,
        "source": source,
        "title": document.title,
        "sha256": document.sha256,
        "page": number,
        "page_label": document.page_label(number),
        "pages": len(document.pages),
        "start": start,
        "end": end,
        "text": document.text[start:end],
    }
    return json_response(payload)


def whole_document(request: Request, name: str, source: str, window: TextWindow) -> Response:
    """Return a document as JSON, with a window of its text."""
    info, document = _found(request, name, source)
    text = document.text[window.start : window.start + window.length]
    start = min(window.start, len(document.text))
    payload = {
        "id": document_id(source),
        **info.as_dict(),
        "start": start,
        "end": start + len(text),
        "text": text,
        "page_table": [{"start": page.start, "label": page.label} for page in document.pages],
        "headings": [{"offset": item.offset, "level": item.level, "text": item.text} for item in document.headings],
    }
    return json_response(payload)


def _found(request: Request, name: str, source: str) -> tuple[DocumentInfo, Document]:
    with service_of(request).reading(access_of(request), name) as view:
        return view.both(source)


def _wants_html(request: Request) -> bool:
    """Return whether the sender is a browser: it names HTML before JSON and before anything."""
    accepted = [item.partition(";")[0].strip().lower() for item in request.headers.get("accept", "").split(",")]
    return accepted[0] in ("text/html", "application/xhtml+xml")


def _page(request: Request, document: Document, *, start: int, end: int, place: str) -> Response:
    """Return the HTML of a part of a document; all of its text is escaped."""
    content = _TEMPLATE.format(
        title=html.escape(document.title or document.source),
        root=html.escape(request.scope.get("prefix", "")),
        place=html.escape(place),
        start=start,
        text=html.escape(document.text[start:end]),
    )
    return Response(content.encode("utf-8", "replace"), media_type="text/html", headers=PAGE_HEADERS)
