"""The Responses API: the request, and the conversation in it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Discriminator, Field, Tag, WithJsonSchema
from pydantic_core import PydanticCustomError

from ragkit import Message
from ragkit_service.schemas.openai.chat import ChatMessage, Lenient, TextFormat, conversation
from ragkit_service.schemas.requests import MESSAGE_LIMIT, WHOLE, Where, encodable, whole

RESULTS_LIMIT = 50

_Text = Annotated[str, Field(max_length=MESSAGE_LIMIT), BeforeValidator(encodable)]


class ToolRankingOptions(Lenient):
    """How the tool ranks. score_threshold: an answer has no least score, so only 0 is taken."""

    score_threshold: Annotated[Literal[0], BeforeValidator(whole)] = 0


class RankingOptions(Lenient):
    """How results are ranked: by ragkit's own score, whatever ranker is named. score_threshold: the least, 0 to 1."""

    score_threshold: Annotated[float, Field(ge=0, le=1)] = 0.0


class FileSearchTool(Lenient):
    """The tool that ragkit has: search in one vector store, which is a collection."""

    type: Literal["file_search"]
    vector_store_ids: Annotated[list[str], Field(min_length=1, max_length=1)]
    max_num_results: Annotated[int, Field(ge=1, le=RESULTS_LIMIT), WHOLE] | None = None
    filters: Where = None
    ranking_options: ToolRankingOptions | None = None


class ToolChoice(Lenient):
    """The tool that is to be used; there is one, and it is used for every answer."""

    type: Literal["file_search"]


class TextOptions(Lenient):
    """How the text of the answer is written."""

    format: TextFormat | None = None


class InputMessage(ChatMessage):
    """A message of the conversation."""

    type: Literal["message"] = "message"


def _no_reference(kind: str) -> str:
    if kind == "item_reference":
        raise PydanticCustomError("item_reference", "nothing is stored; send the message itself")
    return kind


class OtherItem(Lenient):
    """What is no message, such as the search of an earlier answer: it is not part of the conversation.

    A reference to a stored item is refused, since nothing is stored.
    """

    type: Annotated[
        str,
        AfterValidator(_no_reference),
        WithJsonSchema({"type": "string", "not": {"enum": ["message", "item_reference"]}}),
    ]


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
    tool_choice: Literal["auto", "required"] | ToolChoice | None = None
    text: TextOptions | None = None
    previous_response_id: None = None
    conversation: None = None
    prompt: None = None
    background: Literal[False] | None = None
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
