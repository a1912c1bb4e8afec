"""The Responses API: the request, and the conversation in it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Discriminator, Field, Tag, WithJsonSchema

from ragkit import Message
from ragkit_service.schemas.openai.chat import ChatMessage, Lenient, conversation
from ragkit_service.schemas.requests import MESSAGE_LIMIT, WHOLE, Where, encodable

RESULTS_LIMIT = 50

_Text = Annotated[str, Field(max_length=MESSAGE_LIMIT), BeforeValidator(encodable)]


class RankingOptions(Lenient):
    """How results are ranked: by ragkit's own score, whatever ranker is named. score_threshold: the least, 0 to 1."""

    score_threshold: Annotated[float, Field(ge=0, le=1)] = 0.0


class FileSearchTool(Lenient):
    """The tool that ragkit has: search in one vector store, which is a collection."""

    type: Literal["file_search"]
    vector_store_ids: Annotated[list[str], Field(min_length=1, max_length=1)]
    max_num_results: Annotated[int, Field(ge=1, le=RESULTS_LIMIT), WHOLE] | None = None
    filters: Where = None


class InputMessage(ChatMessage):
    """A message of the conversation."""

    type: Literal["message"] = "message"


class OtherItem(Lenient):
    """What is no message, such as the search of an earlier answer: it is not part of the conversation."""

    type: Annotated[str, WithJsonSchema({"type": "string", "not": {"const": "message"}})]


def _kind_of(item: Any) -> str:
    kind = item.get("type", "message") if isinstance(item, dict) else "message"
    return "message" if kind == "message" else "other"


InputItem = Annotated[
    Annotated[InputMessage, Tag("message")] | Annotated[OtherItem, Tag("other")], Discriminator(_kind_of)
]


class ResponsesRequest(Lenient):
    """A question, as text or as the messages of a conversation. Nothing is stored: send the history with each request.

    The collection is that of the tool `file_search`, else that of the model. `include` with
    `file_search_call.results` adds the passages that were found.
    """

    model: Annotated[str, Field(max_length=200, description="`ragkit/NAME` of a collection.")]
    input: _Text | Annotated[list[InputItem], Field(min_length=1)]
    instructions: _Text | None = None
    tools: Annotated[list[FileSearchTool], Field(default_factory=list, max_length=1)]
    include: Annotated[list[str], Field(default_factory=list)]
    stream: bool = False
    previous_response_id: None = None
    metadata: dict[str, str] | None = None

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"model": "ragkit/default", "input": "How long is the refund window?"}]}
    )

    @property
    def tool(self) -> FileSearchTool | None:
        """The search that the client asked for, if any."""
        return self.tools[0] if self.tools else None

    @property
    def wants_results(self) -> bool:
        """True when the passages that were found are to be returned."""
        return "file_search_call.results" in self.include


def asked_of(body: ResponsesRequest) -> tuple[str, list[Message]]:
    """Return the question and the history. Raises Problem when the last message is not the user's."""
    messages = [ChatMessage(role="system", content=body.instructions)] if body.instructions else []
    if isinstance(body.input, str):
        messages.append(ChatMessage(role="user", content=body.input))
    else:
        messages.extend(item for item in body.input if isinstance(item, InputMessage))
    return conversation(messages)
