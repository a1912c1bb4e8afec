"""A response of the Responses API: its items, whole and as the events of a stream."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from ragkit import Answer
from ragkit_service.context import service_of
from ragkit_service.document_ids import document_id
from ragkit_service.event_stream import KEEP_ALIVE, event
from ragkit_service.routes.openai.answers import cited_spans, new_id, provenance
from ragkit_service.schemas.openai.responses import ResponsesRequest


@dataclass(frozen=True, slots=True)
class ResponseParts:
    """The parts of a response before its answer: ids, the request, and the search results if requested."""

    request: Request
    body: ResponsesRequest
    collection: str
    question: str
    results: list[dict[str, Any]] | None
    id: str
    search_id: str
    message_id: str
    created: int

    @classmethod
    def of(
        cls,
        body: ResponsesRequest,
        *,
        request: Request,
        collection: str,
        question: str,
        results: list[dict[str, Any]] | None,
    ) -> ResponseParts:
        """Begin a response: new ids, and the time."""
        ids = (new_id("resp_"), new_id("fs_"), new_id("msg_"))
        return cls(request, body, collection, question, results, *ids, created=int(time.time()))

    def search_item(self, status: str = "completed") -> dict[str, Any]:
        """Return the item of the search."""
        item = {"id": self.search_id, "type": "file_search_call", "status": status, "queries": [self.question]}
        return {**item, "results": self.results if status == "completed" else None}

    def message_item(self, part: dict[str, Any] | None, status: str = "completed") -> dict[str, Any]:
        """Return the item that holds the answer."""
        content = [] if part is None else [part]
        return {"id": self.message_id, "type": "message", "role": "assistant", "status": status, "content": content}

    def whole(
        self, status: str, *, output: list[dict[str, Any]], answer: Answer | None = None, error: Any = None
    ) -> dict[str, Any]:
        """Return the response object."""
        tools = [tool.model_dump(exclude_none=True) for tool in self.body.tools]
        out = {
            "id": self.id,
            "object": "response",
            "created_at": self.created,
            "status": status,
            "error": error,
            "incomplete_details": None,
            "instructions": self.body.instructions,
            "metadata": self.body.metadata or {},
            "model": self.body.model,
            "output": output,
            "parallel_tool_calls": False,
            "temperature": None,
            "tool_choice": "auto",
            "tools": tools,
            "top_p": None,
            "usage": None if answer is None else _usage(answer),
        }
        if answer is not None:
            out["citations"] = provenance(self.request, self.collection, answer)
            out["ragkit"] = {"status": answer.status, "confidence": round(answer.confidence, 6)}
        return out

    def completed(self, answer: Answer) -> dict[str, Any]:
        """Return the response with its answer."""
        output = [self.search_item(), self.message_item(output_text(answer.text, file_citations(answer)))]
        return self.whole("completed", output=output, answer=answer)


def output_text(text: str, annotations: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the content part of an answer."""
    return {"type": "output_text", "text": text, "annotations": annotations, "logprobs": []}


def file_citations(answer: Answer) -> list[dict[str, Any]]:
    """Return the annotations of a response; index: the place of the citation in the answer's text."""
    return [
        {"type": "file_citation", "index": start, "file_id": document_id(item.source), "filename": item.source}
        for item, start, _ in cited_spans(answer)
    ]


def _usage(answer: Answer) -> dict[str, Any]:
    read, written = int(answer.tokens.get("total", 0)), int(answer.tokens.get("answer", 0))
    return {
        "input_tokens": read,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": written,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": read + written,
    }


class _Events:
    """Numbers and frames the events of one response."""

    def __init__(self) -> None:
        self._number = 0

    def __call__(self, kind: str, **fields: Any) -> bytes:
        frame = event(kind, {"type": kind, "sequence_number": self._number, **fields})
        self._number += 1
        return frame


async def response_events(
    parts: ResponseParts, items: AsyncIterator[str | Answer | Exception | None]
) -> AsyncIterator[bytes]:
    """Yield the events of a response: the search, the answer in deltas, its annotations, the whole.

    An answer that is cut ends with `response.failed`.
    """
    events = _Events()
    for frame in _opening(parts, events):
        yield frame
    place = {"item_id": parts.message_id, "output_index": 1, "content_index": 0}
    async for item in items:
        if item is None:
            yield KEEP_ALIVE
        elif isinstance(item, str):
            yield events("response.output_text.delta", **place, delta=item, logprobs=[])
        elif isinstance(item, Answer):
            for frame in _closing(parts, events, place, item):
                yield frame
        else:
            problem = service_of(parts.request).problem_of(item, parts.request)
            error = {"code": "server_error", "message": problem.parts("").message}
            output = [parts.search_item()]
            yield events("response.failed", response=parts.whole("failed", output=output, error=error))


def _opening(parts: ResponseParts, events: _Events) -> Iterator[bytes]:
    """Yield the events before the first word, after the search."""
    begun = parts.whole("in_progress", output=[])
    yield events("response.created", response=begun)
    yield events("response.in_progress", response=begun)
    yield events("response.output_item.added", output_index=0, item=parts.search_item("in_progress"))
    search = {"output_index": 0, "item_id": parts.search_id}
    for state in ("in_progress", "searching", "completed"):
        yield events(f"response.file_search_call.{state}", **search)
    yield events("response.output_item.done", output_index=0, item=parts.search_item())
    yield events("response.output_item.added", output_index=1, item=parts.message_item(None, "in_progress"))
    place = {"item_id": parts.message_id, "output_index": 1, "content_index": 0}
    yield events("response.content_part.added", **place, part=output_text("", []))


def _closing(parts: ResponseParts, events: _Events, place: dict[str, Any], answer: Answer) -> Iterator[bytes]:
    citations = file_citations(answer)
    for number, citation in enumerate(citations):
        yield events("response.output_text.annotation.added", **place, annotation_index=number, annotation=citation)
    part = output_text(answer.text, citations)
    yield events("response.output_text.done", **place, text=answer.text, logprobs=[])
    yield events("response.content_part.done", **place, part=part)
    yield events("response.output_item.done", output_index=1, item=parts.message_item(part))
    yield events("response.completed", response=parts.completed(answer))
