"""Questions: search, prompt and ask. Schema in, one call, its `as_dict()` out."""

from __future__ import annotations

import time
from collections.abc import Generator
from functools import partial

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from ragkit import Answer, Hits
from ragkit_service.context import Service, service_of
from ragkit_service.event_stream import AnswerStream, answer_event, stream_events, whole_result
from ragkit_service.json_response import json_response
from ragkit_service.observing.records import note_hits
from ragkit_service.routes.fast_route import DirectRoute
from ragkit_service.routes.openapi import problems
from ragkit_service.schemas.requests import AskRequest, CheckRequest, PromptRequest, SearchRequest
from ragkit_service.schemas.responses import AnswerReply, CheckReply, PromptReply, SearchReply
from ragkit_service.security.access import Access, access_of

router = APIRouter(prefix="/v1/collections/{name}", tags=["questions"], route_class=DirectRoute)

_EVENTS = (
    "event: delta\n"
    'data: {"text":"Goods may be returned within 30 days [1]."}\n\n'
    "event: answer\n"
    'data: {"question":"How long is the refund window?","text":"Goods may be returned within 30 days [1].",'
    '"status":"answered","citations":[…],"model":"extractive","tokens":{…},"confidence":0.87,"removed":[],"warnings":[]}\n\n'
)


@router.post("/search", response_model=SearchReply, responses=problems(400, 404, 409, 415, 422, 503))
async def search(request: Request, name: str, body: SearchRequest) -> Response:
    """Find the passages that answer a question best."""
    started = time.perf_counter()
    service, access = service_of(request), access_of(request)
    with service.reading_open(access, name) as view:
        if view is not None:
            hits = await view.asearch(body.query, k=body.k, where=body.where, history=body.turns)
    if view is None:
        hits = await run_in_threadpool(_search, service, access, name, body)
    note_hits(len(hits))
    payload = {
        "query": body.query,
        "hits": [hit.as_dict() for hit in hits],
        "confidence": round(hits.confidence, 6),
        "took_ms": round((time.perf_counter() - started) * 1000, 3),
        "warnings": list(hits.warnings),
        "corrected": hits.corrected,
    }
    return json_response(payload)


def _search(service: Service, access: Access, name: str, body: SearchRequest) -> Hits:
    with service.reading(access, name) as view:
        return view.search(body.query, k=body.k, where=body.where, history=body.turns)


@router.post("/prompt", response_model=PromptReply, responses=problems(400, 404, 409, 415, 422, 503))
def prompt(request: Request, name: str, body: PromptRequest) -> Response:
    """Build a grounded prompt for any chat model: rules, numbered sources, history and the question, in its budget."""
    with service_of(request).reading(access_of(request), name) as view:
        built = view.prompt(
            body.question,
            k=body.k,
            where=body.where,
            history=body.turns,
            examples=body.shots,
            budget=body.budget,
        )
    return json_response(built.as_dict())


@router.post("/check", response_model=CheckReply, responses=problems(400, 404, 409, 415, 422, 503))
def check(request: Request, name: str, body: CheckRequest) -> Response:
    """Check each sentence of any text against the documents."""
    with service_of(request).reading(access_of(request), name) as view:
        found = view.check(body.text, k=body.k, where=body.where)
    return json_response(found.as_dict())


@router.post(
    "/ask",
    response_model=AnswerReply,
    responses={
        200: {
            "description": "The checked answer; with `stream: true`, server-sent events: `delta` with pieces of its "
            "text, then `answer` with the whole, or `error` with a problem where it was cut.",
            "content": {"text/event-stream": {"example": _EVENTS}},
        },
        **problems(400, 404, 409, 415, 422, 502, 503, 504),
    },
)
async def ask(request: Request, name: str, body: AskRequest) -> Response:
    """Answer a question from the documents, with citations that were checked against their text."""
    service = service_of(request)
    stream = AnswerStream(
        partial(_answer, service, access_of(request), name, body), limiter=service.asking, ending=service.ending
    )
    if body.stream:
        limits = service.settings.limits
        return await stream_events(
            stream,
            request,
            encode=answer_event,
            problem_of=partial(service.problem_of, request=request),
            first_seconds=limits.first_event_seconds,
            keep_alive=limits.comment_seconds,
        )
    answer = await whole_result(stream, request)
    if answer is None:
        return Response(status_code=499)  # the client has disconnected
    return json_response(answer.as_dict())


def _answer(service: Service, access: Access, name: str, body: AskRequest) -> Generator[str | Answer, None, None]:
    """Hold the collection while its answer is being made."""
    with service.reading(access, name) as view:
        yield from view.stream(body.question, k=body.k, where=body.where, history=body.turns, examples=body.shots)
