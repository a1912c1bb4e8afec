"""A faster route for valid requests: FastAPI's own handling takes a quarter of the time around a search."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from fastapi import Request
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.responses import Response


class DirectRoute(APIRoute):
    """A route with one JSON body, named `body`: a valid one is read in one pass and goes straight to an async endpoint.

    An invalid one takes FastAPI's path, which reports what is wrong and where. OpenAPI is the same for both. Path
    parameters are text, and the endpoint returns a Response. Other routes of the router stay as they are.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler of a request."""
        usual = super().get_route_handler()
        endpoint: Callable[..., Awaitable[Response]] = self.endpoint
        model = inspect.signature(endpoint, eval_str=True).parameters["body"].annotation
        if not inspect.iscoroutinefunction(endpoint) or not issubclass(model, BaseModel):
            return usual
        parse = model.__pydantic_validator__.validate_json

        async def handle(request: Request) -> Response:
            content = await request.body()  # the request keeps it: FastAPI reads the same
            try:
                body = parse(content)
            except ValidationError:
                return await usual(request)
            return await endpoint(request, body=body, **request.path_params)

        return handle
