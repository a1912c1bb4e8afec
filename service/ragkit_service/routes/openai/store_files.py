"""`/v1/vector_stores/{id}/files`: the documents of a collection, and the files on their way into it."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Final

import anyio.to_thread
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from ragkit import DocumentInfo, NotFoundError
from ragkit_service.context import service_of
from ragkit_service.document_ids import document_id, source_of_id
from ragkit_service.errors import Problem
from ragkit_service.file_store.attaching import attach_files, files_of
from ragkit_service.jobs.types import TAKEN, Job, JobFile, JobRequest
from ragkit_service.json_response import json_response
from ragkit_service.receiving import enqueue_removal
from ragkit_service.routes.documents import failure
from ragkit_service.routes.openai.paging import page, window
from ragkit_service.routes.openapi import openai_errors
from ragkit_service.schemas.openai.pages import StoreFilesQuery
from ragkit_service.schemas.openai.replies import DeletedReply, StoreContentReply, StoreFileEntry, StoreFilesReply
from ragkit_service.schemas.openai.vector_stores import NewStoreFile
from ragkit_service.security.access import access_of
from ragkit_service.uploads import checked_metadata

if TYPE_CHECKING:
    from ragkit import KnowledgeView

router = APIRouter(prefix="/v1/vector_stores/{store}/files", tags=["openai"])

_UNSUPPORTED: Final = frozenset({"unsupported", "binary", "type_mismatch", "unknown_encoding", "too_big"})


@router.post("", response_model=StoreFileEntry, responses=openai_errors(404, 415, 503, 507))
async def create_store_file(request: Request, store: str, body: NewStoreFile) -> Response:
    """Put a stored file into a collection: the reply is `in_progress`, and its state can be asked for by its id."""
    metadata = checked_metadata(body.attributes or {})
    job = await attach_files(request, store, [body.file_id], metadata=metadata)
    stored = await anyio.to_thread.run_sync(files_of(request).get, body.file_id)
    return json_response(attached_entry(job, job.files[0], created=stored.created_at))


@router.get("", response_model=StoreFilesReply, responses=openai_errors(404, 409, 503))
async def list_store_files(request: Request, store: str, query: Annotated[StoreFilesQuery, Query()]) -> Response:
    """List the documents of a collection by source; before them, the files that are not documents yet or never were."""
    walking = query.after or query.before
    pending = [] if walking or query.filter == "completed" else await _pending(request, store)
    if query.filter not in {None, "completed"}:
        return json_response(page([item for item in pending if item["status"] == query.filter], more=False))
    found, more = await anyio.to_thread.run_sync(partial(_documents, request, store, query))
    return json_response(page([*pending, *(_document(store, info) for info in found)], more=more))


@router.get("/{file_id}", response_model=StoreFileEntry, responses=openai_errors(404, 409, 503))
async def get_store_file(request: Request, store: str, file_id: str) -> Response:
    """Look at a file of a collection: `in_progress`, `completed`, `failed` with `last_error`, or `cancelled`."""
    found = await anyio.to_thread.run_sync(partial(_info, request, store, file_id))
    on_its_way = await _attached(request, store, file_id)
    state = on_its_way and on_its_way["status"]
    if state == "in_progress" or (found is None and state in {"failed", "cancelled"}):
        return json_response(on_its_way)
    if found is None:  # a completed job does not know about later removals
        raise NotFoundError("there is no such file in the vector store", cure="list its files")
    return json_response(_document(store, found))


@router.get("/{file_id}/content", response_model=StoreContentReply, responses=openai_errors(404, 409, 503))
def store_file_content(request: Request, store: str, file_id: str) -> Response:
    """Return the text of a document."""
    with service_of(request).reading(access_of(request), store) as knowledge:
        text = knowledge.document(source_of_id(file_id)).text
    page = {"object": "vector_store.file_content.page", "data": [{"type": "text", "text": text}]}
    return json_response({**page, "has_more": False, "next_page": None})


@router.delete("/{file_id}", response_model=DeletedReply, responses=openai_errors(404, 409, 503, 507))
async def delete_store_file(request: Request, store: str, file_id: str) -> Response:
    """Remove a document from a collection; the stored file stays."""
    service = service_of(request)
    wanted = JobRequest(sources=(source_of_id(file_id),), labels=access_of(request).labels)
    job = await enqueue_removal(request, store, wanted)
    seconds = service.settings.limits.writer_seconds
    job = await service.jobs.wait(job.id, seconds=seconds)
    if not job.finished:
        job = await service.jobs.give_up(job.id)
    if job.state != "completed":
        raise failure(job, seconds=seconds)
    return json_response({"id": file_id, "object": "vector_store.file.deleted", "deleted": job.removed > 0})


# ------------------------------------------------------------------ documents


def _info(request: Request, store: str, file_id: str) -> DocumentInfo | None:
    with service_of(request).reading(access_of(request), store) as knowledge:
        try:
            return knowledge.info(source_of_id(file_id))
        except NotFoundError:
            return None


def _documents(request: Request, store: str, query: StoreFilesQuery) -> tuple[list[DocumentInfo], bool]:
    """Return a page of documents, and whether more follow it."""
    with service_of(request).reading(access_of(request), store) as knowledge:
        total = int(knowledge.status()["documents"])

        def place(file_id: str) -> tuple[int, int]:
            return _place(knowledge, source_of_id(file_id), total=total)

        part = window(total, query, limit=query.limit, place=place)
        if part.end == part.start:
            return [], part.more
        found = knowledge.documents(limit=part.end - part.start, offset=part.start)
        return part.arranged(found), part.more


def _place(knowledge: KnowledgeView, source: str, *, total: int) -> tuple[int, int]:
    """Return how many of the documents are listed before a source, and up to it, by bisection of the offsets."""
    low, high = 0, total
    while low < high:
        middle = (low + high) // 2
        found = knowledge.documents(limit=1, offset=middle)
        if found and found[0].source < source:
            low = middle + 1
        else:
            high = middle
    found = knowledge.documents(limit=1, offset=low)
    return low, low + bool(found and found[0].source == source)


def _document(store: str, info: DocumentInfo) -> dict[str, Any]:
    attributes = {key: value for key, value in info.metadata.items() if isinstance(value, str | int | float)}
    created = int(datetime.fromisoformat(info.updated_at).timestamp())
    entry = _entry(document_id(info.source), store, "completed", created=created, size=info.characters)
    return {**entry, "filename": info.source, "attributes": {**attributes, "sha256": info.sha256}}


# ------------------------------------------------------------------ files on their way


async def _pending(request: Request, store: str) -> list[dict[str, Any]]:
    """Return the stored files that were put into a collection and are not (yet) documents of it."""
    out = []
    for stored in await anyio.to_thread.run_sync(files_of(request).list):
        entry = await _attached(request, store, stored.id)
        if entry is not None and entry["status"] != "completed":
            out.append(entry)
    return out


async def _attached(request: Request, store: str, file_id: str) -> dict[str, Any] | None:
    """Return a stored file with the state of the job that puts it into a collection; None without such a job."""
    service, files = service_of(request), files_of(request)
    await anyio.to_thread.run_sync(partial(service.require, access_of(request), store, "read"))
    job_id = await anyio.to_thread.run_sync(files.job_of, file_id, store)
    if not job_id:
        return None
    try:
        job = await service.jobs.get(access_of(request), job_id)
    except Problem:
        return None  # jobs that have finished are forgotten in time
    stored = await anyio.to_thread.run_sync(files.get, file_id)
    file = next((file for file in job.files if file.source == stored.source), None)
    return None if file is None else attached_entry(job, file, created=stored.created_at)


def attached_entry(job: Job, file: JobFile, *, created: int) -> dict[str, Any]:
    """Return a file as the job sees it that puts it into a collection. created: when it was stored, in Unix seconds."""
    entry = _entry(document_id(file.source), job.collection, status_of(job, file), created=created, size=file.size)
    return {**entry, "filename": file.name, "last_error": _last_error(job, file)}


def status_of(job: Job, file: JobFile) -> str:
    """Return the status of a file of a job: `in_progress` until the job has finished with all of its files."""
    if not job.finished:
        return "in_progress"
    if file.status in TAKEN:
        return "completed"
    return "cancelled" if job.state == "cancelled" else "failed"


def _last_error(job: Job, file: JobFile) -> dict[str, str] | None:
    if status_of(job, file) != "failed":
        return None
    if job.error is not None:
        return {"code": "server_error", "message": str(job.error["detail"])}
    code = "unsupported_file" if file.reason in _UNSUPPORTED else "invalid_file"
    return {"code": code, "message": f"{file.reason}: {file.detail}" if file.detail else file.reason}


def _entry(identifier: str, store: str, status: str, *, created: int, size: int) -> dict[str, Any]:
    return {
        "id": identifier,
        "object": "vector_store.file",
        "created_at": created,
        "vector_store_id": store,
        "status": status,
        "last_error": None,
        "usage_bytes": size,
        "attributes": {},
        "chunking_strategy": {"type": "other"},
    }
