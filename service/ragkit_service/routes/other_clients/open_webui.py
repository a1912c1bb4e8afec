"""`PUT /process`: Open WebUI's external document loader; a file in, its text by pages out, nothing stored."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import anyio
import anyio.to_thread
from fastapi import APIRouter, Request
from starlette.responses import Response

from ragkit import Document, InputError
from ragkit_service.context import service_of
from ragkit_service.jobs.spool import SpoolLock, storage_error
from ragkit_service.jobs.types import new_job_id
from ragkit_service.json_response import json_response
from ragkit_service.routes.openapi import problems
from ragkit_service.schemas.other_clients import LoadedPage
from ragkit_service.security.access import access_of
from ragkit_service.uploads import upload_name

router = APIRouter(tags=["other clients"])

_BODY = {
    "parameters": [
        {
            "name": "X-Filename",
            "in": "header",
            "required": False,
            "schema": {"type": "string"},
            "description": "The file's name, percent-encoded; its ending helps to recognise the format.",
        }
    ],
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary", "minLength": 1}}},
    },
}


@router.put("/process", response_model=list[LoadedPage], responses=problems(400, 415, 503, 507), openapi_extra=_BODY)
async def process(request: Request) -> Response:
    """Read a file and return its text, a page each; 422 with the `reason` for a file that gives no document."""
    service = service_of(request)
    access_of(request).check("read")
    name = upload_name(unquote(request.headers.get("x-filename", "")) or "file").rpartition("/")[2]
    spool = SpoolLock(service.settings.data, new_job_id())
    await anyio.to_thread.run_sync(spool.make)
    try:
        path = spool.folder / name
        await _receive(request, path)
        document = await anyio.to_thread.run_sync(service.extractor.extract, path, limiter=service.extracting)
    finally:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(partial(spool.release, keep=False))
    return json_response(_pages(document, name))


async def _receive(request: Request, path: Path) -> None:
    """Write the body to disk as it arrives."""
    try:
        async with await anyio.open_file(path, "xb") as file:
            async for piece in request.stream():
                await file.write(piece)
            size = await file.tell()
    except OSError as error:
        raise storage_error(error, path.parent) from error
    if not size:
        raise InputError("the body is empty", cure="send the file as the body of the request")


def _pages(document: Document, name: str) -> list[dict[str, Any]]:
    """Return the pages with their offsets in the document's text; a document without pages is one piece."""
    starts = [page.start for page in document.pages] or [0]
    spans = zip(starts, [*starts[1:], len(document.text)], strict=True)
    common = {"source": name, "title": document.title, "sha256": document.sha256, "media_type": document.media_type}
    out = []
    for number, (start, end) in enumerate(spans, 1):
        if document.text[start:end].strip():
            page = {"page": number, "page_label": document.page_label(number)} if document.pages else {}
            metadata = {**common, **page, "start": start, "end": end}
            out.append({"page_content": document.text[start:end], "metadata": metadata})
    return out
