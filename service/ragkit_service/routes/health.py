"""Liveness, readiness and versions."""

from __future__ import annotations

import platform

from fastapi import APIRouter, Request
from starlette.responses import Response

import ragkit
from ragkit_service.context import service_of
from ragkit_service.json_response import json_response
from ragkit_service.routes.openapi import problems
from ragkit_service.schemas.responses import HealthReply, ReadyReply, VersionReply
from ragkit_service.security.access import access_of

router = APIRouter(tags=["service"])


@router.get("/healthz", response_model=HealthReply, responses=problems())
async def healthz() -> Response:
    """Say that the process is alive. Needs no key."""
    return json_response({"status": "ok"})


@router.get("/readyz", response_model=ReadyReply, responses={**problems(503), 503: {"model": ReadyReply}})
def readyz(request: Request) -> Response:
    """Say whether the model is loaded and the collections open; 503 until then, or when none of them can be opened."""
    service = service_of(request)
    access = access_of(request)
    names = service.collections(access)
    if service.readiness.ready:
        service.check_collections()
    broken = {name: problem for name, problem in service.readiness.problems.items() if access.covers(name)}
    ready = service.readiness.ready and not (names and len(broken) == len(names))
    payload = {
        "ready": ready,
        "model": service.readiness.model,
        "collections": len(names),
        "problems": broken,
    }
    return json_response(payload, status=200 if ready else 503)


@router.get("/version", response_model=VersionReply, responses=problems())
async def version() -> Response:
    """Say which versions run."""
    return json_response({"ragkit": ragkit.__version__, "python": platform.python_version()})
