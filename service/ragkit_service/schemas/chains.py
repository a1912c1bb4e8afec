"""The bodies and replies of the routes of chains and their traces."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from ragkit_service.schemas.requests import Question
from ragkit_service.schemas.responses import Reply, TemplateReply

_STEP: Final[dict[str, Any]] = {
    "name": "passages",
    "kind": "retrieve",
    "status": "done",
    "output": {"count": 3},
    "model": "",
    "messages": [],
    "template": None,
    "tokens": {},
    "attempts": 1,
    "error": "",
    "seconds": 0.012,
}
_RUN: Final[dict[str, Any]] = {
    "id": "20261130T073000123-1f2e3d4c-support",
    "chain": "support",
    "version": 1,
    "digest": "9f" * 32,
    "question": "Where is my order 1042?",
    "status": "done",
    "text": "It was sent on 28 November [1].",
    "answer": None,
    "steps": [_STEP],
    "tokens": {"in": 0, "out": 0},
    "started": "2026-11-30T07:30:00.123Z",
    "seconds": 0.21,
    "error": "",
}


class ChainRequest(BaseModel):
    """A question for a chain. `question` may stand for `query`."""

    query: Question = Field(
        validation_alias=AliasChoices("query", "question"), description="The question, in plain words."
    )
    stream: Annotated[bool, Field(description="Send each step as a server-sent event when it has ended.")] = False

    model_config = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"examples": [{"query": "Where is my order 1042?"}]}
    )


class ChainStepReply(Reply):
    """A step of a chain. model: "" for rules alone, "collection" for the model that the service is set to."""

    name: str
    kind: str
    model: str


class ChainReply(Reply):
    """A chain. error: why it cannot be run, "" if it can."""

    name: str
    version: int
    description: str
    digest: str
    steps: list[ChainStepReply]
    error: str


class ChainsReply(Reply):
    """The chains of a collection, its own and those that come with ragkit."""

    chains: list[ChainReply]


class StepReply(Reply):
    """What a step did: its prompt (messages), output, tokens ("in", "out") and wall-clock seconds."""

    name: str
    kind: str
    status: Literal["done", "skipped", "failed", "default"]
    output: dict[str, Any]
    model: str
    messages: list[dict[str, str]]
    template: TemplateReply | None
    tokens: dict[str, int]
    attempts: int
    error: str
    seconds: float


class ChainRunReply(Reply):
    """A run of a chain with all its steps. answer: that of `ask`, null for a text that rules made."""

    id: str
    chain: str
    version: int
    digest: str
    question: str
    status: Literal["done", "failed"]
    text: str
    answer: dict[str, Any] | None
    steps: list[StepReply]
    tokens: dict[str, int]
    started: str
    seconds: float
    error: str

    model_config = ConfigDict(json_schema_extra={"examples": [_RUN]})


class TracesReply(Reply):
    """The ids of the stored runs, newest first."""

    traces: list[str]
