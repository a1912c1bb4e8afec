"""The shapes of successful responses, for OpenAPI and for tests. Responses are built by hand and not validated."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

_SHA = "9f2c6c1f0f6f0b8f4a5b0f4a4d7c5b1e2a3948576c6d7e8f90a1b2c3d4e5f607"
_HIT: dict[str, JsonValue] = {
    "rank": 1,
    "score": 0.91,
    "scores": {"dense": 0.88, "lexical": 0.93},
    "source": "policies/refunds.pdf",
    "title": "Refund policy",
    "sha256": _SHA,
    "media_type": "application/pdf",
    "page": 2,
    "page_end": 2,
    "page_label": "2",
    "start": 1840,
    "end": 2112,
    "heading": "Refunds › Window",
    "text": "Customers may return goods within 30 days after delivery.",
    "metadata": {},
}
_CITATION: dict[str, JsonValue] = {
    "number": 1,
    "source": "policies/refunds.pdf",
    "title": "Refund policy",
    "sha256": _SHA,
    "page": 2,
    "page_label": "2",
    "start": 1840,
    "end": 1897,
    "quote": "Customers may return goods within 30 days after delivery.",
    "supported": True,
    "sentence": "Goods may be returned within 30 days [1].",
}


class Reply(BaseModel):
    """Base of all replies: a reply may gain fields in a later version, never lose them."""

    model_config = ConfigDict(extra="forbid")


class HitReply(Reply):
    """A passage. page counts from 1; start and end are code points of the document's text; scores are 0..1."""

    rank: int
    score: float
    scores: dict[str, float]
    source: str
    title: str
    sha256: str
    media_type: str
    page: int | None
    page_end: int | None
    page_label: str | None
    start: int
    end: int
    heading: str
    text: str
    metadata: dict[str, Any]


class SearchReply(Reply):
    """Passages, best first. confidence: 0..1, how likely the collection holds the answer at all."""

    query: str
    hits: list[HitReply]
    confidence: float
    took_ms: float

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"query": "How long is the refund window?", "hits": [_HIT], "confidence": 0.87, "took_ms": 6.2}
            ]
        }
    )


class MessageReply(Reply):
    """One chat message."""

    role: Literal["system", "user", "assistant"]
    content: str


class PassageReply(HitReply):
    """A passage as the prompt numbers it."""

    number: int


class PromptReply(Reply):
    """A grounded prompt for any chat model, within its token budget."""

    question: str
    messages: list[MessageReply]
    passages: list[PassageReply]
    tokens: dict[str, int]
    budget: int
    encoding: str
    estimated: bool
    dropped: int
    confidence: float

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "question": "How long is the refund window?",
                    "messages": [
                        {"role": "system", "content": "Answer only from the sources …"},
                        {"role": "user", "content": "<source number=1 …> … How long is the refund window?"},
                    ],
                    "passages": [{"number": 1, **_HIT}],
                    "tokens": {"instructions": 210, "sources": 96, "question": 9, "total": 315},
                    "budget": 3000,
                    "encoding": "o200k_base",
                    "estimated": False,
                    "dropped": 0,
                    "confidence": 0.87,
                }
            ]
        }
    )


class CitationReply(Reply):
    """A checked reference: quote is the document's text from start to end."""

    number: int
    source: str
    title: str
    sha256: str
    page: int | None
    page_label: str | None
    start: int
    end: int
    quote: str
    supported: bool
    sentence: str


class AnswerReply(Reply):
    """An answer whose every citation was checked against its source."""

    question: str
    text: str
    status: Literal["answered", "partial", "abstained"]
    citations: list[CitationReply]
    model: str
    tokens: dict[str, int]
    confidence: float
    removed: list[str]

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "question": "How long is the refund window?",
                    "text": "Goods may be returned within 30 days [1].",
                    "status": "answered",
                    "citations": [_CITATION],
                    "model": "extractive",
                    "tokens": {"total": 315, "answer": 12},
                    "confidence": 0.87,
                    "removed": [],
                }
            ]
        }
    )


class CollectionsReply(Reply):
    """The names of all collections."""

    collections: list[str]

    model_config = ConfigDict(json_schema_extra={"examples": [{"collections": ["default", "handbook"]}]})


class CreatedReply(Reply):
    """A collection that was made."""

    name: str

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "handbook"}]})


class StatusReply(BaseModel):
    """Counts, model, last generation and sizes of a collection."""

    name: str
    documents: int
    pages: int
    chunks: int
    generation: int

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "name": "handbook",
                    "documents": 12,
                    "pages": 40,
                    "chunks": 310,
                    "generation": 3,
                    "model": "all-MiniLM-L6-v2",
                }
            ]
        },
    )


class GenerationReply(Reply):
    """One committed run that changed the collection."""

    number: int
    started_at: str
    finished_at: str
    kind: str
    added: int
    changed: int
    removed: int
    model: str
    fingerprint: str
    extractor: str
    settings: dict[str, Any]


class HistoryReply(Reply):
    """The generations of a collection, oldest first."""

    generations: list[GenerationReply]

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "generations": [
                        {
                            "number": 1,
                            "started_at": "2026-01-05T09:00:00Z",
                            "finished_at": "2026-01-05T09:00:04Z",
                            "kind": "upload",
                            "added": 2,
                            "changed": 0,
                            "removed": 0,
                            "model": "all-MiniLM-L6-v2",
                            "fingerprint": _SHA,
                            "extractor": "1",
                            "settings": {},
                        }
                    ]
                }
            ]
        }
    )


_DOCUMENT: dict[str, JsonValue] = {
    "source": "refunds.pdf",
    "title": "Refund policy",
    "sha256": _SHA,
    "media_type": "application/pdf",
    "characters": 5321,
    "pages": 4,
    "chunks": 11,
    "generation": 3,
    "updated_at": "2026-01-05T09:00:04Z",
    "metadata": {"team": "sales"},
}


class DocumentReply(Reply):
    """A document as listings show it."""

    source: str
    title: str
    sha256: str
    media_type: str
    characters: int
    pages: int
    chunks: int
    generation: int
    updated_at: str
    metadata: dict[str, Any]


class DocumentsReply(Reply):
    """A page of a listing, by source. next_offset: where the next page starts, null on the last."""

    documents: list[DocumentReply]
    next_offset: int | None

    model_config = ConfigDict(json_schema_extra={"examples": [{"documents": [_DOCUMENT], "next_offset": None}]})


class PageReply(Reply):
    """Where a page starts in the document's text, and its printed label."""

    start: int
    label: str | None


class HeadingReply(Reply):
    """A heading of a document."""

    offset: int
    level: int
    text: str


class WholeDocumentReply(DocumentReply):
    """A document with a window of its text: text is what lies from start to end, in code points."""

    start: int
    end: int
    text: str
    page_table: list[PageReply]
    headings: list[HeadingReply]

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    **_DOCUMENT,
                    "start": 0,
                    "end": 57,
                    "text": "Customers may return goods within 30 days after delivery.",
                    "page_table": [{"start": 0, "label": "1"}],
                    "headings": [{"offset": 0, "level": 1, "text": "Refunds"}],
                }
            ]
        }
    )


class FileReply(Reply):
    """What became of one uploaded file. reason: why it gave no document (encrypted, no_text, too_big …)."""

    name: str
    status: Literal["added", "changed", "unchanged", "failed", "skipped"]
    reason: str | None = None
    detail: str | None = None
    characters: int | None = None
    pages: int | None = None
    chunks: int | None = None
    sha256: str | None = None
    warnings: list[str] = Field(default_factory=list)


class UploadReply(Reply):
    """What became of an upload, file by file."""

    generation: int | None
    files: list[FileReply]

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "generation": 4,
                    "files": [
                        {
                            "name": "refunds.pdf",
                            "status": "added",
                            "reason": None,
                            "detail": None,
                            "characters": 5321,
                            "pages": 4,
                            "chunks": 11,
                            "sha256": _SHA,
                            "warnings": [],
                        }
                    ],
                }
            ]
        }
    )


class RemovedReply(Reply):
    """How many documents were removed."""

    removed: int

    model_config = ConfigDict(json_schema_extra={"examples": [{"removed": 1}]})


class HealthReply(Reply):
    """The process is alive."""

    status: Literal["ok"]

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "ok"}]})


class ReadyReply(Reply):
    """Whether the service can answer. model: "ready", "loading" or what is wrong. problems: by collection."""

    ready: bool
    model: str
    collections: int
    problems: dict[str, str]

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"ready": True, "model": "ready", "collections": 2, "problems": {}}]}
    )


class VersionReply(Reply):
    """The versions of what runs."""

    ragkit: str
    python: str

    model_config = ConfigDict(json_schema_extra={"examples": [{"ragkit": "0.1.0", "python": "3.11.7"}]})
