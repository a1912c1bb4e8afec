"""Collections: list, make, look at, delete."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from ragkit_service.context import service_of
from ragkit_service.errors import Problem
from ragkit_service.jobs.types import Job, new_job_id
from ragkit_service.json_response import json_response
from ragkit_service.observing.records import note_collection
from ragkit_service.routes.documents import failure
from ragkit_service.routes.openapi import problems
from ragkit_service.schemas.requests import NewCollection
from ragkit_service.schemas.responses import CollectionsReply, CreatedReply, HistoryReply, StatusReply
from ragkit_service.security.access import access_of

router = APIRouter(prefix="/v1/collections", tags=["collections"])


@router.get("", response_model=CollectionsReply, responses=problems())
def list_collections(request: Request) -> Response:
    """List the collections by name."""
    return json_response({"collections": service_of(request).collections(access_of(request))})


@router.post("", status_code=201, response_model=CreatedReply, responses=problems(409, 415, 422, 507))
def create_collection(request: Request, body: NewCollection) -> Response:
    """Make an empty collection. Its first document fixes the server's model and chunking for it."""
    access = access_of(request)
    access.check("write")
    note_collection(body.name)
    if not access.covers(body.name):
        raise Problem(
            403,
            "scope",
            "The key may not do this",
            "the key is not for collections of this name",
            cure="choose a name that the key's collections cover",
        )
    service_of(request).pool.create(body.name)
    return json_response({"name": body.name}, status=201, headers={"Location": f"/v1/collections/{body.name}"})


@router.get("/{name}", response_model=StatusReply, responses=problems(404, 409, 503))
def collection_status(request: Request, name: str) -> Response:
    """Show what a collection holds: documents, pages, chunks, model, generation; sizes where nothing is hidden."""
    service, access = service_of(request), access_of(request)
    with service.reading(access, name) as view:
        status = view.status()
    if not view.restricted:
        with service.pool.use(name) as knowledge:
            status = knowledge.status()
    hidden = {"data", "collection"}
    shown = {key: service.redactor.clean_json(value) for key, value in status.items() if key not in hidden}
    return json_response({"name": name, **shown})


@router.get("/{name}/history", response_model=HistoryReply, responses=problems(404, 409, 503))
def collection_history(request: Request, name: str) -> Response:
    """List the generations: the committed runs that changed the collection, oldest first.

    They count every document, so a key with access labels gets a 403.
    """
    service, access = service_of(request), access_of(request)
    with service.reading(access, name) as view:
        if view.restricted:
            raise Problem(
                403,
                "labels",
                "The key does not see every document",
                "the history counts documents that the key does not see",
                cure="use a key without access labels",
            )
    with service.pool.use(name) as knowledge:
        generations = knowledge.history()
    return json_response({"generations": [service.redactor.clean_json(item.as_dict()) for item in generations]})


@router.delete("/{name}", status_code=204, response_class=Response, responses=problems(404, 409, 423, 503, 507))
async def delete_collection(
    request: Request,
    name: str,
    confirm: Annotated[str | None, Query(max_length=63, description="The collection's name, again.")] = None,
) -> Response:
    """Delete a collection with everything in it; its jobs are cancelled.

    Needs the name again as `confirm`, or a key with the scope admin: a client that resolves `documents/..` sends this
    request by mistake.
    """
    service, access = service_of(request), access_of(request)
    await run_in_threadpool(service.require, access, name, "write")
    if confirm != name and not (access.key_id and access.has("admin")):
        raise Problem(
            409,
            "not-confirmed",
            "The deletion is not confirmed",
            "a collection is deleted with everything in it",
            cure=f"send the request with ?confirm={name}",
        )
    if access.labels is not None:
        access.check("admin")
    await service.jobs.cancel_all(name)
    job = await service.jobs.add(Job(new_job_id(), name, "drop", "queued", "", key_id=access.key_id))
    seconds = service.settings.limits.writer_seconds
    job = await service.jobs.wait(job.id, seconds=seconds)
    if not job.finished:
        job = await service.jobs.give_up(job.id)
    if job.state != "completed":
        raise failure(job, seconds=seconds)
    return Response(status_code=204)
