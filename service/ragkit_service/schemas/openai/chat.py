"""Chat completions: the request, and the conversation in it."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from ragkit import Message
from ragkit_service.errors import Problem
from ragkit_service.schemas.requests import HISTORY_CHARACTERS, HISTORY_LIMIT, MESSAGE_LIMIT, K, Where, encodable, whole


class Lenient(BaseModel):
    """Base of requests of other APIs: fields that ragkit has no use for are ignored, as clients expect."""

    model_config = ConfigDict(extra="ignore", strict=True)


_IGNORED_ROLES: Final = ("tool", "function")


class TextPart(Lenient):
    """A part of a message; only text is read."""

    type: Literal["text", "input_text", "output_text"]
    text: Annotated[str, Field(max_length=MESSAGE_LIMIT), BeforeValidator(encodable)]


class RefusalPart(Lenient):
    """A part of an earlier answer in which the model refused; it is read as text."""

    type: Literal["refusal"]
    refusal: Annotated[str, Field(max_length=MESSAGE_LIMIT), BeforeValidator(encodable)]

    @property
    def text(self) -> str:
        """What the model said."""
        return self.refusal


Content = (
    Annotated[str, Field(max_length=MESSAGE_LIMIT), BeforeValidator(encodable)] | list[TextPart | RefusalPart] | None
)


class ChatMessage(Lenient):
    """A message of the conversation. developer: OpenAI's newer name of system.

    tool, function: the result of a program that another model called; it is no part of the conversation.
    """

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: Content = None

    @property
    def text(self) -> str:
        """The text of all parts."""
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content)
        return self.content or ""


class TextFormat(Lenient):
    """The one format of answers: text with citations."""

    type: Literal["text"] = "text"


class StreamOptions(Lenient):
    """What a stream tells besides the answer."""

    include_usage: bool = False


class ChatRequest(Lenient):
    """A chat completion: the last message is the question, the ones before are its history.

    System messages are kept as instructions before the rules that ground the answer. `k` and `where` are ragkit's own.
    Sampling is the server's: `temperature`, `max_tokens`, `stop` and the like are ignored. No tool is ever called:
    `tools` are ignored, and a `tool_choice` that demands one is refused, as is a format other than text.
    """

    model: Annotated[str, Field(max_length=200, description="`ragkit/NAME` of a collection.")]
    messages: Annotated[list[ChatMessage], Field(min_length=1)]
    stream: bool = False
    stream_options: StreamOptions | None = None
    n: Annotated[Literal[1], BeforeValidator(whole)] | None = None
    tool_choice: Literal["none", "auto"] | None = None
    response_format: TextFormat | None = None
    k: K = None
    where: Where = None

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "model": "ragkit/default",
                    "messages": [{"role": "user", "content": "How long is the refund window?"}],
                }
            ]
        }
    )


def conversation(messages: list[ChatMessage]) -> tuple[str, list[Message]]:
    """Return the question and the history. Raises Problem when the last message is not the user's."""
    if not messages or messages[-1].role != "user":
        raise Problem(
            400, "validation", "A value is wrong", "the last message is not the user's", cure="end with the question"
        )
    *before, last = messages
    earlier = [_message(message) for message in before if message.role not in _IGNORED_ROLES and message.text.strip()]
    system = [message for message in earlier if message.role == "system"]
    turns = [message for message in earlier if message.role != "system"]
    return last.text, [*system, *_newest(turns)]


def _newest(turns: list[Message]) -> list[Message]:
    """Return the newest messages, as many as a history may have: clients send a conversation from its beginning."""
    kept, characters = [], 0
    for turn in reversed(turns[-HISTORY_LIMIT:]):
        characters += len(turn.content)
        if characters > HISTORY_CHARACTERS:
            break
        kept.append(turn)
    return kept[::-1]


def _message(message: ChatMessage) -> Message:
    role: Any = "system" if message.role == "developer" else message.role
    return Message(role=role, content=message.text)
