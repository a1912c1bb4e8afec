"""Jobs: list, look at, follow, cancel."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response, StreamingResponse

from ragkit_service.context import Service, service_of
from ragkit_service.ending import ending_problem
from ragkit_service.event_stream import KEEP_ALIVE, event
from ragkit_service.jobs.types import Job
from ragkit_service.json_response import json_response
from ragkit_service.routes.openapi import problems
from ragkit_service.schemas.job_replies import JobReply, JobsReply
from ragkit_service.security.access import access_of

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])

_KEEP_ALIVE_TURNS = 20
_EVENTS = 'event: job\ndata: {"id":"job_9f2c…","state":"running",…}\n\nevent: done\ndata: {"id":"job_9f2c…",…}\n\n'

JobId = Annotated[str, Query(max_length=80)]


@router.get("", response_model=JobsReply, responses=problems(422, 507))
async def list_jobs(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    before: Annotated[str, Query(max_length=80, description="A job's id: list the jobs before it.")] = "",
) -> Response:
    """List the jobs of the key's collections, newest first. Finished jobs are kept for a while: the last thousand."""
    service = service_of(request)
    found = await service.jobs.list(access_of(request), limit=limit, before=before)
    return json_response({"jobs": [job.as_dict() for job in found]})


@router.get("/{job_id}", response_model=JobReply, responses=problems(404, 507))
async def get_job(request: Request, job_id: str) -> Response:
    """Get a job with its files."""
    job = await service_of(request).jobs.get(access_of(request), job_id)
    return json_response(job.as_dict())


@router.get(
    "/{job_id}/events",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "Server-sent events: `job` with the job at first and after each change, then `done`.",
            "content": {"text/event-stream": {"example": _EVENTS}},
        },
        **problems(404, 507),
    },
)
async def follow_job(request: Request, job_id: str) -> Response:
    """Follow a job until it has finished."""
    service = service_of(request)
    job = await service.jobs.get(access_of(request), job_id)
    headers = {"X-Accel-Buffering": "no"}
    return StreamingResponse(_events(service, job), media_type="text/event-stream", headers=headers)


@router.post("/{job_id}/cancel", response_model=JobReply, responses=problems(404, 507))
@router.delete("/{job_id}", response_model=JobReply, responses=problems(404, 507), name="delete_job")
async def cancel_job(request: Request, job_id: str) -> Response:
    """Cancel a job: one that waits ends at once; one that runs ends soon, and what it has committed stays."""
    service, access = service_of(request), access_of(request)
    job = await service.jobs.get(access, job_id)
    service.may_cancel(access, job)
    job = await service.jobs.cancel(access, job_id)
    return json_response(job.as_dict())


async def _events(service: Service, job: Job) -> AsyncIterator[bytes]:
    quiet = 0
    async for changed in service.jobs.changes(job.id):
        if changed is not None:
            quiet = 0
            yield event("done" if changed.finished else "job", changed.as_dict())
            continue
        if service.ending.is_over:
            yield event("error", ending_problem().as_dict(instance="", request_id=""))
            return
        quiet += 1
        if quiet % _KEEP_ALIVE_TURNS == 0:
            yield KEEP_ALIVE
