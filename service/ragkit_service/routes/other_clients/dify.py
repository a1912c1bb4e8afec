"""`POST /retrieval`: Dify's external knowledge API; a collection is a knowledge."""

from __future__ import annotations

import re
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from ragkit import FilterError, Hit
from ragkit_service.context import service_of
from ragkit_service.document_ids import document_id, document_url
from ragkit_service.json_response import json_response
from ragkit_service.observing.records import note_hits
from ragkit_service.routes.openapi import dify_errors
from ragkit_service.schemas.other_clients import DifyCondition, DifyConditions, DifyReply, DifyRequest
from ragkit_service.security.access import access_of

router = APIRouter(tags=["other clients"])

_OPERATORS: Final = {
    "contains": "contains",
    "start with": "prefix",
    "is": "eq",
    "is not": "ne",
    "in": "in",
    "not in": "nin",
    "=": "eq",
    "≠": "ne",
    ">": "gt",
    "<": "lt",
    "≥": "gte",
    "≤": "lte",
    "before": "before",
    "after": "after",
}
_NUMERIC: Final = ("=", "≠", ">", "<", "≥", "≤", "before", "after")
_LISTS: Final = ("in", "nin")
_OF_LISTS: Final = {"eq": "in", "ne": "nin"}
_OF_DATES: Final = {"before": "lt", "after": "gt"}
_NUMBER: Final = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,15})?")


@router.post("/retrieval", response_model=DifyReply, responses=dify_errors(404, 409, 415, 503))
def retrieval(request: Request, body: DifyRequest) -> Response:
    """Find passages in a collection for Dify."""
    wanted, where = body.retrieval_setting, _where(body.metadata_condition)
    with service_of(request).reading(access_of(request), body.knowledge_id) as knowledge:
        hits = knowledge.search(body.query, k=wanted.top_k, where=where)
        note_hits(len(hits))
    records = [_record(request, body.knowledge_id, hit) for hit in hits if hit.score >= wanted.score_threshold]
    return json_response({"records": records})


def _record(request: Request, collection: str, hit: Hit) -> dict[str, Any]:
    metadata = {
        **hit.metadata,
        "path": hit.source,
        "document_id": document_id(hit.source),
        "url": document_url(request, collection, hit.source, start=hit.start, end=hit.end),
        "sha256": hit.sha256,
        "page": hit.page,
        "page_label": hit.page_label,
        "start": hit.start,
        "end": hit.end,
        "heading": hit.heading,
    }
    return {
        "content": hit.text,
        "score": round(hit.score, 6),
        "title": hit.title or hit.source,
        "metadata": {key: value for key, value in metadata.items() if value is not None},
    }


def _where(conditions: DifyConditions | None) -> dict[str, Any] | None:
    """Return Dify's conditions as a filter. Raises FilterError for an operator that filters do not have."""
    if conditions is None or not conditions.conditions:
        return None
    groups = [_condition(item) for item in conditions.conditions]
    return {"type": conditions.logical_operator, "filters": groups}


def _condition(condition: DifyCondition) -> dict[str, Any]:
    pairs = _comparisons(condition.comparison_operator, condition.value)
    filters = [{"type": kind, "key": name, "value": value} for name in condition.names for kind, value in pairs]
    return filters[0] if len(filters) == 1 else {"type": "or", "filters": filters}


def _comparisons(operator: str, value: str | float | list[str] | None) -> list[tuple[str, object]]:
    """Return the comparisons of filters that a comparison of Dify stands for; one of them must hold.

    Dify sends numbers and times (seconds since 1970) as text, and lists as text with commas.
    """
    kind = _OPERATORS.get(operator)
    if kind is None:  # "end with"
        if not isinstance(value, str) or re.search(r"[*?]", value):
            raise FilterError(f"the comparison {operator!r} does not take this value", cure="give text without * and ?")
        return [("glob", f"*{value}")]
    if kind in _LISTS and isinstance(value, str):
        return [(kind, [part.strip() for part in value.split(",")])]
    number = _number(value) if operator in _NUMERIC else None
    if number is None:
        return [(kind, value)]
    if kind in _OF_LISTS:
        return [(_OF_LISTS[kind], [number, str(value)])]
    return [(_OF_DATES.get(kind, kind), number), *([(kind, value)] if _is_compared(kind, value) else [])]


def _number(value: object) -> float | None:
    """Return a value as a number, None for text that is none."""
    if isinstance(value, str):
        if not _NUMBER.fullmatch(value):
            return None
        return float(value) if "." in value else int(value)
    return value if isinstance(value, int | float) else None


def _is_compared(kind: str, value: object) -> bool:
    """Return whether filters compare this text by `kind` too: as text, or as a year."""
    return isinstance(value, str) and (kind not in _OF_DATES or len(value) == len("2026"))
