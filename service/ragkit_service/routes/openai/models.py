"""`GET /v1/models`: the collections, as models."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from ragkit import NotFoundError, show
from ragkit_service.context import service_of
from ragkit_service.json_response import json_response
from ragkit_service.routes.openai.answers import PREFIX, collection_of
from ragkit_service.routes.openapi import openai_errors
from ragkit_service.schemas.openai.replies import ModelEntry, ModelsReply
from ragkit_service.security.access import access_of

router = APIRouter(prefix="/v1/models", tags=["openai"])


@router.get("", response_model=ModelsReply, responses=openai_errors())
def list_models(request: Request) -> Response:
    """List the collections as models, `ragkit/NAME` each."""
    names = service_of(request).collections(access_of(request))
    return json_response({"object": "list", "data": [_entry(name) for name in names]})


@router.get("/{model:path}", response_model=ModelEntry, responses=openai_errors(404))
def get_model(request: Request, model: str) -> Response:
    """Look at one collection as a model."""
    name = collection_of(model)
    if name not in service_of(request).collections(access_of(request)):
        raise NotFoundError(f"there is no model {show(model, 80)!r}", cure="GET /v1/models lists them")
    return json_response(_entry(name))


def _entry(name: str) -> dict[str, Any]:
    return {"id": f"{PREFIX}{name}", "object": "model", "created": 0, "owned_by": "ragkit"}
