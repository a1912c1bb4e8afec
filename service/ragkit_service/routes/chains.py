"""Chains: those that the operator installed are listed and run, step by step, and their traces are kept and shown."""

from __future__ import annotations

from collections.abc import Generator
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from ragkit import (
    Chain,
    ChainRun,
    NotFoundError,
    RagkitError,
    StepTrace,
    installed_chain,
    list_chains,
    load_trace,
    show,
    trace_ids,
    trace_lines,
)
from ragkit_service.context import Service, service_of
from ragkit_service.errors import Redactor
from ragkit_service.event_stream import ResultStream, event, stream_events, whole_result
from ragkit_service.json_response import json_response
from ragkit_service.routes.openapi import problems
from ragkit_service.schemas.chains import ChainRequest, ChainRunReply, ChainsReply, TracesReply
from ragkit_service.security.access import Access, access_of

router = APIRouter(prefix="/v1/collections/{name}", tags=["chains"])

ChainName = Annotated[str, Path(max_length=100, description="The name of a chain of the list.")]
TraceId = Annotated[str, Path(max_length=200, description="The id of a run.")]
_EVENTS = 'event: step\ndata: {"name":"passages","kind":"retrieve","status":"done",…}\n\nevent: run\ndata: {…}\n\n'


@router.get("/chains", response_model=ChainsReply, responses=problems(404, 409, 422, 503))
def list_all_chains(request: Request, name: str) -> Response:
    """List the chains that the operator installed for a collection, and those that come with ragkit."""
    service = service_of(request)
    with service.reading(access_of(request), name) as view:
        found = list_chains(view.folder)
    return json_response({"chains": [_listed(item, service.redactor) for item in found]})


def _listed(item: Chain | RagkitError, redactor: Redactor) -> dict[str, Any]:
    """Return a chain, or the error of its file, without the paths of this server."""
    if isinstance(item, RagkitError):
        error = redactor.clean(item.message)
        return {"name": "", "version": 0, "description": "", "digest": "", "steps": [], "error": error}
    shown = item.as_dict()
    return {key: shown[key] for key in ("name", "version", "description", "digest", "steps")} | {"error": ""}


@router.post(
    "/chains/{chain}",
    response_model=ChainRunReply,
    responses={
        200: {
            "description": "The run, also a failed one; with `stream: true`, server-sent events: `step` for each step "
            "when it has ended, then `run` with the whole, or `error` with a problem where it was cut.",
            "content": {"text/event-stream": {"example": _EVENTS}},
        },
        **problems(400, 404, 409, 415, 422, 502, 503, 504),
    },
)
async def run_chain(request: Request, name: str, chain: ChainName, body: ChainRequest) -> Response:
    """Answer a question with a chain. It ends when the client leaves, and at the deadline that its file states."""
    service = service_of(request)
    run = partial(_run, service, access_of(request), name, chain, body.query)
    stream = ResultStream(run, last=ChainRun, limiter=service.asking, ending=service.ending)
    if body.stream:
        limits = service.settings.limits
        return await stream_events(
            stream,
            request,
            encode=partial(_event, service.redactor),
            problem_of=partial(service.problem_of, request=request),
            first_seconds=limits.first_event_seconds,
            keep_alive=limits.comment_seconds,
        )
    result = await whole_result(stream, request)
    if result is None:
        return Response(status_code=499)  # the client has disconnected
    return json_response(_shown(result.as_dict(), service.redactor))


def _run(
    service: Service, access: Access, name: str, chain: str, question: str
) -> Generator[StepTrace | ChainRun, None, None]:
    """Hold the collection, with the key's rights, while the chain runs."""
    with service.reading(access, name) as view:
        yield from installed_chain(chain, folder=view.folder).stream(view, question)


def _event(redactor: Redactor, item: StepTrace | ChainRun) -> bytes:
    return event("run" if isinstance(item, ChainRun) else "step", _shown(item.as_dict(), redactor))


def _shown(item: dict[str, Any], redactor: Redactor) -> dict[str, Any]:
    """Return the JSON of a run or a step, with errors that name no path of this server."""
    steps = {"steps": [_shown(step, redactor) for step in item["steps"]]} if "steps" in item else {}
    return {**item, **steps, "error": redactor.clean(item["error"])}


@router.get("/traces", response_model=TracesReply, responses=problems(403, 404, 409, 422, 503))
def list_traces(request: Request, name: str) -> Response:
    """List the stored runs of chains, newest first. It needs a key that may write and sees every document."""
    with _reading_traces(request, name) as knowledge:
        return json_response({"traces": trace_ids(knowledge.folder)})


@router.get(
    "/traces/{trace}",
    response_model=ChainRunReply,
    responses={
        200: {
            "description": "The run, as JSON or as text.",
            "content": {"text/plain": {"schema": {"type": "string"}, "example": "support version 1, done\n"}},
        },
        **problems(403, 404, 409, 422, 503),
    },
)
def get_trace(
    request: Request,
    name: str,
    trace: TraceId,
    format: Annotated[Literal["json", "text"], Query()] = "json",  # noqa: A002
) -> Response:
    """Get a stored run: every step's prompt, output, tokens and time. It needs the rights of the list."""
    with _reading_traces(request, name) as knowledge:
        if trace not in trace_ids(knowledge.folder):
            raise NotFoundError(f"there is no trace {show(trace, 80)!r}", cure="GET …/traces lists them")
        run = _shown(dict(load_trace(knowledge.folder, trace)), service_of(request).redactor)
    if format == "json":
        return json_response(run)
    lines = "".join(f"{show(line)}\n" for line in trace_lines(run))
    return Response(lines.encode("utf-8", "replace"), media_type="text/plain")


def _reading_traces(request: Request, name: str) -> Any:
    """Lend the collection to keys that may see every document that a trace can quote."""
    service, access = service_of(request), access_of(request)
    service.require_all_labels(access, name, what="traces")
    return service.pool.use(name)
