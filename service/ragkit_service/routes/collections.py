"""Collections: list, make, look at, delete."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from ragkit_service.context import service_of
from ragkit_service.json_response import json_response
from ragkit_service.routes.openapi import problems
from ragkit_service.schemas.requests import NewCollection
from ragkit_service.schemas.responses import CollectionsReply, CreatedReply, HistoryReply, StatusReply

router = APIRouter(prefix="/v1/collections", tags=["collections"])


@router.get("", response_model=CollectionsReply, responses=problems())
def list_collections(request: Request) -> Response:
    """List the collections by name."""
    return json_response({"collections": service_of(request).pool.names()})


@router.post("", status_code=201, response_model=CreatedReply, responses=problems(409, 415, 422, 507))
def create_collection(request: Request, body: NewCollection) -> Response:
    """Make an empty collection. Its first document fixes the server's model and chunking for it."""
    service_of(request).pool.create(body.name)
    return json_response({"name": body.name}, status=201, headers={"Location": f"/v1/collections/{body.name}"})


@router.get("/{name}", response_model=StatusReply, responses=problems(404, 409, 503))
def collection_status(request: Request, name: str) -> Response:
    """Show what a collection holds: documents, pages, chunks, model, generation, sizes."""
    service = service_of(request)
    with service.pool.use(name) as knowledge:
        status = knowledge.status()
    hidden = {"data", "collection"}
    shown = {key: service.teller.clean_json(value) for key, value in status.items() if key not in hidden}
    return json_response({"name": name, **shown})


@router.get("/{name}/history", response_model=HistoryReply, responses=problems(404, 409, 503))
def collection_history(request: Request, name: str) -> Response:
    """List the generations: the committed runs that changed the collection, oldest first."""
    service = service_of(request)
    with service.pool.use(name) as knowledge:
        generations = knowledge.history()
    return json_response({"generations": [service.teller.clean_json(item.as_dict()) for item in generations]})


@router.delete("/{name}", status_code=204, response_class=Response, responses=problems(404, 423))
def delete_collection(request: Request, name: str) -> Response:
    """Delete a collection with everything in it."""
    service_of(request).pool.delete(name)
    return Response(status_code=204)
