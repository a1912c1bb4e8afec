"""The page at /docs: every route of the OpenAPI document, rendered here, so that it loads nothing from elsewhere."""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from ragkit_service.routes.page import PAGE_HEADERS

router = APIRouter(include_in_schema=False)


@router.get("/docs")
def docs(request: Request) -> Response:
    """Return the page of all routes."""
    document: dict[str, Any] = request.app.openapi()
    root = html.escape(request.scope.get("prefix", ""))
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width">',
        f'<title>ragkit: routes</title><link rel="stylesheet" href="{root}/static/style.css"></head><body><main>',
        f"<h1>ragkit {html.escape(document['info']['version'])}</h1>",
        f"<p>{html.escape(document['info']['description'])}</p>",
        f'<p>All of it, with examples: <a href="{root}/openapi.json">openapi.json</a>.</p>',
        *_routes(document),
        "</main></body></html>",
    ]
    return Response("\n".join(parts), media_type="text/html", headers=PAGE_HEADERS)


def _routes(document: dict[str, Any]) -> Iterator[str]:
    for path, methods in document["paths"].items():
        for method, route in methods.items():
            yield f"<h2><code>{method.upper()} {html.escape(path)}</code></h2>"
            for paragraph in str(route.get("description", route.get("summary", ""))).split("\n\n"):
                yield f"<p>{html.escape(paragraph)}</p>"
            names = [f"<code>{html.escape(item['name'])}</code>" for item in route.get("parameters", [])]
            yield f"<p>Parameters: {', '.join(names) or 'none'}. Answers: {', '.join(sorted(route['responses']))}.</p>"
