"""The replies of OpenAI's API, for OpenAPI and for tests; they are built by hand and not validated."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict


class OpenAIReply(BaseModel):
    """Base of the replies: fields that OpenAI adds, and ragkit's own, may follow."""

    model_config = ConfigDict(extra="allow")


class ModelEntry(OpenAIReply):
    """A collection, as a model. created: in seconds; 0, since a listing of models opens no collection."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class ModelsReply(OpenAIReply):
    """All collections, as models."""

    object: Literal["list"]
    data: list[ModelEntry]


class ChatChoice(OpenAIReply):
    """The one choice of a completion. message: with `annotations` of type `url_citation`."""

    index: int
    message: dict[str, Any]
    finish_reason: str


class ChatReply(OpenAIReply):
    """A grounded answer. citations: every citation with document, page, offsets, quote and verdict."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[ChatChoice]
    usage: dict[str, int]
    citations: list[dict[str, Any]]


class EmbeddingEntry(OpenAIReply):
    """The vector of one input: numbers, or base64 of little-endian 32-bit floats."""

    object: Literal["embedding"]
    index: int
    embedding: list[float] | str


class EmbeddingsReply(OpenAIReply):
    """The vectors of the inputs, in their order."""

    object: Literal["list"]
    data: list[EmbeddingEntry]
    model: str
    usage: dict[str, int]


class ResponseReply(OpenAIReply):
    """A response: output holds a `file_search_call` and a message whose text has `file_citation` annotations."""

    id: str
    object: Literal["response"]
    created_at: int
    status: Literal["completed", "in_progress", "failed"]
    model: str
    output: list[dict[str, Any]]
    usage: dict[str, Any] | None
    citations: list[dict[str, Any]]


class SearchContent(OpenAIReply):
    """A piece of a result's text."""

    type: Literal["text"]
    text: str


class SearchResult(OpenAIReply):
    """A passage. attributes: sha256, page, page_label, start, end, title, heading, url, then metadata."""

    file_id: str
    filename: str
    score: float
    attributes: dict[str, str | float | bool]
    content: list[SearchContent]


class SearchPage(OpenAIReply):
    """The passages that were found, best first."""

    object: Literal["vector_store.search_results.page"]
    search_query: list[str]
    data: list[SearchResult]
    has_more: bool
    next_page: None


class FileEntry(OpenAIReply):
    """A stored file."""

    id: str
    object: Literal["file"]
    bytes: int
    created_at: int
    filename: str
    purpose: str
    status: Literal["processed"]


class FilesReply(OpenAIReply):
    """A page of the stored files of the key, newest first."""

    object: Literal["list"]
    data: list[FileEntry]
    first_id: str | None
    last_id: str | None
    has_more: bool


class DeletedReply(OpenAIReply):
    """A thing that was deleted."""

    id: str
    object: str
    deleted: bool


class StoreEntry(OpenAIReply):
    """A collection as a vector store."""

    id: str
    object: Literal["vector_store"]
    created_at: int
    name: str
    status: Literal["completed", "in_progress"]
    usage_bytes: int
    file_counts: dict[str, int]
    metadata: dict[str, str]


class StoresReply(OpenAIReply):
    """A page of the collections, newest first."""

    object: Literal["list"]
    data: list[StoreEntry]
    first_id: str | None
    last_id: str | None
    has_more: bool


class StoreFileEntry(OpenAIReply):
    """A document of a collection, or a file on its way into it. last_error: why a file gave no document."""

    id: str
    object: Literal["vector_store.file"]
    created_at: int
    vector_store_id: str
    status: Literal["in_progress", "completed", "failed", "cancelled"]
    last_error: dict[str, str] | None
    usage_bytes: int
    attributes: dict[str, Any]


class StoreFilesReply(OpenAIReply):
    """A page of the files of a collection."""

    object: Literal["list"]
    data: list[StoreFileEntry]
    first_id: str | None
    last_id: str | None
    has_more: bool


class FileBatchEntry(OpenAIReply):
    """Several files on their way into a collection, counted by their status."""

    id: str
    object: Literal["vector_store.files_batch"]
    created_at: int
    vector_store_id: str
    status: Literal["in_progress", "completed", "failed", "cancelled"]
    file_counts: dict[str, int]


class StoreContentReply(OpenAIReply):
    """The text of a document."""

    object: Literal["vector_store.file_content.page"]
    data: list[SearchContent]
    has_more: bool
    next_page: None
