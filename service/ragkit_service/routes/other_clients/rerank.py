"""`POST /v1/rerank`: texts ranked by a query, in the form of Cohere and Jina; Open WebUI's external reranker too."""

from __future__ import annotations

import secrets
from functools import partial
from typing import Any

import anyio.to_thread
from fastapi import APIRouter, Request
from starlette.responses import Response

from ragkit_service.context import service_of
from ragkit_service.json_response import json_response
from ragkit_service.routes.openapi import problems
from ragkit_service.schemas.other_clients import RerankReply, RerankRequest
from ragkit_service.security.access import access_of

router = APIRouter(tags=["other clients"])


@router.post("/v1/rerank", response_model=RerankReply, responses=problems(415, 503))
async def rerank(request: Request, body: RerankRequest) -> Response:
    """Rank texts by how well they answer a query, best first.

    The server's cross-encoder scores them, where `RAGKIT_RERANK` names one; else the embedding model and rare terms.
    """
    service = service_of(request)
    access_of(request).check("read")
    texts = body.texts
    scores = await anyio.to_thread.run_sync(partial(service.ranker.score, body.query, texts), limiter=service.asking)
    order = sorted(range(len(scores)), key=lambda index: -scores[index])[: body.top_n]
    results = [_result(index, scores[index], texts[index] if body.return_documents else None) for index in order]
    payload = {
        "id": secrets.token_hex(12),
        "model": service.ranker.name,
        "results": results,
        "meta": {"api_version": {"version": "1"}},
    }
    return json_response(payload)


def _result(index: int, score: float, text: str | None) -> dict[str, Any]:
    out: dict[str, Any] = {"index": index, "relevance_score": round(score, 6)}
    return out if text is None else {**out, "document": {"text": text}}
