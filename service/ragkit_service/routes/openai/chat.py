"""`POST /v1/chat/completions`: a grounded answer, whole or streamed, as OpenAI's clients read it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from ragkit import Answer
from ragkit_service.context import service_of
from ragkit_service.error_formats import openai_error
from ragkit_service.event_stream import KEEP_ALIVE, EventStream, all_items, first_item, whole_result
from ragkit_service.json_response import dump, json_response
from ragkit_service.routes.openai.answers import (
    Asked,
    answer_stream,
    collection_of,
    new_id,
    provenance,
    url_citations,
    usage_of,
)
from ragkit_service.routes.openapi import openai_errors
from ragkit_service.schemas.openai.chat import ChatRequest, conversation
from ragkit_service.schemas.openai.replies import ChatReply

router = APIRouter(prefix="/v1/chat", tags=["openai"])

DONE: Final = b"data: [DONE]\n\n"


@dataclass(frozen=True, slots=True)
class _Head:
    """The fields that every part of one completion repeats."""

    request: Request
    model: str
    collection: str
    id: str
    created: int


@router.post(
    "/completions",
    response_model=ChatReply,
    responses={
        200: {
            "description": "The completion; with `stream: true`, `chat.completion.chunk` events and then `[DONE]`. "
            "A stream that was cut ends with an event that holds an `error`, without `[DONE]`.",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
        **openai_errors(404, 409, 415, 502, 503, 504),
    },
)
async def chat_completions(request: Request, body: ChatRequest) -> Response:
    """Answer the last message from a collection, with its citations as `annotations`."""
    service = service_of(request)
    collection = collection_of(body.model)
    question, history = conversation(body.messages)
    head = _Head(request, body.model, collection, new_id("chatcmpl-"), int(time.time()))
    stream = answer_stream(request, Asked(collection, question, history=history, k=body.k, where=body.where))
    if body.stream:
        limits = service.settings.limits
        first = await first_item(stream, request, limits.first_event_seconds)
        items = all_items(stream, first, keep_alive=limits.comment_seconds)
        usage = bool(body.stream_options and body.stream_options.include_usage)
        return EventStream(stream, _chunks(head, items, usage=usage))
    answer = await whole_result(stream, request)
    if answer is None:
        return Response(status_code=499)  # the client has disconnected
    return json_response(_completion(head, answer))


def _completion(head: _Head, answer: Answer) -> dict[str, Any]:
    message = {
        "role": "assistant",
        "content": answer.text,
        "refusal": None,
        "annotations": url_citations(head.request, head.collection, answer),
    }
    return {
        "id": head.id,
        "object": "chat.completion",
        "created": head.created,
        "model": head.model,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        "usage": usage_of(answer),
        **_grounding(head, answer),
    }


def _grounding(head: _Head, answer: Answer) -> dict[str, Any]:
    """Return ragkit's own fields of a completion; OpenAI's clients keep fields that they do not know."""
    return {
        "citations": provenance(head.request, head.collection, answer),
        "ragkit": {
            "status": answer.status,
            "confidence": round(answer.confidence, 6),
            "warnings": list(answer.warnings),
        },
    }


async def _chunks(
    head: _Head, items: AsyncIterator[str | Answer | Exception | None], *, usage: bool
) -> AsyncIterator[bytes]:
    """Yield the chunks of a completion; the last one with a choice carries the annotations and the finish reason."""
    yield _chunk(head, {"role": "assistant", "content": ""})
    async for item in items:
        if item is None:
            yield KEEP_ALIVE
        elif isinstance(item, str):
            yield _chunk(head, {"content": item})
        elif isinstance(item, Answer):
            annotations = url_citations(head.request, head.collection, item)
            if annotations:
                yield _chunk(head, {"annotations": annotations})
            yield _chunk(head, {}, finish="stop", more=_grounding(head, item))
            if usage:
                yield _frame({**_base(head), "choices": [], "usage": usage_of(item)})
            yield DONE
        else:
            yield _error(head.request, item)


def _base(head: _Head) -> dict[str, Any]:
    return {"id": head.id, "object": "chat.completion.chunk", "created": head.created, "model": head.model}


def _chunk(
    head: _Head, delta: dict[str, Any], *, finish: str | None = None, more: dict[str, Any] | None = None
) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    return _frame({**_base(head), "choices": [choice], **(more or {})})


def _error(request: Request, error: Exception) -> bytes:
    problem = service_of(request).problem_of(error, request)
    return _frame(openai_error(problem.parts(request.scope.get("request_id", "")))[1])


def _frame(payload: dict[str, Any]) -> bytes:
    return b"data: %s\n\n" % dump(payload)
