"""The pages of PDFs as pictures, beside the text that was read from them."""

from __future__ import annotations

from typing import Annotated

import anyio.to_thread
from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from ragkit import ExtractionError, FileState, NotFoundError, show
from ragkit_service.context import Service, service_of
from ragkit_service.document_ids import source_of_id
from ragkit_service.routes.document_pages import IdPath
from ragkit_service.routes.openapi import problems
from ragkit_service.security.access import Access, access_of

router = APIRouter(prefix="/v1/collections/{name}/documents", tags=["documents"])


@router.get(
    "/{id}/pages/{number}/image",
    responses={
        200: {"description": "The page.", "content": {"image/png": {"schema": {"type": "string", "format": "binary"}}}},
        304: {"description": "The picture that the client has (`If-None-Match`) is still the page's."},
        **problems(404, 409, 422, 503),
    },
)
async def get_page_image(
    request: Request,
    name: str,
    id: IdPath,  # noqa: A002
    number: Annotated[int, Path(ge=1, le=2**31, description="The page, from 1.")],
) -> Response:
    """Get a page of a PDF as a picture (PNG, 1,600 pixels high or wide).

    Only for a document that `ragkit ingest` read from a folder of this machine, while the file is the one that was
    read, and for an uploaded one whose original is kept; 404 otherwise. A client asks each time whether its copy is
    still right, as a document may be replaced or deleted.
    """
    service, access, source = service_of(request), access_of(request), source_of_id(id)
    state = await anyio.to_thread.run_sync(_original, service, access, name, source)
    headers = {"Cache-Control": "private, no-cache", "ETag": f'"{state.sha256[:32]}-{number}"'}
    if headers["ETag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    picture = await anyio.to_thread.run_sync(_draw, service, state, number)
    return Response(picture, media_type="image/png", headers=headers)


def _original(service: Service, access: Access, name: str, source: str) -> FileState:
    with service.reading(access, name) as view:
        state: FileState | None = view.original(source)
    if state is None:
        raise NotFoundError(f"there is no file of {show(source, 200)!r} here", cure="see its text")
    return state


def _draw(service: Service, state: FileState, number: int) -> bytes:
    """Return the PNG of a page. Raises NotFoundError, and a 503 while too many pages are drawn."""
    try:
        return service.pictures.draw(state, number)
    except ExtractionError as error:
        raise NotFoundError(f"page {number} of {show(state.source, 200)!r} cannot be shown: {error.message}") from error
