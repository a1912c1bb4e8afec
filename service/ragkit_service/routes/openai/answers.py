"""Functions that the routes of OpenAI's API share: the collection of a model's name, and an answer's citations."""

from __future__ import annotations

import re
import secrets
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from starlette.requests import Request

from ragkit import Answer, Citation, Message
from ragkit_service.context import Service, service_of
from ragkit_service.document_ids import document_id, document_url
from ragkit_service.event_stream import AnswerStream
from ragkit_service.security.access import Access, access_of

PREFIX: Final = "ragkit/"
_MARKER = re.compile(r"\[(\d{1,3})\]")


@dataclass(frozen=True, slots=True)
class Asked:
    """A question to a collection, as a client of another API asked it."""

    collection: str
    question: str
    history: Sequence[Message] = ()
    k: int | None = None
    where: Mapping[str, Any] | None = None


def collection_of(model: str) -> str:
    """Return the collection that a model's id names; the prefix may be left out."""
    return model.removeprefix(PREFIX)


def new_id(prefix: str) -> str:
    """Return an id that no other response has."""
    return f"{prefix}{secrets.token_hex(12)}"


def answer_stream(request: Request, asked: Asked) -> AnswerStream:
    """Begin to answer in a thread."""
    service = service_of(request)
    return AnswerStream(partial(_answer, service, access_of(request), asked), limiter=service.asking)


def _answer(service: Service, access: Access, asked: Asked) -> Generator[str | Answer, None, None]:
    """Hold the collection while its answer is being made."""
    with service.reading(access, asked.collection) as knowledge:
        yield from knowledge.stream(asked.question, k=asked.k, where=asked.where, history=asked.history)


def usage_of(answer: Answer) -> dict[str, int]:
    """Return the tokens of the prompt and of the answer."""
    prompt, completion = int(answer.tokens.get("total", 0)), int(answer.tokens.get("answer", 0))
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def cited_spans(answer: Answer) -> Iterator[tuple[Citation, int, int]]:
    """Yield each citation with the span of the answer's text that it supports, in code points.

    That is its marker; for a citation that the check found without a marker, its sentence.
    """
    markers: dict[int, list[tuple[int, int]]] = {}
    for found in _MARKER.finditer(answer.text):
        markers.setdefault(int(found[1]), []).append(found.span())
    for citation in answer.citations:
        places = markers.get(citation.number, [])
        if places and not citation.matched:
            start, end = places.pop(0) if len(places) > 1 else places[0]
        else:
            start = max(answer.text.find(citation.sentence), 0)
            end = min(start + len(citation.sentence), len(answer.text))
        yield citation, start, end


def url_citations(request: Request, collection: str, answer: Answer) -> list[dict[str, Any]]:
    """Return the annotations of a chat completion: the address of each citation."""
    return [
        {
            "type": "url_citation",
            "url_citation": {
                "start_index": start,
                "end_index": end,
                "title": citation.title or citation.source,
                "url": _url(request, collection, citation),
            },
        }
        for citation, start, end in cited_spans(answer)
    ]


def provenance(request: Request, collection: str, answer: Answer) -> list[dict[str, Any]]:
    """Return all fields of each citation, with the address of its document."""
    return [
        {
            **citation.as_dict(),
            "document_id": document_id(citation.source),
            "url": _url(request, collection, citation),
        }
        for citation in answer.citations
    ]


def _url(request: Request, collection: str, citation: Citation) -> str:
    return document_url(request, collection, citation.source, start=citation.start, end=citation.end)
