"""OpenTelemetry spans of requests and their stages, sent by OTLP over HTTP; needs the extra `otel`.

Nothing of OpenTelemetry is imported, and nothing is sent, unless an endpoint is configured.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ragkit import MissingPackageError, observe_stages
from ragkit_service.observing.records import route_of

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor

_SERVER_ERROR = 500


class Tracing:
    """The spans of one service. They hold no question, text, name of a collection, key or address of a client."""

    def __init__(self, endpoint: str, *, processor: SpanProcessor | None = None) -> None:
        """endpoint: of a collector, as http://127.0.0.1:4318. processor: replaces it in tests.

        Raises MissingPackageError without the extra `otel`.
        """
        try:
            from opentelemetry import trace
            from opentelemetry.propagate import extract
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider

            made = processor or _exporting(endpoint)
        except ImportError as error:
            raise MissingPackageError("opentelemetry-sdk", purpose="sending spans", install="'ragkit[otel]'") from error
        name = os.environ.get("OTEL_SERVICE_NAME", "") or "ragkit"
        self._trace, self._extract = trace, extract
        self._provider = TracerProvider(resource=Resource.create({"service.name": name}))
        self._provider.add_span_processor(made)
        self._tracer = self._provider.get_tracer("ragkit_service")
        self._stop_observing = observe_stages(self._begin)

    def request(self, scope: Scope) -> Any:
        """Return a context manager that gives the span of a request, which joins the caller's trace (traceparent)."""
        carrier = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        return self._tracer.start_as_current_span(
            scope["method"],
            context=self._extract(carrier),
            kind=self._trace.SpanKind.SERVER,
            attributes={"http.request.method": scope["method"], "ragkit.request_id": scope.get("request_id", "")},
            record_exception=False,  # its message may hold text of a document
        )

    def finish(self, span: Any, scope: Scope, status: int) -> None:
        """Name a request's span by its route, and add its status."""
        route, _ = route_of(scope)
        span.update_name(f"{scope['method']} {route}".strip())
        span.set_attributes({"http.route": route, "http.response.status_code": status})
        if status >= _SERVER_ERROR:
            span.set_status(self._trace.StatusCode.ERROR)

    def close(self) -> None:
        """Send the pending spans, and stop."""
        self._stop_observing()
        self._provider.shutdown()

    def _begin(self, name: str) -> Any:
        """Begin the span of a stage below that of its request; stages outside of requests have none."""
        parent = self._trace.get_current_span()
        if not parent.get_span_context().is_valid:
            return lambda _: None
        span = self._tracer.start_span(f"ragkit.{name}")

        def end(error: BaseException | None) -> None:
            if isinstance(error, Exception):
                span.set_attribute("error.type", type(error).__name__)
                span.set_status(self._trace.StatusCode.ERROR)
            span.end()

        return end


class TracedRequests:
    """ASGI middleware: each request is a span, the parent of the spans of its stages."""

    def __init__(self, app: ASGIApp, *, tracing: Tracing) -> None:
        self.app = app
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, inside its span."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status = 0

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        with self._tracing.request(scope) as span:
            try:
                await self.app(scope, receive, noted)
            finally:
                self._tracing.finish(span, scope, status)


def _exporting(endpoint: str) -> SpanProcessor:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    return BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces"))
