"""The OpenAPI description of routes: examples of success, and every problem that a route can return."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel

from ragkit_service.error_formats import ErrorParts, dify_error, format_of, openai_error
from ragkit_service.errors import HTTP_CURES, PROBLEM_TYPE
from ragkit_service.schemas import requests as schemas
from ragkit_service.schemas import responses as replies
from ragkit_service.settings import LONGEST_QUESTION, Limits

REQUEST_ID: Final = "5f0c6b1e9a3d4c72"

_PROBLEMS: Final[dict[int, tuple[str, str, str, str]]] = {
    400: ("bad-request", "Bad Request", "There was an error parsing the body", HTTP_CURES[400]),
    401: (
        "key",
        "A key is needed",
        "the request carries no key that this service knows",
        "send the header `Authorization: Bearer KEY` or `X-API-Key: KEY`",
    ),
    403: (
        "cross-site",
        "Another site's page may not do this",
        "the request comes from a page of another origin",
        "send it from the service's own page or from a program",
    ),
    404: (
        "not-found",
        "There is no such thing here",
        "there is no collection 'handbok'",
        "GET /v1/collections lists them; POST makes one",
    ),
    408: (
        "too-slow",
        "The request took too long to arrive",
        "the body had not arrived after 30 s",
        "send it faster, or in smaller parts",
    ),
    409: (
        "conflict",
        "Something of that name exists already",
        "there is a collection 'handbook' already",
        "choose another name",
    ),
    413: ("too-large", "Too large", "the request body is over 1,048,576 bytes", "send at most 1,048,576 bytes"),
    415: (
        "media-type",
        "Wrong content type",
        "this route takes application/json",
        "send the header `Content-Type: application/json`",
    ),
    421: (
        "host",
        "Not a host of this service",
        "the Host header names no host of this service",
        "use the address that the service listens on, or set RAGKIT_ALLOWED_HOSTS on the server",
    ),
    422: (
        "validation",
        "A value is wrong",
        "body.question: String should have at most 8000 characters",
        "shorten it",
    ),
    423: (
        "locked",
        "Another writer is at work",
        "another process is writing to this collection",
        "send the request again a little later",
    ),
    429: (
        "rate",
        "Too many requests",
        "the key allows 60 requests a minute",
        "send the request again after the time in Retry-After",
    ),
    500: (
        "internal",
        "Internal error",
        "the service failed and wrote why to its log",
        "quote the request_id to whoever runs the service",
    ),
    502: ("chat", "The chat model failed", "the chat model's endpoint failed", "see the server's log"),
    503: ("model", "The model is not there", "a model cannot be loaded on the server", "see the server's log"),
    504: (
        "chat-timeout",
        "The chat model took too long",
        "the chat model did not finish before its deadline",
        "send the request again, or raise RAGKIT_CHAT_DEADLINE on the server",
    ),
    507: ("storage-full", "The disk is full", "the service cannot write to its disk", "free space on the server"),
}
EVERYWHERE: Final = (400, 401, 403, 408, 413, 415, 421, 422, 429, 500, 503)

PROBLEM_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "description": "RFC 9457, with the cure.",
    "required": ["type", "title", "status", "detail", "instance", "cure", "request_id"],
    "properties": {
        "type": {"type": "string", "description": "urn:ragkit:problem:KIND"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string", "description": "The path of the request."},
        "cure": {"type": "string", "description": "What to do next."},
        "request_id": {"type": "string", "description": "What the server's log calls this request."},
        "reason": {"type": "string", "description": "Why a file gave no document."},
        "errors": {"type": "array", "items": {"type": "object"}, "description": "Each wrong value."},
        "files": {"type": "array", "items": {"type": "object"}, "description": "The report of each file."},
    },
}


OPENAI_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "description": "An error as OpenAI writes it.",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": {"type": "string", "description": "What failed, and what to do next."},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"], "description": "The field that is wrong."},
                "code": {"type": "string"},
                "request_id": {"type": "string"},
            },
        }
    },
}


DIFY_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "description": "An error of Dify: 1001 no key in the right form, 1002 a wrong key, 2001 no such collection.",
    "required": ["error_code", "error_msg"],
    "properties": {"error_code": {"type": "integer"}, "error_msg": {"type": "string"}},
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI responses of the given statuses and of those that any route can have, with examples."""
    return {status: _problem(status) for status in sorted({*statuses, *EVERYWHERE})}


def openai_errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the same for a route of OpenAI's API: errors in its shape, and 400 for a value that is wrong."""
    wanted = {400 if status == 422 else status for status in (*statuses, *EVERYWHERE)}
    return {status: _openai_problem(status) for status in sorted(wanted)}


def complete(document: dict[str, Any], limits: Limits) -> dict[str, Any]:
    """Complete FastAPI's document: the nulls of examples, the ways to send a key, and limits that are settings."""
    components = document["components"]
    described = schemas.NewDocuments.model_json_schema(ref_template="#/components/schemas/{model}")
    components["schemas"].update(described.pop("$defs"), NewDocuments=described)  # FastAPI sees no model for this body
    for name, schema in components["schemas"].items():
        model = getattr(replies, name, None) or getattr(schemas, name, None)
        if isinstance(model, type) and issubclass(model, BaseModel):
            extra = model.model_config.get("json_schema_extra")
            if isinstance(extra, dict):
                schema.update(extra)
    components["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer"},
        "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    }
    for path, operations in document["paths"].items():
        if format_of(path) == "openai":  # FastAPI's own 422 is 400 there
            for operation in operations.values():
                operation["responses"].pop("422", None)
    document["paths"]["/healthz"]["get"]["security"] = []
    _limit_questions(components["schemas"], limits.question_characters)
    return document


def _limit_questions(schema: Any, most: int) -> None:
    """Put the limit of the settings in the place of a question's bound, wherever a schema has it."""
    for inner in schema.values() if isinstance(schema, dict) else schema:
        if isinstance(inner, dict | list):
            _limit_questions(inner, most)
        if isinstance(inner, dict) and inner.get("maxLength") == LONGEST_QUESTION:
            inner["maxLength"] = most


def security(*, asks: bool) -> list[dict[str, list[str]]]:
    """Return the ways to send a key, where the service requires one; also that of no key, where it does not."""
    ways: list[dict[str, list[str]]] = [{"bearer": []}, {"header": []}]
    return ways if asks else [{}, *ways]


def dify_errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the same for Dify's route."""
    return {status: _dify_problem(status) for status in sorted({*statuses, *EVERYWHERE})}


def _dify_problem(status: int) -> dict[str, Any]:
    kind, title, detail, cure = _PROBLEMS[status]
    parts = ErrorParts(status, kind, f"{detail}; {cure}" if cure else detail, request_id=REQUEST_ID)
    content = {"application/json": {"schema": DIFY_SCHEMA, "example": dify_error(parts)[1]}}
    return {"description": title, "content": content}


def _openai_problem(status: int) -> dict[str, Any]:
    kind, title, detail, cure = _PROBLEMS[422 if status == 400 else status]
    parts = ErrorParts(status, kind, f"{detail}; {cure}" if cure else detail, request_id=REQUEST_ID)
    example = openai_error(parts)[1]
    return {"description": title, "content": {"application/json": {"schema": OPENAI_SCHEMA, "example": example}}}


def _problem(status: int) -> dict[str, Any]:
    kind, title, detail, cure = _PROBLEMS[status]
    example = {
        "type": f"urn:ragkit:problem:{kind}",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": "/v1/collections/handbook/search",
        "cure": cure,
        "request_id": REQUEST_ID,
    }
    return {"description": title, "content": {PROBLEM_TYPE: {"schema": PROBLEM_SCHEMA, "example": example}}}
