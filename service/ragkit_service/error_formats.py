"""Errors in the formats of other APIs, for clients of OpenAI's and Dify's protocols."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final, Literal

Format = Literal["problem", "openai", "dify"]

_OPENAI_PATH = re.compile(
    r"/v1/(?:models|chat/completions|embeddings|responses|files|vector_stores"
    r"|completions|moderations|uploads|batches|images|audio|conversations|assistants|threads|fine_tuning)(?:/.*)?"
)
"""Routes of OpenAI's API; its clients get an error that they can read for those that are not served, too."""
_DIFY_PATH: Final = "/retrieval"

_OPENAI_TYPES: Final = {
    401: "authentication_error",
    403: "permission_error",
    429: "rate_limit_error",
    503: "service_unavailable",
    504: "timeout",
}
_OPENAI_CODES: Final = {"key": "invalid_api_key", "validation": "invalid_value", "budget": "context_length_exceeded"}

_DIFY_CODES: Final = {"key-format": 1001, "key": 1002, "not-found": 2001}


@dataclass(frozen=True, slots=True)
class ErrorParts:
    """The parts of an error in a response. message: what failed and the cure, in one line."""

    status: int
    kind: str
    message: str
    request_id: str = ""
    param: str = ""


def format_of(path: str) -> Format:
    """Return the format that the clients of a path read."""
    if _OPENAI_PATH.fullmatch(path):
        return "openai"
    return "dify" if path == _DIFY_PATH else "problem"


def openai_error(parts: ErrorParts) -> tuple[int, dict[str, Any]]:
    """Return status and body in OpenAI's format, in which an invalid value is 400."""
    status = 400 if parts.status == 422 else parts.status
    kind = _OPENAI_TYPES.get(status) or ("server_error" if status >= 500 else "invalid_request_error")
    code = _OPENAI_CODES.get(parts.kind) or parts.kind.replace("-", "_")
    error = {"message": parts.message, "type": kind, "param": parts.param or None, "code": code}
    return status, {"error": {**error, "request_id": parts.request_id}}


def dify_error(parts: ErrorParts) -> tuple[int, dict[str, Any]]:
    """Return status and body of Dify's external knowledge API; its own codes where it has one, else the status."""
    code = _DIFY_CODES.get(parts.kind, parts.status)
    return parts.status, {"error_code": code, "error_msg": parts.message, "request_id": parts.request_id}
