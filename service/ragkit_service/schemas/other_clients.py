"""Requests and replies of rerankers (Cohere, Jina), of Dify's external knowledge API and of Open WebUI's loader."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from ragkit_service.schemas.requests import WHOLE, Question, encodable

DOCUMENTS_LIMIT = 1_000
TOP_LIMIT = 100


class _Lenient(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)


class RankedText(_Lenient):
    """A text to rank."""

    text: Annotated[str, BeforeValidator(encodable)]


class RerankRequest(_Lenient):
    """Texts to rank by how well they answer a query. `model` is not chosen by the client; the reply names it."""

    query: Question
    documents: Annotated[
        list[Annotated[str, BeforeValidator(encodable)] | RankedText], Field(min_length=1, max_length=DOCUMENTS_LIMIT)
    ]
    model: str = ""
    top_n: Annotated[int, Field(ge=1), WHOLE] | None = None
    return_documents: bool = False

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"query": "refund window", "documents": ["Refunds: thirty days.", "Pumps weigh 12 kg."]}]
        }
    )

    @property
    def texts(self) -> list[str]:
        """The texts, in their order."""
        return [item if isinstance(item, str) else item.text for item in self.documents]


class RankedReply(BaseModel):
    """A text's place in the request, and its score in 0..1."""

    index: int
    relevance_score: float
    document: dict[str, str] | None = None


class RerankReply(BaseModel):
    """The texts by score, best first. model: what ranked them."""

    id: str
    model: str
    results: list[RankedReply]
    meta: dict[str, Any]


DifyOperator = Literal[
    "contains",
    "start with",
    "end with",
    "is",
    "is not",
    "in",
    "not in",
    "=",
    "≠",
    ">",
    "<",
    "≥",
    "≤",
    "before",
    "after",
]


class DifyCondition(_Lenient):
    """A condition on a document's metadata; several names are alternatives. Not supported: not contains, empty."""

    name: Annotated[str, Field(min_length=1)] | Annotated[list[str], Field(min_length=1)]
    comparison_operator: DifyOperator
    value: str | float | list[str] | None = None

    @property
    def names(self) -> list[str]:
        """The keys."""
        return [self.name] if isinstance(self.name, str) else self.name


class DifyConditions(_Lenient):
    """Conditions on metadata."""

    logical_operator: Literal["and", "or"] = "and"
    conditions: Annotated[list[DifyCondition], Field(default_factory=list)]


class DifySetting(_Lenient):
    """How much is wanted: at most top_k records, of at least this score."""

    top_k: Annotated[int, Field(ge=1, le=TOP_LIMIT), WHOLE] = 5
    score_threshold: Annotated[float, Field(ge=0, le=1)] = 0.0


class DifyRequest(_Lenient):
    """A query of Dify. knowledge_id: the collection's name."""

    knowledge_id: Annotated[str, Field(max_length=200)]
    query: Question
    retrieval_setting: Annotated[DifySetting, Field(default_factory=DifySetting)]
    metadata_condition: DifyConditions | None = None

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "knowledge_id": "default",
                    "query": "How long is the refund window?",
                    "retrieval_setting": {"top_k": 3, "score_threshold": 0.2},
                }
            ]
        }
    )


class DifyRecord(BaseModel):
    """A passage. metadata: where it stands, and what the document says of itself."""

    content: str
    score: float
    title: str
    metadata: dict[str, Any]


class DifyReply(BaseModel):
    """The passages, best first."""

    records: list[DifyRecord]


class LoadedPage(BaseModel):
    """A page of a file, or the whole of one without pages."""

    page_content: str
    metadata: dict[str, Any]
