"""The bodies and replies of the feedback routes."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from ragkit_service.schemas.requests import WHOLE, LongText, Text
from ragkit_service.schemas.responses import Reply

_CITATION: Final[dict[str, Any]] = {
    "number": 1,
    "source": "refund-policy.md",
    "start": 120,
    "end": 166,
    "quote": "within 30 days",
}
_EXAMPLE: Final[dict[str, Any]] = {
    "question": "How long is the refund window?",
    "answer": "30 days after delivery [1].",
    "verdict": "good",
    "note": "",
    "citations": [_CITATION],
}


class CitedPlace(BaseModel):
    """A place that an answer cited: what the answer's own citation says, of which these fields are kept."""

    number: Annotated[int, Field(ge=1, le=10_000), WHOLE] = 1
    source: Annotated[str, Field(max_length=4_000)]
    start: Annotated[int, Field(ge=0, le=2**53), WHOLE] = 0
    end: Annotated[int, Field(ge=0, le=2**53), WHOLE] = 0
    quote: Annotated[str, Field(max_length=20_000)] = ""

    model_config = ConfigDict(extra="ignore", strict=True)


class FeedbackRequest(BaseModel):
    """What a person says of an answer."""

    question: Text
    answer: LongText
    verdict: Annotated[Literal["good", "bad"], Field(description="Whether the answer was right.")]
    note: Annotated[LongText, Field(description="What is wrong with it, or what would be right.")] = ""
    citations: Annotated[list[CitedPlace], Field(max_length=200, description="The answer's citations.")] = []

    model_config = ConfigDict(extra="forbid", strict=True, json_schema_extra={"examples": [_EXAMPLE]})


class FeedbackQuery(BaseModel):
    """Which feedback is listed."""

    limit: Annotated[int, Field(ge=1, le=1000)] = 100
    offset: Annotated[int, Field(ge=0, le=2**53)] = 0

    model_config = ConfigDict(extra="forbid")


class FeedbackReply(Reply):
    """Feedback as it is kept, with the time (UTC, ISO 8601)."""

    question: str
    answer: str
    verdict: Literal["good", "bad"]
    note: str
    citations: list[dict[str, Any]]
    at: str

    model_config = ConfigDict(json_schema_extra={"examples": [{**_EXAMPLE, "at": "2026-11-30T10:00:00+00:00"}]})


class FeedbacksReply(Reply):
    """A part of a collection's feedback, newest first. total: of all."""

    feedback: list[FeedbackReply]
    total: int
