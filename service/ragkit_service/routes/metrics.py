"""Metrics for Prometheus."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse, Response

from ragkit_service.errors import Problem
from ragkit_service.observing.metrics import CONTENT_TYPE, Metrics
from ragkit_service.routes.openapi import problems
from ragkit_service.security.access import access_of

router = APIRouter(tags=["service"])

_EXAMPLE: Final = (
    "# HELP ragkit_http_requests_total Requests that have ended.\n"
    "# TYPE ragkit_http_requests_total counter\n"
    'ragkit_http_requests_total{method="POST",route="/v1/collections/{name}/ask",status="200"} 17.0\n'
)


@router.get(
    "/metrics",
    response_class=PlainTextResponse,
    responses={**problems(404), 200: {"content": {"text/plain": {"example": _EXAMPLE}}}},
)
def metrics(request: Request) -> Response:
    """Return counts and durations in Prometheus' text format, of all collections together: for keys that read all."""
    access = access_of(request)
    access.check("read")
    if "*" not in access.collections or access.labels is not None:
        raise Problem(
            403,
            "scope",
            "The key may not do this",
            "the metrics are of all collections, and the key is not for all of them",
            cure="use a key without --collection and --label: ragkit keys create prometheus --scope read",
        )
    counted: Metrics | None = request.app.state.metrics
    if counted is None:
        raise Problem(
            404,
            "metrics",
            "There are no metrics",
            "the server lacks the package prometheus-client",
            cure="run on the server: pip install 'ragkit[metrics]'",
        )
    return Response(counted.text(), media_type=CONTENT_TYPE)
