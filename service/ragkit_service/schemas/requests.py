"""The shapes of requests: strict and bounded. No field names a path, an address or a model."""

from __future__ import annotations

import json
import math
from typing import Annotated, Any, Literal

from fastapi.exceptions import RequestValidationError
from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from ragkit import QUESTION_LIMIT, Example, Message, show
from ragkit_service.schemas.filter_schema import DOCUMENT_FILTER, FILTER
from ragkit_service.schemas.metadata_schema import METADATA
from ragkit_service.settings import LONGEST_QUESTION

K_LIMIT = 100
HISTORY_LIMIT = 100
HISTORY_CHARACTERS = 64_000
EXAMPLES_LIMIT = 16
CHECK_LIMIT = 20_000
MESSAGE_LIMIT = 32_000
BUDGET_LIMIT = 1_000_000
FILTER_DEPTH = 64
SOURCE_LIMIT = 4_096
WINDOW_LIMIT = 1_000_000

_WHERE: dict[str, JsonValue] = {"type": "eq", "key": "media_type", "value": "application/pdf"}


def encodable(text: Any) -> Any:
    """Replace lone surrogates, which JSON can hold and UTF-8 cannot; a value that is not text is refused later."""
    if not isinstance(text, str) or text.isascii():
        return text
    return text.encode("utf-8", "replace").decode()


def _is_storable(value: Any) -> bool:
    """False for half a surrogate pair and an infinite number."""
    if isinstance(value, str):
        return bool(encodable(value) == value)
    if isinstance(value, float):
        return math.isfinite(value)
    return True


def _bounded_filter(where: dict[str, Any] | None) -> dict[str, Any] | None:
    """Refuse a filter that is nested too deeply or holds invalid text; the library checks its grammar."""
    level: list[Any] = [where]
    for _ in range(FILTER_DEPTH):
        below: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                below += [*value, *value.values()]
            elif isinstance(value, list):
                below += value
            elif not _is_storable(value):
                raise PydanticCustomError("filter_value", "the filter holds a value that no document can have")
        if not below:
            return where
        level = below
    raise PydanticCustomError("filter_depth", "the filter is nested too deeply")


def whole(value: Any) -> Any:
    """Return a JSON number with a fraction of zero as an int: JSON Schema does not distinguish them."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


WHOLE = BeforeValidator(whole)  # behind the bounds of a field: before them, they would be missing in its schema
_VISIBLE = r"[!-~\w]"  # something that can be read
Text = Annotated[str, Field(max_length=QUESTION_LIMIT), BeforeValidator(encodable)]
Question = Annotated[
    str, Field(min_length=1, max_length=LONGEST_QUESTION, pattern=_VISIBLE), BeforeValidator(encodable)
]
"""A question; the limit of the settings, which the search checks, takes the place of this bound in /openapi.json."""
LongText = Annotated[str, Field(max_length=MESSAGE_LIMIT), BeforeValidator(encodable)]
K = Annotated[
    Annotated[int, Field(ge=1, le=K_LIMIT), WHOLE] | None,
    Field(description="How many passages; the server's default when left out."),
]
Where = Annotated[
    dict[str, Any] | None,
    Field(
        description="A filter over source, title, media_type, sha256, page, time and metadata keys: "
        '`{"type": "eq", "key": …, "value": …}` with eq, ne, gt, gte, lt, lte, in, nin, '
        'or `{"type": "and", "filters": […]}` with and, or.',
        examples=[_WHERE],
    ),
    AfterValidator(_bounded_filter),
    WithJsonSchema({"anyOf": [FILTER, {"type": "null"}], "examples": [_WHERE]}),
]


_LABEL = r"^[\w.:@+-]([\w.:@+/ -]*[\w.:@+/-])?$"
Labels = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=100, pattern=_LABEL)]] | None,
    Field(max_length=100, description="Access labels; [] for everyone, those of the key when left out."),
]


_ID = r"^[\w.:/@+~-]([\w .:/@+~-]*[\w.:/@+~-])?$"


def _document_name(name: str) -> str:
    """Refuse an id that cannot be the name of an upload."""
    if show(name) != name or name != name.strip():
        raise PydanticCustomError("document_id", "the id holds characters that no name may have")
    return name


NAME = AfterValidator(_document_name)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class HistoryMessage(_Strict):
    """One earlier turn of the conversation."""

    role: Literal["user", "assistant"]
    content: LongText


class FewShot(_Strict):
    """A question and the answer that shows the format wanted."""

    question: Text
    answer: LongText


def _bounded_history(history: list[HistoryMessage]) -> list[HistoryMessage]:
    """Refuse a history that would take long to count, and exceeds any prompt."""
    if sum(len(turn.content) for turn in history) > HISTORY_CHARACTERS:
        raise PydanticCustomError(
            "too_long", "The messages have more than {limit} characters together", {"limit": HISTORY_CHARACTERS}
        )
    return history


History = Annotated[list[HistoryMessage], Field(max_length=HISTORY_LIMIT), AfterValidator(_bounded_history)]


class SearchRequest(_Strict):
    """A question to find passages for. `question` may stand for `query`."""

    query: Question = Field(
        validation_alias=AliasChoices("query", "question"), description="The question, in plain words."
    )
    k: K = None
    where: Where = None
    history: History = []

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"query": "How long is the refund window?", "k": 5, "where": _WHERE}]}
    )

    @property
    def turns(self) -> list[Message]:
        """The history as the library takes it."""
        return [Message(role=turn.role, content=turn.content) for turn in self.history]


class _Asked(_Strict):
    """The fields of a request for a prompt."""

    question: Question = Field(
        validation_alias=AliasChoices("question", "query"), description="The question, in plain words."
    )
    k: K = None
    where: Where = None
    history: History = []
    examples: Annotated[list[FewShot], Field(max_length=EXAMPLES_LIMIT)] = []

    @property
    def turns(self) -> list[Message]:
        """The history as the library takes it."""
        return [Message(role=turn.role, content=turn.content) for turn in self.history]

    @property
    def shots(self) -> list[Example]:
        """The examples as the library takes them."""
        return [Example(question=shot.question, answer=shot.answer) for shot in self.examples]


class PromptRequest(_Asked):
    """A question to build a grounded prompt for. `query` may stand for `question`."""

    budget: Annotated[
        Annotated[int, Field(ge=256, le=BUDGET_LIMIT), WHOLE] | None,
        Field(description="Tokens of the whole prompt; the server's default."),
    ] = None

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "question": "And for opened boxes?",
                    "history": [
                        {"role": "user", "content": "How long is the refund window?"},
                        {"role": "assistant", "content": "30 days after delivery [1]."},
                    ],
                    "budget": 3000,
                }
            ]
        }
    )


class AskRequest(_Asked):
    """A question to answer. `query` may stand for `question`."""

    stream: Annotated[bool, Field(description="Send the answer as server-sent events while it is made.")] = False

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"question": "How long is the refund window?", "stream": True}]}
    )


class NewCollection(_Strict):
    """A collection to make."""

    name: Annotated[
        str,
        Field(
            pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$",
            description="Lower-case letters, digits, dots, underscores and hyphens; at most 63.",
        ),
    ]

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "handbook"}]})


class TextWindow(BaseModel):
    """Which part of a document's text is wanted, in code points."""

    start: Annotated[int, Field(ge=0, le=2**53, description="Where the window begins.")] = 0
    length: Annotated[int, Field(ge=0, le=WINDOW_LIMIT, description="How much text at most.")] = 200_000

    model_config = ConfigDict(extra="forbid")


class NewDocument(_Strict):
    """A document given as text. Its source is `upload:` and its id."""

    id: Annotated[str, Field(min_length=1, max_length=1000, pattern=_ID, description="The document's own id."), NAME]
    text: Annotated[
        str,
        Field(min_length=1, pattern=_VISIBLE, description="The text, plain or Markdown."),
        BeforeValidator(encodable),
    ]
    title: Annotated[str, Field(max_length=1000), BeforeValidator(encodable)] = ""
    media_type: Annotated[str, Field(pattern=r"^[a-z]{1,40}/[a-z0-9.+-]{1,80}$")] = "text/plain"
    metadata: Annotated[dict[str, Any], WithJsonSchema(METADATA)] = {}
    acl: Labels = None


class NewDocuments(_Strict):
    """Documents to add, or to replace those of the same ids. A single one may be sent by itself.

    Of several with one id the last is taken; the job reports the others as skipped (`repeated_id`).
    """

    documents: Annotated[list[NewDocument], Field(min_length=1, max_length=1000)]
    acl: Labels = None

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "documents": [
                        {
                            "id": "faq-17",
                            "text": "Goods may be returned within 30 days.",
                            "title": "Returns",
                            "metadata": {"team": "sales"},
                        }
                    ],
                    "acl": ["sales"],
                }
            ]
        }
    )

    @classmethod
    def parse(cls, content: bytes) -> NewDocuments:
        """Return the documents of a JSON body; RequestValidationError for one that is not as documented."""
        try:
            raw = json.loads(content)
        except (ValueError, RecursionError) as error:
            fault = {"type": "json_invalid", "loc": ("body",), "msg": f"JSON decode error: {error}", "input": {}}
            raise RequestValidationError([fault]) from error
        if isinstance(raw, dict) and "documents" not in raw:
            raw = {"documents": [raw]}
        try:
            return cls.model_validate(raw)
        except ValidationError as error:
            faults = [{**item, "loc": ("body", *item["loc"])} for item in error.errors(include_url=False)]
            raise RequestValidationError(faults) from error


class RemoveDocuments(_Strict):
    """Which documents to remove: those that match the filter and begin with the prefix; one of them at least."""

    where: Annotated[
        dict[str, Any] | None,
        Field(description="A filter over source, title, media_type, sha256, time and metadata."),
        AfterValidator(_bounded_filter),
        WithJsonSchema({"anyOf": [DOCUMENT_FILTER, {"type": "null"}]}),
    ] = None
    prefix: Annotated[str, Field(min_length=1, max_length=SOURCE_LIMIT)] = ""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"where": {"type": "eq", "key": "team", "value": "sales"}}],
            "anyOf": [
                {"required": ["where"], "properties": {"where": {"type": "object"}}},
                {"required": ["prefix"]},
            ],
        }
    )

    @model_validator(mode="after")
    def _names_something(self) -> RemoveDocuments:
        if self.where is None and not self.prefix:
            raise PydanticCustomError("missing", "A filter or a prefix is needed")
        return self


class DocumentsQuery(TextWindow):
    """Which documents are listed; or, with `source`, which one is wanted."""

    source: Annotated[str | None, Field(max_length=SOURCE_LIMIT, description="One document's source, exactly.")] = None
    prefix: Annotated[str, Field(max_length=SOURCE_LIMIT, description="What the sources begin with.")] = ""
    limit: Annotated[int, Field(ge=1, le=1000, description="Documents in one page of the listing.")] = 100
    offset: Annotated[int, Field(ge=0, le=2**53, description="Documents to skip.")] = 0


class CheckRequest(_Strict):
    """Any text to check."""

    text: Annotated[
        str,
        Field(min_length=1, max_length=CHECK_LIMIT, description="The text, plain or Markdown."),
        BeforeValidator(encodable),
    ]
    k: Annotated[int, Field(ge=1, le=100, description="Passages that each sentence is compared with."), WHOLE] = 5
    where: Where = None

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"text": "Goods may be returned within 30 days. Shipping is free."}]}
    )
