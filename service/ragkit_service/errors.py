"""From errors to responses: the one table from error class to status, as problem+json (RFC 9457)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ragkit import (
    AdapterRefusedError,
    AnswerFormatError,
    BudgetError,
    ChatError,
    ChatInterruptedError,
    ChatTimeoutError,
    ChatUnavailableError,
    ConfigError,
    ConflictError,
    CorruptError,
    DefinitionError,
    EmbeddingError,
    ExtractionError,
    FilterError,
    InputError,
    LockedError,
    ModelError,
    ModelMismatchError,
    NotFoundError,
    QueryError,
    RagkitError,
    SchemaVersionError,
    StepError,
    StorageFullError,
    StoreError,
)
from ragkit_service.error_formats import ErrorParts, dify_error, format_of, openai_error

if TYPE_CHECKING:
    from starlette.responses import Response

PROBLEM_TYPE: Final = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Rule:
    """The response of one error class. detail: the text for clients, because the error's own message names folders,
    processes or servers and is for the log; "" for that message without paths."""

    status: int
    kind: str
    title: str
    detail: str = ""
    cure: str = ""
    retry_after: int = 0


RULES: Final[Mapping[type[Exception], Rule]] = {
    QueryError: Rule(422, "question", "The question cannot be searched"),
    FilterError: Rule(422, "filter", "The filter is malformed"),
    BudgetError: Rule(422, "budget", "The prompt does not fit its budget"),
    AdapterRefusedError: Rule(409, "adapter-refused", "The query adapter does not help"),
    InputError: Rule(422, "input", "A value is wrong"),
    ExtractionError: Rule(422, "extraction", "The file gave no document"),
    NotFoundError: Rule(404, "not-found", "There is no such thing here"),
    ConflictError: Rule(409, "conflict", "Something of that name exists already"),
    LockedError: Rule(
        423,
        "locked",
        "Another writer is at work",
        "another process is writing to this collection",
        "send the request again a little later",
        retry_after=5,
    ),
    ModelMismatchError: Rule(409, "model-mismatch", "The collection was built with another model"),
    StorageFullError: Rule(
        507, "storage-full", "The disk is full", "the service cannot write to its disk", "free space on the server"
    ),
    SchemaVersionError: Rule(
        500,
        "schema-version",
        "The data is of a newer version",
        "the collection was written by a newer version of ragkit",
        "upgrade ragkit on the server",
    ),
    CorruptError: Rule(
        500,
        "corrupt",
        "The collection is damaged",
        "a stored hash, offset or page of the collection is wrong",
        "run `ragkit doctor` on the server",
    ),
    StoreError: Rule(500, "store", "The data folder cannot be used", "the data folder failed", "see the server's log"),
    EmbeddingError: Rule(
        500, "embedding", "The embedding model failed", "the model returned no usable vectors", "see the server's log"
    ),
    ModelError: Rule(
        503, "model", "The model is not there", "a model cannot be loaded on the server", "see the server's log"
    ),
    DefinitionError: Rule(
        500,
        "definition",
        "A file on the server is wrong",
        "a prompt template, chain or example file of the server is wrong",
        "see the server's log",
    ),
    ConfigError: Rule(
        500, "config", "The server is not set up for this", "a setting of the server is wrong", "see the server's log"
    ),
    ChatTimeoutError: Rule(
        504,
        "chat-timeout",
        "The chat model took too long",
        "the chat model did not finish before its deadline",
        "send the request again, or raise RAGKIT_CHAT_DEADLINE on the server",
    ),
    ChatUnavailableError: Rule(
        503,
        "chat-unavailable",
        "The chat model is not asked for a while",
        "the chat model has failed several times in a row",
        "send the request again a little later; search and prompts work meanwhile",
        retry_after=15,
    ),
    ChatInterruptedError: Rule(
        502,
        "chat-interrupted",
        "The chat model broke off",
        "the chat model's stream ended before its end mark",
        "send the request again",
    ),
    AnswerFormatError: Rule(
        502,
        "answer-format",
        "The chat model gave no JSON of the schema",
        "the chat model's answer did not match the JSON schema, also when it was asked again",
        "send the request again, or use a simpler schema",
    ),
    StepError: Rule(502, "step", "A step of the chain failed"),
    ChatError: Rule(502, "chat", "The chat model failed", "the chat model's endpoint failed", "see the server's log"),
    RagkitError: Rule(500, "internal", "The request failed", "the request failed", "see the server's log"),
    MemoryError: Rule(503, "memory", "The server is out of memory", "the server ran out of memory", "try again later"),
}
"""The one table: the nearest class among an error's ancestors decides."""

UNKNOWN: Final = Rule(
    500,
    "internal",
    "Internal error",
    "the service failed and wrote why to its log",
    "quote the request_id to whoever runs the service",
)
_SHARED_STORE: Final = re.compile(r"\bpostgres(?:ql)?://[^\s;,)]*")
_ABSOLUTE_PATH = re.compile(r"(?<![\w/:.])(?!/v1/)(?:/[^\s/'\";,:)]+){2,}/?")


@dataclass(eq=False)
class Problem(Exception):
    """An error response, to be raised. extra: further members of the JSON object.

    Not frozen: Python itself sets attributes on an exception that passes a context manager.
    """

    status: int
    kind: str
    title: str
    detail: str
    cure: str = ""
    retry_after: int = 0
    headers: Mapping[str, str] | None = None
    extra: Mapping[str, Any] | None = None

    def as_dict(self, *, instance: str, request_id: str) -> dict[str, Any]:
        """Return the members of RFC 9457, with `cure` and `request_id`."""
        return {
            "type": f"urn:ragkit:problem:{self.kind}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
            "cure": self.cure,
            "request_id": request_id,
            **(self.extra or {}),
        }

    def parts(self, request_id: str) -> ErrorParts:
        """Return the parts of the problem that other formats of errors have room for."""
        message = f"{self.detail}; {self.cure}" if self.cure else self.detail
        errors = (self.extra or {}).get("errors") or [{}]
        param = str(errors[0].get("where", "")).removeprefix("body.").removeprefix("query.")
        return ErrorParts(self.status, self.kind, message, request_id=request_id, param=param)


def rule_for(error: BaseException) -> Rule:
    """Return the table's row for an error: that of its nearest ancestor that has one."""
    for ancestor in type(error).__mro__:
        if ancestor in RULES:
            return RULES[ancestor]
    return UNKNOWN


class Redactor:
    """Turns errors into problems, and replaces the paths of this server in texts."""

    def __init__(self, hidden: Sequence[Path] = ()) -> None:
        names = {str(form) for path in hidden for form in (path, path.absolute(), path.resolve())}
        self._hidden = sorted((name for name in names if len(name) > 1), key=len, reverse=True)

    def problem(self, error: Exception) -> Problem:
        """Return the problem that a client may see for an error."""
        if isinstance(error, Problem):
            return error
        rule = rule_for(error)
        detail, cure = rule.detail, rule.cure
        if not detail and isinstance(error, RagkitError):
            detail, cure = self.clean(error.message), self.clean(error.cure)
        extra = {"reason": error.reason} if isinstance(error, ExtractionError) else None
        return Problem(rule.status, rule.kind, rule.title, detail, cure=cure, retry_after=rule.retry_after, extra=extra)

    def clean_json(self, value: Any) -> Any:
        """Return a JSON value whose texts name no folder of this server."""
        if isinstance(value, str):
            return self.clean(value)
        if isinstance(value, Mapping):
            return {key: self.clean_json(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.clean_json(item) for item in value]
        return value

    def clean(self, text: str) -> str:
        """Return text that names no folder of this server, and not the address of its shared store."""
        for name in self._hidden:
            text = text.replace(name, "DATA")
        return _ABSOLUTE_PATH.sub("PATH", _SHARED_STORE.sub("DATA", text))


HTTP_CURES: Final = {
    400: "send a well-formed body, not deeply nested; see /openapi.json for what this route takes",
    404: "see /openapi.json for the routes",
    405: "see /openapi.json for the methods of this route",
}
"""The cures of statuses of HTTP itself."""


def http_problem(status: int, detail: str = "", *, headers: Mapping[str, str] | None = None) -> Problem:
    """Return a problem for a status of HTTP itself (no such route, method not allowed …)."""
    phrase = HTTPStatus(status).phrase
    kind = phrase.lower().replace(" ", "-")
    return Problem(status, kind, phrase, detail or phrase, cure=HTTP_CURES.get(status, ""), headers=headers)


def problem_response(problem: Problem, *, instance: str, request_id: str) -> Response:
    """Return the response of a problem, in the format that clients of its path read.

    The JSON is ASCII, so that any text in it can be sent.
    """
    from starlette.responses import Response  # not at the top: `ragkit --help` loads this module

    headers = dict(problem.headers or {})
    if problem.retry_after:
        headers["Retry-After"] = str(problem.retry_after)
    status, content, media_type = _formatted(problem, instance=instance, request_id=request_id)
    return Response(json.dumps(content).encode(), status_code=status, headers=headers, media_type=media_type)


def _formatted(problem: Problem, *, instance: str, request_id: str) -> tuple[int, dict[str, Any], str]:
    """Return status, body and media type of a problem."""
    wanted = format_of(instance)
    if wanted == "problem":
        return problem.status, problem.as_dict(instance=instance, request_id=request_id), PROBLEM_TYPE
    status, content = (openai_error if wanted == "openai" else dify_error)(problem.parts(request_id))
    return status, content, "application/json"
