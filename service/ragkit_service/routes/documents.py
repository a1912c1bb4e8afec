"""Documents of a collection: list and remove."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from ragkit_service.context import service_of
from ragkit_service.document_ids import document_id, source_of_id
from ragkit_service.errors import Problem
from ragkit_service.jobs.types import Job, JobRequest
from ragkit_service.json_response import json_response
from ragkit_service.receiving import enqueue_change
from ragkit_service.routes.document_pages import IdPath, whole_document
from ragkit_service.routes.openapi import problems
from ragkit_service.schemas.requests import SOURCE_LIMIT, DocumentsQuery, RemoveDocuments
from ragkit_service.schemas.responses import DocumentsReply, RemovedReply, WholeDocumentReply
from ragkit_service.security.access import access_of

router = APIRouter(prefix="/v1/collections/{name}/documents", tags=["documents"])
removing = APIRouter(prefix="/v1/collections/{name}", tags=["documents"])

SourceQuery = Annotated[str, Query(max_length=SOURCE_LIMIT, description="A document's source, exactly.")]


@router.get("", response_model=DocumentsReply | WholeDocumentReply, responses=problems(404, 409, 422, 503))
def list_documents(request: Request, name: str, query: Annotated[DocumentsQuery, Query()]) -> Response:
    """List documents by source, a page at a time; with `source`, that one document with its text."""
    if query.source is not None:
        return whole_document(request, name, query.source, query)
    with service_of(request).reading(access_of(request), name) as view:
        found = view.documents(prefix=query.prefix, limit=query.limit + 1, offset=query.offset)
    listed = [{"id": document_id(item.source), **item.as_dict()} for item in found[: query.limit]]
    following = query.offset + query.limit if len(found) > query.limit else None
    return json_response({"documents": listed, "next_offset": following})


@router.delete("", response_model=RemovedReply, responses=problems(404, 409, 423, 503, 507))
async def remove_document(request: Request, name: str, source: SourceQuery) -> Response:
    """Remove the document of a source."""
    return await _removed(request, name, JobRequest(sources=(source,), labels=access_of(request).labels))


@router.delete("/{id}", response_model=RemovedReply, responses=problems(404, 409, 423, 503, 507))
async def remove_document_by_id(request: Request, name: str, id: IdPath) -> Response:  # noqa: A002
    """Remove the document of an id."""
    return await _removed(request, name, JobRequest(sources=(source_of_id(id),), labels=access_of(request).labels))


@removing.post("/remove", response_model=RemovedReply, responses=problems(404, 409, 415, 422, 423, 503, 507))
async def remove_matching(request: Request, name: str, body: RemoveDocuments) -> Response:
    """Remove the documents that a filter matches, and whose source begins with a prefix where one is given."""
    with_labels = JobRequest(prefix=body.prefix, where=body.where, labels=access_of(request).labels)
    return await _removed(request, name, with_labels)


async def _removed(request: Request, name: str, wanted: JobRequest) -> Response:
    """Queue a removal and wait for it: it runs after earlier uploads, and holds no thread meanwhile."""
    service = service_of(request)
    job = await enqueue_change(request, name, wanted)
    seconds = service.settings.limits.writer_seconds
    job = await service.jobs.wait(job.id, seconds=seconds)
    if not job.finished:
        job = await service.jobs.give_up(job.id)
    if job.state != "completed":
        raise failure(job, seconds=seconds)
    return json_response({"removed": job.removed})


def failure(job: Job, *, seconds: float) -> Problem:
    """Return the problem of a removal that failed, or was cancelled because it had to wait too long."""
    if job.error is not None:
        error = dict(job.error)
        return Problem(error["status"], error["kind"], error["title"], error["detail"], cure=error["cure"])
    holder = job.waiting_for or "earlier jobs of this service (GET /v1/jobs)"
    return Problem(
        423,
        "locked",
        "Another writer is at work",
        f"the collection has been written by {holder} for {seconds:.0f} s",
        cure="send the request again a little later",
        retry_after=5,
    )
