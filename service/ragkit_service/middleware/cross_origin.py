"""CORS: pages of the origins that the operator allows may use the service. Off without such origins."""

from __future__ import annotations

from typing import Final

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

_EXPOSED: Final = ("X-Request-ID", "Retry-After", "Location")
_CACHED_SECONDS: Final = 600


class CrossOrigin(CORSMiddleware):
    """ASGI middleware, the outermost: an error has the headers of CORS too, so that the page can read it.

    Credentials of the browser (cookies, Basic) are not allowed: a page sends a key in a header. A request of another
    origin passes unchanged: it gets no header of CORS, and `Guard` refuses what could change something.
    """

    def __init__(self, app: ASGIApp, *, origins: tuple[str, ...]) -> None:
        super().__init__(
            app,
            allow_origins=origins,
            allow_methods=["*"],
            allow_headers=["*"],
            expose_headers=_EXPOSED,
            max_age=_CACHED_SECONDS,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a preflight, and add the headers to a response, where the origin is allowed."""
        allowed = scope["type"] == "http" and self.is_allowed_origin(Headers(scope=scope).get("origin", "").lower())
        await (super().__call__ if allowed else self.app)(scope, receive, send)
