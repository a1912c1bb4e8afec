"""Putting documents into a collection: files as multipart, or JSON; both are jobs."""

from __future__ import annotations

from typing import Annotated, Any

import anyio.to_thread
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from ragkit_service.context import service_of
from ragkit_service.errors import Problem
from ragkit_service.jobs.types import TAKEN, Job
from ragkit_service.json_response import json_response
from ragkit_service.receiving import REPEATED_ID, receive_documents, receive_upload
from ragkit_service.routes.openapi import problems
from ragkit_service.schemas.job_replies import JobReply
from ragkit_service.schemas.metadata_schema import METADATA
from ragkit_service.schemas.requests import NewDocuments
from ragkit_service.schemas.responses import UploadReply
from ragkit_service.security.access import access_of

router = APIRouter(prefix="/v1/collections/{name}/documents", tags=["documents"])

_UPLOAD_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["files"],
                    "additionalProperties": False,
                    "properties": {
                        "files": {
                            "type": "array",
                            "minItems": 1,
                            "maxItems": 32,
                            "items": {"type": "string", "format": "binary"},
                            "description": "One or many files; `upload:` and the name of each, with its folders, "
                            "becomes its source.",
                        },
                        "metadata": {
                            **METADATA,
                            "description": "A flat JSON object that is added to the metadata of every file.",
                            "example": {"team": "sales"},
                        },
                        "acl": {
                            "type": "string",
                            "pattern": "^([A-Za-z0-9_.:@+-]{1,40}(,[A-Za-z0-9_.:@+-]{1,40}){0,9})?$",
                            "description": "Access labels of every file, separated by commas, or a JSON list; "
                            "those of the key where the field is left out.",
                            "example": "hr,board",
                        },
                    },
                },
            },
            "application/json": {
                "schema": {"$ref": "#/components/schemas/NewDocuments"},
            },
        },
    }
}
_UNSUPPORTED = frozenset({"unsupported", "binary", "type_mismatch", "unknown_encoding", "encrypted_or_old_format"})
Wait = Annotated[bool, Query(description="Answer when the job has finished, with its report.")]


@router.post(
    "",
    status_code=202,
    response_model=JobReply,
    responses={
        200: {"model": UploadReply, "description": "With `wait`: every file was taken."},
        207: {"model": UploadReply, "description": "With `wait`: some files were taken and others were not."},
        **problems(400, 404, 409, 413, 415, 422, 503, 507),
    },
    openapi_extra=_UPLOAD_BODY,
)
async def upload(request: Request, name: str, wait: Wait = False) -> Response:
    """Add files or JSON documents, or replace the uploads of the same names: one job, all of it in one generation.

    202 with the job, whose state `GET /v1/jobs/{id}` tells. With `wait=true` the answer comes when the job has
    finished: 200 when every file was taken, 207 when some were; when none was, the status of the first file's reason
    (413 too big, 415 not a format that can be read, 422 otherwise), with the report in `files`.
    """
    service, access = service_of(request), access_of(request)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json":
        documents = await anyio.to_thread.run_sync(NewDocuments.parse, await request.body())
        job = await receive_documents(request, name, documents)
    else:
        job = await receive_upload(request, name)
    if wait:
        job = await service.jobs.wait(job.id, seconds=service.settings.limits.wait_seconds)
        if job.finished:
            return upload_response(job)
    job = await service.jobs.get(access, job.id)
    return json_response(job.as_dict(), status=202, headers={"Location": f"/v1/jobs/{job.id}"})


def upload_response(job: Job) -> Response:
    """Return the response of an upload whose job has finished."""
    taken = [item.status in TAKEN for item in job.files]
    if not any(taken):
        raise job_problem(job)
    report = {"job": job.id, "generation": job.generation, "files": [item.as_dict() for item in job.files]}
    return json_response(report, status=200 if all(taken) else 207)


def job_problem(job: Job) -> Problem:
    """Return the problem of a job without any document: its own, or that of its first file."""
    extra: dict[str, Any] = {"job": job.id, "files": [item.as_dict() for item in job.files]}
    if job.error is not None:
        error = dict(job.error)
        return Problem(error["status"], error["kind"], error["title"], error["detail"], cure=error["cure"], extra=extra)
    if job.state == "cancelled" or not job.files:
        return Problem(409, "cancelled", "The job was cancelled", "nothing was taken", extra=extra)
    first = next((item for item in job.files if item.reason != REPEATED_ID), job.files[0])
    status = 413 if first.reason == "too_big" else 415 if first.reason in _UNSUPPORTED else 422
    detail = f"{first.reason}: {first.detail}" if first.detail else first.reason
    return Problem(status, "extraction", "The file gave no document", detail, extra={**extra, "reason": first.reason})
