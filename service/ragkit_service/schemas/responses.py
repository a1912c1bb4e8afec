"""The shapes of successful responses, for OpenAPI and for tests. Responses are built by hand and not validated."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from ragkit_service.schemas import examples
from ragkit_service.schemas.job_replies import JobFileReply


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
    """Passages, best first. confidence: 0..1, how likely the collection holds the answer at all.

    warnings: sentences for the person who asks. corrected: words that no document holds, and what was searched instead.
    """

    query: str
    hits: list[HitReply]
    confidence: float
    took_ms: float
    warnings: list[str]
    corrected: dict[str, str]

    model_config = ConfigDict(json_schema_extra={"examples": [examples.SEARCH]})


class MessageReply(Reply):
    """One chat message."""

    role: Literal["system", "user", "assistant"]
    content: str


class PassageReply(HitReply):
    """A passage as the prompt numbers it."""

    number: int


class TemplateReply(Reply):
    """The prompt template that was used, with the SHA-256 of its text."""

    name: str
    version: int
    digest: str


class PromptReply(Reply):
    """A grounded prompt for any chat model, within its token budget. shots: examples in it."""

    question: str
    messages: list[MessageReply]
    passages: list[PassageReply]
    tokens: dict[str, int]
    budget: int
    encoding: str
    estimated: bool
    dropped: int
    confidence: float
    warnings: list[str]
    template: TemplateReply | None
    shots: int

    model_config = ConfigDict(json_schema_extra={"examples": [examples.PROMPT]})


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
    verdict: Literal["quoted", "supported", "unclear", "contradicted"]
    reason: str
    header: str
    matched: bool
    heading: str
    address: str
    judged: str


class AnswerReply(Reply):
    """An answer whose every citation was checked against its source."""

    question: str
    text: str
    status: Literal["answered", "partial", "unsupported", "abstained"]
    citations: list[CitationReply]
    model: str
    tokens: dict[str, int]
    confidence: float
    removed: list[str]
    warnings: list[str]
    template: TemplateReply | None

    model_config = ConfigDict(json_schema_extra={"examples": [examples.ANSWER]})


class CheckedSentenceReply(Reply):
    """A sentence and its verdict from the documents; "" for a sentence that makes no statement."""

    text: str
    start: int
    end: int
    verdict: Literal["quoted", "supported", "unclear", "contradicted", ""]
    citation: CitationReply | None


class CheckReply(Reply):
    """A text, sentence by sentence, with the verdicts from the documents."""

    status: Literal["answered", "partial", "unsupported", "abstained"]
    counts: dict[str, int]
    sentences: list[CheckedSentenceReply]

    model_config = ConfigDict(json_schema_extra={"examples": [examples.CHECK]})


class CollectionsReply(Reply):
    """The names of all collections."""

    collections: list[str]

    model_config = ConfigDict(json_schema_extra={"examples": [examples.COLLECTIONS]})


class CreatedReply(Reply):
    """A collection that was made."""

    name: str

    model_config = ConfigDict(json_schema_extra={"examples": [examples.CREATED]})


class StatusReply(BaseModel):
    """Counts, model, last generation and sizes of a collection."""

    name: str
    created_at: str
    documents: int
    pages: int
    chunks: int
    generation: int

    model_config = ConfigDict(extra="allow", json_schema_extra={"examples": [examples.STATUS]})


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

    model_config = ConfigDict(json_schema_extra={"examples": [examples.HISTORY]})


class DocumentReply(Reply):
    """A document as listings show it. id: for addresses; source: where it came from."""

    id: str
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
    warnings: list[str]


class DocumentsReply(Reply):
    """A page of a listing, by source. next_offset: where the next page starts, null on the last."""

    documents: list[DocumentReply]
    next_offset: int | None

    model_config = ConfigDict(json_schema_extra={"examples": [examples.DOCUMENTS]})


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

    model_config = ConfigDict(json_schema_extra={"examples": [examples.WHOLE_DOCUMENT]})


class PageTextReply(Reply):
    """One page of a document. page counts from 1; start and end are code points of the document's text."""

    id: str
    source: str
    title: str
    sha256: str
    page: int
    page_label: str | None
    pages: int
    start: int
    end: int
    text: str


class UploadReply(Reply):
    """The result of an upload that was waited for, file by file. job: its id."""

    job: str
    generation: int | None
    files: list[JobFileReply]

    model_config = ConfigDict(json_schema_extra={"examples": [examples.UPLOAD]})


class RemovedReply(Reply):
    """How many documents were removed."""

    removed: int

    model_config = ConfigDict(json_schema_extra={"examples": [examples.REMOVED]})


class HealthReply(Reply):
    """The process is alive."""

    status: Literal["ok"]

    model_config = ConfigDict(json_schema_extra={"examples": [examples.HEALTH]})


class ReadyReply(Reply):
    """Whether the service can answer. model: "ready", "loading" or what is wrong. problems: by collection."""

    ready: bool
    model: str
    collections: int
    problems: dict[str, str]

    model_config = ConfigDict(json_schema_extra={"examples": [examples.READY]})


class VersionReply(Reply):
    """The versions of what runs."""

    ragkit: str
    python: str

    model_config = ConfigDict(json_schema_extra={"examples": [examples.VERSION]})
