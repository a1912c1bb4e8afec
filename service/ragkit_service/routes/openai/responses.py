"""`POST /v1/responses`: an answer with the search behind it, whole or streamed, as OpenAI's clients read it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import anyio.to_thread
from fastapi import APIRouter, Request
from starlette.responses import Response

from ragkit import Hit
from ragkit_service.context import service_of
from ragkit_service.event_stream import EventStream, all_items, first_item, whole_result
from ragkit_service.json_response import json_response
from ragkit_service.observing.records import note_hits
from ragkit_service.routes.openai.answers import Asked, answer_stream, collection_of
from ragkit_service.routes.openai.response_events import ResponseParts, response_events
from ragkit_service.routes.openai.search_results import search_result
from ragkit_service.routes.openapi import openai_errors
from ragkit_service.schemas.openai.replies import ResponseReply
from ragkit_service.schemas.openai.responses import ResponsesRequest, asked_of
from ragkit_service.security.access import access_of

router = APIRouter(prefix="/v1/responses", tags=["openai"])


@router.post(
    "",
    response_model=ResponseReply,
    responses={
        200: {
            "description": "The response; with `stream: true`, events from `response.created` to "
            "`response.completed`, or to `response.failed` when the answer was cut.",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
        **openai_errors(404, 409, 415, 502, 503, 504),
    },
)
async def responses(request: Request, body: ResponsesRequest) -> Response:
    """Answer from a collection: a `file_search_call`, then a message with `file_citation` annotations."""
    service = service_of(request)
    tool = body.tool
    collection = tool.vector_store_ids[0] if tool else collection_of(body.model)
    question, history = asked_of(body)
    asked = Asked(
        collection,
        question,
        history=history,
        k=tool.max_num_results if tool else None,
        where=tool.filters if tool else None,
    )
    results = await anyio.to_thread.run_sync(partial(_results, request, asked)) if body.wants_results else None
    parts = ResponseParts.of(body, request=request, collection=collection, question=question, results=results)
    stream = answer_stream(request, asked)
    if body.stream:
        limits = service.settings.limits
        first = await first_item(stream, request, limits.first_event_seconds)
        items = all_items(stream, first, keep_alive=limits.comment_seconds)
        events = response_events(parts, items)
        return EventStream(stream, events)
    answer = await whole_result(stream, request)
    if answer is None:
        return Response(status_code=499)  # the client has disconnected
    return json_response(parts.completed(answer))


def _results(request: Request, asked: Asked) -> list[dict[str, Any]]:
    """Search as for the answer, and return the results."""
    with service_of(request).reading(access_of(request), asked.collection) as knowledge:
        hits: Sequence[Hit] = knowledge.search(asked.question, k=asked.k, where=asked.where, history=asked.history)
        note_hits(len(hits))
    return [_result(search_result(request, asked.collection, hit)) for hit in hits]


def _result(found: dict[str, Any]) -> dict[str, Any]:
    """Return a search result in the flat form that a file_search_call holds."""
    (part,) = found.pop("content")
    return {**found, "text": part["text"]}
