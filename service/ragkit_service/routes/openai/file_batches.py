"""`/v1/vector_stores/{id}/file_batches`: several stored files on their way into a collection, as one job."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from ragkit import NotFoundError
from ragkit_service.context import service_of
from ragkit_service.file_store.attaching import attach_files
from ragkit_service.jobs.types import Job
from ragkit_service.json_response import json_response
from ragkit_service.routes.openai.paging import page, window
from ragkit_service.routes.openai.store_files import attached_entry, status_of
from ragkit_service.routes.openapi import openai_errors
from ragkit_service.schemas.openai.pages import StoreFilesQuery
from ragkit_service.schemas.openai.replies import FileBatchEntry, StoreFilesReply
from ragkit_service.schemas.openai.vector_stores import NewFileBatch
from ragkit_service.security.access import access_of
from ragkit_service.uploads import checked_metadata

router = APIRouter(prefix="/v1/vector_stores/{store}/file_batches", tags=["openai"])

_PREFIX: Final = "vsfb_"
_STATUSES: Final = ("in_progress", "completed", "failed", "cancelled")


@router.post("", response_model=FileBatchEntry, responses=openai_errors(404, 415, 503, 507))
async def create_file_batch(request: Request, store: str, body: NewFileBatch) -> Response:
    """Put stored files into a collection, as one job: the reply is `in_progress`, and the batch can be asked for."""
    metadata = checked_metadata(body.attributes or {})
    return json_response(_entry(await attach_files(request, store, body.file_ids, metadata=metadata)))


@router.get("/{batch}", response_model=FileBatchEntry, responses=openai_errors(404, 507))
async def get_file_batch(request: Request, store: str, batch: str) -> Response:
    """Look at a batch: how many of its files are in progress, completed, failed and cancelled."""
    return json_response(_entry(await _job(request, store, batch)))


@router.post("/{batch}/cancel", response_model=FileBatchEntry, responses=openai_errors(404, 507))
async def cancel_file_batch(request: Request, store: str, batch: str) -> Response:
    """Cancel a batch; files that are in the collection already stay."""
    service, access = service_of(request), access_of(request)
    job = await _job(request, store, batch)
    service.may_cancel(access, job)
    return json_response(_entry(await service.jobs.cancel(access, job.id)))


@router.get("/{batch}/files", response_model=StoreFilesReply, responses=openai_errors(404, 507))
async def list_file_batch(
    request: Request, store: str, batch: str, query: Annotated[StoreFilesQuery, Query()]
) -> Response:
    """List the files of a batch in the order in which they were named."""
    job = await _job(request, store, batch)
    entries = [attached_entry(job, file, created=_created(job)) for file in job.files]
    entries = [entry for entry in entries if query.filter in (None, entry["status"])]
    places = {entry["id"]: number for number, entry in enumerate(entries)}

    def place(file_id: str) -> tuple[int, int]:
        number = places.get(file_id, -1)
        return max(number, 0), number + 1

    part = window(len(entries), query, limit=query.limit, place=place)
    return json_response(page(part.arranged(entries[part.start : part.end]), more=part.more))


async def _job(request: Request, store: str, batch: str) -> Job:
    """Return the job of a batch. Raises NotFoundError for another collection's, and for one that is forgotten."""
    job = await service_of(request).jobs.get(access_of(request), batch.removeprefix(_PREFIX))
    if job.collection != store or job.kind != "upload":
        raise NotFoundError("there is no such batch in the vector store", cure="list the files of the store")
    return job


def _entry(job: Job) -> dict[str, Any]:
    counts = Counter(status_of(job, file) for file in job.files)
    failed = job.state == "failed" and job.error is not None
    state = "failed" if failed else "cancelled" if job.state == "cancelled" else "completed"
    return {
        "id": f"{_PREFIX}{job.id}",
        "object": "vector_store.files_batch",
        "created_at": _created(job),
        "vector_store_id": job.collection,
        "status": state if job.finished else "in_progress",
        "file_counts": {**{status: counts[status] for status in _STATUSES}, "total": len(job.files)},
    }


def _created(job: Job) -> int:
    return int(datetime.fromisoformat(job.created_at).timestamp()) if job.created_at else 0
