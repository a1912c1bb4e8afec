"""The app factory: one FastAPI app of the routes, the middlewares around them, and the handling of errors."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio.to_thread
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette._utils import get_route_path
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import compile_path

import ragkit
from ragkit import ConfigError, RagkitError, SharedDatabase, show
from ragkit_service.collection_pool import CollectionPool, DataFolder, Library
from ragkit_service.context import Service
from ragkit_service.errors import Problem, Redactor, http_problem, problem_response
from ragkit_service.file_store.file_table import prepare_files
from ragkit_service.jobs.base import JobQueue
from ragkit_service.jobs.board import JobBoard
from ragkit_service.jobs.extractor import Extractor, LazyExtractor, ingest_extractor
from ragkit_service.jobs.process import JobProcess
from ragkit_service.jobs.runner import Runner
from ragkit_service.jobs.tools import Tools
from ragkit_service.mcp.http import McpEndpoint
from ragkit_service.middleware.access import Guard
from ragkit_service.middleware.body_limit import BodyLimit
from ragkit_service.middleware.cross_origin import CrossOrigin
from ragkit_service.middleware.request_log import Observe
from ragkit_service.middleware.request_turns import RequestTurns
from ragkit_service.observing.access_log import log_request
from ragkit_service.observing.audit import AuditedRequests
from ragkit_service.observing.loop_stalls import LoopStalls
from ragkit_service.observing.metrics import Gauge, Metrics, is_installed
from ragkit_service.observing.records import RequestRecord
from ragkit_service.observing.tracing import TracedRequests, Tracing
from ragkit_service.routes import (
    api_docs,
    chains,
    collections,
    document_pages,
    documents,
    feedback,
    health,
    metrics,
    page,
    page_images,
    questions,
    uploads,
)
from ragkit_service.routes import jobs as jobs_routes
from ragkit_service.routes.openai.all_routes import OPENAI_ROUTERS
from ragkit_service.routes.openapi import complete, security
from ragkit_service.routes.other_clients import dify, open_webui, rerank
from ragkit_service.routes.page import PAGES
from ragkit_service.security.keyring import Keyring
from ragkit_service.security.keys import KeySource
from ragkit_service.settings import ServiceSettings
from ragkit_service.state.commit_following import CommitFollowing
from ragkit_service.state.file_sharing import FileSharing
from ragkit_service.state.opening import ServiceState, open_state

_DESCRIPTION = (
    "Grounded answers from your documents, with citations that were checked against their text. "
    "Every error is `application/problem+json` with a `cure`."
)
_KINDS = ("str", "constrained-str")
_CURES = {
    "extra_forbidden": "leave the field out",
    "missing": "add the field",
    "string_too_long": "shorten it",
    "too_long": "send fewer",
    "json_invalid": "send valid JSON",
}


def create_app(
    settings: ServiceSettings,
    *,
    library: Library | None = None,
    extractor: Extractor | None = None,
    tracing: Tracing | None = None,
) -> FastAPI:
    """Return the app of a data folder.

    library, extractor, tracing: replace the data folder, the file readers and what spans are given to, in tests and in
    programs that embed the service.
    Raises ConfigError when the address can be reached by others and there is no key.
    """
    state = open_state(settings)
    keyring = keyring_of(settings, state.keys)
    require_key(settings, keyring)
    redactor = Redactor([settings.data, Path.home(), Path.cwd()])
    pool = CollectionPool(
        library or DataFolder(settings.location, settings=settings.settings, remember=settings.remember),
        limit=settings.limits.open_collections,
    )
    jobs = _job_worker(settings, state, pool=pool if library else None, extractor=extractor, redactor=redactor)
    board = JobBoard(state.queue, wake=jobs.wake, limit=settings.limits.jobs)
    reader = LazyExtractor(lambda: extractor or ingest_extractor(settings.limits))
    prepare_files(state.database)
    service = Service(settings, pool=pool, redactor=redactor, jobs=board, extractor=reader, database=state.database)
    app = _App(
        title="ragkit",
        description=_DESCRIPTION,
        version=ragkit.__version__,
        docs_url=None,  # its page loads scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan,
        servers=[{"url": settings.root_path}] if settings.root_path else None,
        generate_unique_id_function=lambda route: route.name,
        **_quiet(),
    )
    parts = {"service": service, "keyring": keyring, "jobs": jobs, "shared": state, "stalls": LoopStalls()}
    parts["followers"] = _followers(pool, state.database)
    for name, part in parts.items():
        setattr(app.state, name, part)
    app.state.metrics = _metrics(pool, state.queue, app.state.stalls) if is_installed() else None
    _add_routes(app)
    for kind in (RagkitError, Problem, MemoryError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, _error_response)
    app.state.tracing = tracing or (Tracing(settings.otlp_endpoint) if settings.otlp_endpoint else None)
    _add_middleware(app, settings, redactor)
    return app


def _followers(pool: CollectionPool, database: SharedDatabase | None) -> tuple[CommitFollowing | FileSharing, ...]:
    """Return the threads that keep open collections at what other machines wrote; none without a shared database."""
    return (CommitFollowing(pool, database.watch_commits()), FileSharing(pool)) if database else ()


def _add_middleware(app: FastAPI, settings: ServiceSettings, redactor: Redactor) -> None:
    """Put the middlewares around the routes, from the innermost to the outermost."""
    app.add_middleware(BodyLimit, limits=settings.limits)
    app.add_middleware(Guard, settings=settings, keyring=app.state.keyring)
    if app.state.tracing:
        app.add_middleware(TracedRequests, tracing=app.state.tracing)
    app.add_middleware(RequestTurns)
    app.add_middleware(
        Observe,
        redactor=redactor,
        limit=settings.limits.requests,
        observers=_observers(settings, app),
        prefix=settings.root_path,
    )
    if settings.cors_origins:
        app.add_middleware(CrossOrigin, origins=settings.cors_origins)


def _observers(settings: ServiceSettings, app: FastAPI) -> list[Callable[[RequestRecord], None]]:
    """Return the observers of finished requests: the log, and the audit log and metrics where they are on."""
    found: list[Callable[[RequestRecord], None]] = [log_request]
    if settings.audit != "off":
        keyring: Keyring = app.state.keyring
        is_on = lambda: settings.audit == "on" or keyring.asks  # noqa: E731 - asked at each request
        found.append(AuditedRequests(app.state.shared.audit, is_on=is_on))
    return [*found, app.state.metrics] if app.state.metrics else found


def _metrics(pool: CollectionPool, queue: JobQueue, stalls: LoopStalls) -> Metrics:
    return Metrics(
        [
            Gauge("ragkit_open_collections", "Collections that are open.", pool.open_count),
            Gauge("ragkit_jobs_unfinished", "Jobs that are queued or running.", queue.length),
            Gauge("ragkit_event_loop_stall_seconds", "The longest stall of the last minute.", stalls.longest),
        ]
    )


def _add_routes(app: FastAPI) -> None:
    """Add the routes; they are matched in this order."""
    own = (questions, health, collections, jobs_routes, uploads, documents, document_pages, page_images, feedback)
    for group in (*own, chains, page, metrics, api_docs, dify, open_webui, rerank):
        app.include_router(group.router)
    app.include_router(documents.removing)
    for router in OPENAI_ROUTERS:
        app.include_router(router)
    app.state.mcp = McpEndpoint()
    app.router.routes.append(app.state.mcp.route)


class _App(FastAPI):
    """FastAPI with a completed OpenAPI document."""

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document, built once; whether a key is asked for may change while the service runs."""
        if self.openapi_schema is None:
            self.openapi_schema = complete(super().openapi(), self.state.service.settings.limits)
        self.openapi_schema["security"] = security(asks=self.state.keyring.asks)
        return self.openapi_schema


def keyring_of(settings: ServiceSettings, keys: KeySource) -> Keyring:
    """Return the key of the environment and the stored ones; an address that other machines can reach always needs
    one."""
    return Keyring(api_key=settings.api_key, keys=keys, always=not settings.is_loopback)


def require_key(settings: ServiceSettings, keyring: Keyring) -> None:
    """Raise ConfigError when other machines can reach the service and there is no key."""
    if not settings.is_loopback and keyring.is_empty:
        raise ConfigError(
            f"{settings.host} can be reached from other machines and there is no key",
            cure="set RAGKIT_API_KEY, or run: ragkit keys create NAME",
        )


def _job_worker(
    settings: ServiceSettings,
    state: ServiceState,
    *,
    pool: CollectionPool | None,
    extractor: Extractor | None,
    redactor: Redactor,
) -> Runner | JobProcess:
    """Return the worker of the jobs: a separate process, or threads where the caller passes collections or readers."""
    if pool is None and extractor is None:
        return JobProcess(settings, state.queue, worker=state.worker)
    lent = pool or CollectionPool(DataFolder(settings.location, settings=settings.settings))
    reader = extractor or ingest_extractor(settings.limits)
    tools = Tools(state.queue, lent, reader, redactor, settings.limits)
    return Runner(tools, lanes=settings.limits.job_lanes)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
    """Load the model in the background from the start; close every collection at the end."""
    service: Service = app.state.service
    threads = service.settings.limits.threads
    anyio.to_thread.current_default_thread_limiter().total_tokens = threads
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(threads, thread_name_prefix="ragkit-threads"))
    await anyio.to_thread.run_sync(app.state.shared.start)
    for follower in app.state.followers:
        follower.start()
    await anyio.to_thread.run_sync(app.state.jobs.start)
    warming = threading.Thread(target=service.warm, name="ragkit-warm", daemon=True)
    warming.start()
    watching = asyncio.create_task(app.state.stalls.watch())
    try:
        async with app.state.mcp.running(service):
            yield {"ending": service.ending}
    finally:
        watching.cancel()
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(warming.join)
            await anyio.to_thread.run_sync(service.extractor.close)
            await anyio.to_thread.run_sync(app.state.jobs.stop)
            await anyio.to_thread.run_sync(service.pictures.close)
            for follower in app.state.followers:
                await anyio.to_thread.run_sync(follower.close)
            await anyio.to_thread.run_sync(service.pool.close)
            await anyio.to_thread.run_sync(app.state.shared.close)
            if app.state.tracing:
                await anyio.to_thread.run_sync(app.state.tracing.close)


async def _error_response(request: Request, error: Exception) -> Response:
    """Return an error as a problem; the one place where routes' errors become responses."""
    service: Service = request.app.state.service
    if isinstance(error, RequestValidationError):
        problem = _validation_problem(error, service.redactor)
    elif isinstance(error, HTTPException):
        headers = {"Allow": allowed_methods(request)} if error.status_code == 405 else error.headers
        problem = http_problem(error.status_code, service.redactor.clean(str(error.detail)), headers=headers)
    else:
        problem = service.problem_of(error, request)
    request_id = request.scope.get("request_id", "")
    return problem_response(problem, instance=request.url.path, request_id=request_id)


def allowed_methods(request: Request) -> str:
    """Return the methods of every route at a request's path, for the header Allow; the router names the first only."""
    path = get_route_path(request.scope)
    known: dict[str, Iterable[str]] = {**request.app.openapi()["paths"], **dict.fromkeys(PAGES, ("get",))}
    methods = {name.upper() for form, names in known.items() if compile_path(form)[0].match(path) for name in names}
    return ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))


def _validation_problem(error: RequestValidationError, redactor: Redactor) -> Problem:
    """Return the place and reason of an invalid request, without the values that were sent."""
    errors: list[dict[str, Any]] = [
        {"where": show(_place(item["loc"]), 200), "what": show(item["msg"], 500), "kind": item["type"]}
        for item in error.errors()[:20]
    ]
    first = errors[0]
    return Problem(
        422,
        "validation",
        "A value is wrong",
        redactor.clean(f"{first['where']}: {first['what']}"),
        cure=_CURES.get(first["kind"], "see /openapi.json for what this route takes"),
        extra={"errors": errors},
    )


def _place(location: Sequence[int | str]) -> str:
    """Return the path of a value in a request, without pydantic's names of the kinds that it might have had."""
    return ".".join(str(part) for part in location if part not in _KINDS and "[" not in str(part))


def _quiet() -> dict[str, Any]:
    """Return the arguments that switch off FastAPI's telemetry, if it has any: requests appear in our log only."""
    if "telemetry" not in inspect.signature(FastAPI.__init__).parameters:
        return {}
    return {"telemetry": {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}}
