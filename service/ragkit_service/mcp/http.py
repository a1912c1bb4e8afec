"""`/mcp`: streamable HTTP without sessions; each request is answered independently, as JSON."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from starlette.requests import Request
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from ragkit_service.context import Service
from ragkit_service.document_ids import document_url
from ragkit_service.errors import Problem, http_problem, problem_response
from ragkit_service.security.access import Access, access_of

if TYPE_CHECKING:
    from ragkit import KnowledgeView

PATH: Final = "/mcp"


class RequestCollections:
    """The collections that the key of a request may read."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._service: Service = request.app.state.service
        self._access: Access = access_of(request)

    def names(self) -> list[str]:
        """Return their names."""
        return self._service.collections(self._access)

    def reading(self, name: str) -> AbstractContextManager[KnowledgeView]:
        """Lend a collection; NotFoundError when there is none of that name."""
        return self._service.reading(self._access, name)

    def url(self, collection: str, source: str, *, start: int | None = None, end: int | None = None) -> str:
        """Return the address of a document on the requested host."""
        return document_url(self._request, collection, source, start=start, end=end)


class McpEndpoint:
    """The route: an ASGI app that serves while `running` is entered."""

    def __init__(self) -> None:
        self._app: ASGIApp | None = None

    @property
    def route(self) -> Route:
        """The route, for every method."""
        return Route(PATH, self, include_in_schema=False, name="mcp")

    @asynccontextmanager
    async def running(self, service: Service) -> AsyncIterator[None]:
        """Serve the tools for as long as the service runs; do nothing where the package mcp is not installed."""
        if find_spec("mcp") is None:
            yield
            return
        from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

        from ragkit_service.mcp.server import Calls, mcp_server

        calls = Calls(_collections, limiter=service.asking, redactor=service.redactor)
        manager = StreamableHTTPSessionManager(mcp_server(calls), json_response=True, stateless=True)
        async with manager.run():
            self._app = manager.handle_request
            try:
                yield
            finally:
                self._app = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or report the missing package.

        There are no sessions, so a GET, which would keep a stream of the server's own messages open, is 405.
        """
        if scope["method"] != "POST":
            problem = http_problem(405, "the tools are called by POST", headers={"Allow": "POST"})
        elif self._app is None:
            problem = Problem(
                501,
                "mcp",
                "MCP is not installed",
                "the server lacks the package mcp",
                cure="run on the server: pip install 'ragkit[mcp]'",
            )
        else:
            await self._app(scope, receive, send)
            return
        response = problem_response(problem, instance=PATH, request_id=scope.get("request_id", ""))
        await response(scope, receive, send)


def _collections(context: Any) -> RequestCollections:
    return RequestCollections(context.request)
