"""Vector stores: the requests."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, WithJsonSchema, model_validator

from ragkit_service.schemas.metadata_schema import METADATA
from ragkit_service.schemas.openai.chat import Lenient
from ragkit_service.schemas.openai.responses import RESULTS_LIMIT, RankingOptions
from ragkit_service.schemas.requests import WHOLE, Question, Where

QUERIES_LIMIT = 8
FILES_LIMIT = 2_000
"""Files of one batch, as OpenAI takes them."""

StoreMetadata = (
    Annotated[dict[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=512)]], Field(max_length=16)]
    | None
)
Attributes = Annotated[dict[str, Any], WithJsonSchema(METADATA)] | None


class StoreSearchRequest(Lenient):
    """A search in a vector store, which is a collection; several queries give the best passages of all."""

    query: Question | Annotated[list[Question], Field(min_length=1, max_length=QUERIES_LIMIT)]
    max_num_results: Annotated[int, Field(ge=1, le=RESULTS_LIMIT), WHOLE] = 10
    filters: Where = None
    ranking_options: RankingOptions | None = None

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"query": "How long is the refund window?", "max_num_results": 5}]}
    )

    @property
    def queries(self) -> list[str]:
        """The queries."""
        return [self.query] if isinstance(self.query, str) else list(self.query)


class NewStore(Lenient):
    """A collection to make. name: made into a collection's name (lower case, hyphens); one is chosen without it.

    `expires_after` is refused: a collection stays until it is deleted.
    """

    name: Annotated[str | None, Field(max_length=200)] = None
    metadata: StoreMetadata = None
    file_ids: Annotated[list[str], Field(default_factory=list, max_length=FILES_LIMIT)]
    expires_after: None = None

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Support FAQ"}]})


class StoreChange(Lenient):
    """What changes in a vector store: its name, as its clients see it, and its metadata; None for what stays.

    The collection, and with it the id, keeps its name. `expires_after` is refused.
    """

    name: Annotated[str | None, Field(max_length=200)] = None
    metadata: StoreMetadata = None
    expires_after: None = None

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Support", "metadata": {"team": "desk"}}]})


class StoreFileChange(Lenient):
    """New attributes of a document: they are added to its metadata, and replace those of the same name."""

    attributes: Annotated[dict[str, Any], WithJsonSchema(METADATA)]

    model_config = ConfigDict(json_schema_extra={"examples": [{"attributes": {"team": "desk"}}]})


class NewStoreFile(Lenient):
    """A stored file to put into a collection. attributes: become metadata of its document.

    `chunking_strategy` is ignored: how documents are cut belongs to the collection.
    """

    file_id: str
    attributes: Attributes = None

    model_config = ConfigDict(json_schema_extra={"examples": [{"file_id": "d_dXBsb2FkOmZhcS5tZA"}]})


class NewFileBatch(Lenient):
    """Stored files to put into a collection: `file_ids` with the `attributes` of all, or `files` with their own.

    attributes: become metadata of each of their documents; with `files` they are ignored, as by OpenAI.
    """

    file_ids: Annotated[list[str], Field(default_factory=list, max_length=FILES_LIMIT)]
    files: Annotated[list[NewStoreFile], Field(default_factory=list, max_length=FILES_LIMIT)]
    attributes: Attributes = None

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"file_ids": ["d_dXBsb2FkOmZhcS5tZA"]}],
            "oneOf": [
                {"required": [name], "properties": {name: {"minItems": 1}, other: {"maxItems": 0}}}
                for name, other in (("file_ids", "files"), ("files", "file_ids"))
            ],
        }
    )

    @model_validator(mode="after")
    def _one_list(self) -> Self:
        if bool(self.file_ids) == bool(self.files):
            raise ValueError("send either file_ids or files, with at least one file")
        return self
