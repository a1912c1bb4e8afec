"""`/v1/files`: files that a client uploads once and puts into vector stores, which are collections."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from ragkit_service.context import service_of
from ragkit_service.file_store.attaching import files_of, receive_file
from ragkit_service.file_store.base import StoredFile
from ragkit_service.json_response import json_response
from ragkit_service.routes.openai.paging import listed, page
from ragkit_service.routes.openapi import openai_errors
from ragkit_service.schemas.openai.pages import FilesQuery
from ragkit_service.schemas.openai.replies import DeletedReply, FileEntry, FilesReply
from ragkit_service.security.access import access_of

router = APIRouter(prefix="/v1/files", tags=["openai"])

_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "additionalProperties": False,
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "purpose": {"description": "Any text.", "example": "user_data"},
                        "expires_after[anchor]": {"description": "Ignored: a file is kept."},
                        "expires_after[seconds]": {"description": "Ignored: a file is kept."},
                    },
                }
            }
        },
    }
}


@router.post("", response_model=FileEntry, responses=openai_errors(415, 503, 507), openapi_extra=_BODY)
async def create_file(request: Request) -> Response:
    """Store a file; a stored file of the same name is replaced. It is read when it is put into a vector store."""
    return json_response(_entry(await receive_file(request)))


@router.get("", response_model=FilesReply, responses=openai_errors())
def list_files(request: Request, query: Annotated[FilesQuery, Query()]) -> Response:
    """List the stored files of the key, newest first."""
    access_of(request).check("read")
    stored = {item.id: item for item in files_of(request).list()}
    shown, more = listed(
        {item.id: (-item.created_at, item.name) for item in stored.values()},
        query,
        ends=service_of(request).page_ends,
        listing=("files", access_of(request).key_id),
        hidden=frozenset(item.id for item in stored.values() if query.purpose not in ("", item.purpose)),
    )
    return json_response(page([_entry(stored[identifier]) for identifier in shown], more=more))


@router.get("/{file_id}", response_model=FileEntry, responses=openai_errors(404))
def get_file(request: Request, file_id: str) -> Response:
    """Look at a stored file."""
    access_of(request).check("read")
    return json_response(_entry(files_of(request).get(file_id)))


@router.get(
    "/{file_id}/content",
    response_class=StreamingResponse,
    responses={
        200: {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}},
        **openai_errors(404),
    },
)
async def file_content(request: Request, file_id: str) -> Response:
    """Return the bytes of a stored file."""
    access_of(request).check("read")
    files = files_of(request)
    stored = await run_in_threadpool(files.get, file_id)
    pieces = await run_in_threadpool(files.pieces, stored)
    headers = {"Content-Disposition": "attachment", "Content-Length": str(stored.bytes)}
    return StreamingResponse(pieces, media_type="application/octet-stream", headers=headers)


@router.delete("/{file_id}", response_model=DeletedReply, responses=openai_errors(404))
def delete_file(request: Request, file_id: str) -> Response:
    """Delete a stored file; the documents that were made of it stay in their collections."""
    access_of(request).check("write")
    files_of(request).delete(file_id)
    return json_response({"id": file_id, "object": "file", "deleted": True})


def _entry(stored: StoredFile) -> dict[str, Any]:
    return {
        "id": stored.id,
        "object": "file",
        "bytes": stored.bytes,
        "created_at": stored.created_at,
        "filename": stored.name,
        "purpose": stored.purpose,
        "status": "processed",
    }
