"""`POST /v1/embeddings`: the vectors of the service's own embedding model."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

import anyio.to_thread
import numpy as np
from fastapi import APIRouter, Request
from numpy.typing import NDArray
from starlette.responses import Response

from ragkit import Embedder, InputError, NotFoundError, decode_tokens, show
from ragkit_service.context import Service, service_of
from ragkit_service.errors import Problem
from ragkit_service.json_response import json_response
from ragkit_service.routes.openai.answers import PREFIX, collection_of
from ragkit_service.routes.openapi import openai_errors
from ragkit_service.schemas.openai.embeddings import EmbeddingsRequest
from ragkit_service.schemas.openai.replies import EmbeddingsReply
from ragkit_service.security.access import Access, access_of

router = APIRouter(prefix="/v1/embeddings", tags=["openai"])

_BATCH: Final = 64
_OWN: Final = "ragkit"


@router.post("", response_model=EmbeddingsReply, responses=openai_errors(404, 415, 503))
async def embeddings(request: Request, body: EmbeddingsRequest) -> Response:
    """Embed texts with the model that the collections are searched with. Nothing is truncated: a longer text is 400."""
    service = service_of(request)
    run = partial(anyio.to_thread.run_sync, limiter=service.asking)
    embedder = await run(_embedder, service, access_of(request), body)
    texts = await run(_texts, body.items)
    tokens = await run(_counted, embedder, texts)
    embed = embedder.embed_queries if body.input_type == "query" else embedder.embed_documents
    rows: list[NDArray[np.float32]] = []
    for start in range(0, len(texts), _BATCH):
        if await request.is_disconnected():
            return Response(status_code=499)  # the client has disconnected
        rows.extend(await run(embed, texts[start : start + _BATCH]))
    coded = body.encoding_format == "base64"
    data = [
        {"object": "embedding", "index": index, "embedding": _base64(row) if coded else row.tolist()}
        for index, row in enumerate(rows)
    ]
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return json_response({"object": "list", "data": data, "model": embedder.fingerprint.model, "usage": usage})


def _embedder(service: Service, access: Access, body: EmbeddingsRequest) -> Embedder:
    """Return the embedder, if the request names it and its dimension, or a collection that it serves."""
    access.check("read")
    embedder = service.pool.embedder()
    name, dimension = embedder.fingerprint.model, embedder.fingerprint.dimension
    if body.model.startswith(PREFIX):
        service.require(access, collection_of(body.model), "read")
    elif body.model not in {_OWN, name}:
        raise NotFoundError(f"there is no embedding model {show(body.model, 80)!r}", cure=f"use {name!r} or 'ragkit'")
    if body.dimensions not in {None, dimension}:
        raise InputError(f"the model {name!r} has {dimension} dimensions", cure="leave `dimensions` out")
    return embedder


def _texts(items: Sequence[str | list[int]]) -> list[str]:
    return [item if isinstance(item, str) else decode_tokens(item) for item in items]


def _counted(embedder: Embedder, texts: Sequence[str]) -> int:
    """Return the tokens of all texts; a Problem for one that is longer than the model takes."""
    counts = embedder.count_tokens(texts)
    for index, count in enumerate(counts):
        if count > embedder.max_tokens:
            raise Problem(
                400,
                "context-length-exceeded",
                "A text is too long",
                f"input {index} has {count:,} tokens, and the model takes {embedder.max_tokens:,}",
                cure="cut it into shorter pieces",
            )
    return sum(counts)


def _base64(row: NDArray[Any]) -> str:
    return base64.b64encode(row.astype("<f4").tobytes()).decode()
