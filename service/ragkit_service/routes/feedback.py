"""Users' feedback on answers: kept with the collection, listed, and exported as an evaluation set."""

from __future__ import annotations

import itertools
import json
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from ragkit_service.context import service_of
from ragkit_service.feedback import FeedbackFile
from ragkit_service.json_response import json_response
from ragkit_service.routes.openapi import problems
from ragkit_service.schemas.feedback import FeedbackQuery, FeedbackReply, FeedbackRequest, FeedbacksReply
from ragkit_service.security.access import access_of

router = APIRouter(prefix="/v1/collections/{name}/feedback", tags=["feedback"])


@router.post("", status_code=201, response_model=FeedbackReply, responses=problems(400, 404, 409, 415, 422, 503, 507))
def give_feedback(request: Request, name: str, body: FeedbackRequest) -> Response:
    """Say whether an answer was right. Whoever may ask may say so; `ragkit examples` and `eval` can use it."""
    with service_of(request).reading(access_of(request), name) as view:
        kept = FeedbackFile(view.folder).add(body.model_dump())
    return json_response(kept, status=201)


@router.get("", response_model=FeedbacksReply, responses=problems(404, 409, 422, 503))
def list_feedback(request: Request, name: str, query: Annotated[FeedbackQuery, Query()]) -> Response:
    """List the feedback of a collection, newest first. It needs a key that may write and sees every document."""
    newest_first = list(_file(request, name).read())[::-1]
    window = newest_first[query.offset : query.offset + query.limit]
    return json_response({"feedback": window, "total": len(newest_first)})


@router.get(
    "/questions",
    responses={
        200: {
            "description": "A line for each question whose last verdict is good, for `ragkit eval FILE`.",
            "content": {
                "application/x-ndjson": {
                    "schema": {"type": "string"},
                    "example": '{"question": "How long is the refund window?", "document": ["refund-policy.md"], '
                    '"text": ["within 30 days of delivery"]}\n',
                }
            },
        },
        **problems(404, 409, 422, 503),
    },
)
def export_questions(request: Request, name: str) -> Response:
    """Export the approved answers as an evaluation set: question, documents, and the quotes that answer it."""
    questions = itertools.islice(_file(request, name).as_questions(), 100_000)
    lines = "".join(json.dumps(question, ensure_ascii=False) + "\n" for question in questions)
    return Response(lines.encode("utf-8", "replace"), media_type="application/x-ndjson")


def _file(request: Request, name: str) -> FeedbackFile:
    """Return the feedback of a collection for a key that may see all of it."""
    service, access = service_of(request), access_of(request)
    service.require_all_labels(access, name, what="feedback entries")
    with service.pool.use(name) as knowledge:
        return FeedbackFile(knowledge.folder)
