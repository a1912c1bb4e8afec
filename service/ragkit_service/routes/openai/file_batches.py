"""`/v1/vector_stores/{id}/file_batches`: several stored files on their way into a collection, as one job."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from ragkit import NotFoundError
from ragkit_service.context import service_of
from ragkit_service.document_ids import document_id
from ragkit_service.file_store.attaching import attach_files
from ragkit_service.jobs.types import Job
from ragkit_service.json_response import json_response
from ragkit_service.listings.times import unix_seconds
from ragkit_service.routes.openai.attached_files import attached_entry, status_of
from ragkit_service.routes.openai.paging import listed, page
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
    own = {file.file_id: checked_metadata(file.attributes or {}) for file in body.files}
    metadata = {} if own else checked_metadata(body.attributes or {})
    return json_response(
        _entry(await attach_files(request, store, body.file_ids or list(own), metadata=metadata, own=own))
    )


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
    """List the files of a batch in the order in which they were named, which all have the same time."""
    job = await _job(request, store, batch)
    files = {document_id(file.source): file for file in job.files}
    shown, more = listed(
        {identifier: (file.number, file.source) for identifier, file in files.items()},
        query,
        ends=service_of(request).page_ends,
        listing=("batch", job.id),
        hidden=frozenset(item for item, file in files.items() if query.filter not in (None, status_of(job, file))),
    )
    entries = [attached_entry(job, files[identifier], created=_created(job)) for identifier in shown]
    return json_response(page(entries, more=more))


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
    return unix_seconds(job.created_at) if job.created_at else 0
