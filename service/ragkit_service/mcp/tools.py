"""The four tools: search and fetch (the pair that ChatGPT's connectors ask for), ask, and list_documents."""

from __future__ import annotations

from collections.abc import Generator
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from ragkit import Answer, Hit, InputError, NotFoundError, show
from ragkit_service.document_ids import document_id, source_of_id
from ragkit_service.mcp.collections import ReadableCollections, one_of
from ragkit_service.observing.records import note_hits
from ragkit_service.settings import LONGEST_QUESTION

SEARCHED_COLLECTIONS: Final = 32
WINDOW: Final = 40_000
"""Code points of a document that `fetch` returns at most: a longer one is cut around the passage."""

_Collection = Annotated[str, Field(description="A collection's name; may be left out where there is only one.")]


class _Arguments(BaseModel):
    model_config = ConfigDict(extra="ignore")


_Question = Annotated[str, Field(min_length=1, max_length=LONGEST_QUESTION, description="A question, in plain words.")]


class SearchArguments(_Arguments):
    """Arguments of search."""

    query: _Question
    collection: Annotated[str, Field(description="A collection's name; all are searched without it.")] = ""
    k: Annotated[int, Field(ge=1, le=50, description="How many documents at most.")] = 8


class FetchArguments(_Arguments):
    """Arguments of fetch."""

    id: Annotated[str, Field(min_length=1, description="An id from search or list_documents.")]


class AskArguments(_Arguments):
    """Arguments of ask."""

    question: _Question
    collection: _Collection = ""


class ListArguments(_Arguments):
    """Arguments of list_documents."""

    collection: _Collection = ""
    prefix: Annotated[str, Field(description="What the sources begin with, such as a folder.")] = ""
    limit: Annotated[int, Field(ge=1, le=500)] = 100
    offset: Annotated[int, Field(ge=0)] = 0


def search(collections: ReadableCollections, arguments: SearchArguments) -> dict[str, Any]:
    """Return the documents that answer a query, best first, each by its best passage."""
    names = [arguments.collection] if arguments.collection else collections.names()
    if len(names) > SEARCHED_COLLECTIONS:
        raise InputError(f"there are {len(names)} collections", cure="name one with `collection`")
    best: dict[tuple[str, str], Hit] = {}
    for name in names:
        with collections.reading(name) as knowledge:
            hits = knowledge.search(arguments.query, k=arguments.k)
            note_hits(len(hits))
        for hit in hits:
            place = (name, hit.source)
            if place not in best or hit.score > best[place].score:
                best[place] = hit
    ranked = sorted(best.items(), key=lambda item: -item[1].score)[: arguments.k]
    return {"results": [_result(collections, name, hit) for (name, _), hit in ranked]}


def _result(collections: ReadableCollections, name: str, hit: Hit) -> dict[str, Any]:
    return {
        "id": f"{name}/{document_id(hit.source)}@{hit.start}-{hit.end}",
        "title": hit.title or hit.source,
        "url": collections.url(name, hit.source, start=hit.start, end=hit.end),
        "text": hit.text,
        "score": round(hit.score, 6),
    }


def fetch(collections: ReadableCollections, arguments: FetchArguments) -> dict[str, Any]:
    """Return a document's text with its source; of a long one, the part around the passage."""
    name, source, start, end = _place(arguments.id)
    with collections.reading(name) as knowledge:
        document = knowledge.document(source)
    size = len(document.text)
    first = 0 if size <= WINDOW else max(0, min((start + end) // 2 - WINDOW // 2, size - WINDOW))
    text = document.text[first : first + WINDOW]
    metadata = {
        **document.metadata,
        "collection": name,
        "source": source,
        "sha256": document.sha256,
        "media_type": document.media_type,
        "page": document.page_at(start),
        "start": first,
        "end": first + len(text),
        "characters": size,
        "whole": len(text) == size,
    }
    return {
        "id": arguments.id,
        "title": document.title or source,
        "text": text,
        "url": collections.url(name, source, start=start, end=end) if end else collections.url(name, source),
        "metadata": metadata,
    }


def _place(identifier: str) -> tuple[str, str, int, int]:
    """Return collection, source, start and end of an id; start and end are 0 where it names a whole document."""
    name, _, rest = identifier.partition("/")
    coded, _, span = rest.partition("@")
    start, _, end = span.partition("-")
    if not rest or (span and not (start.isdecimal() and end.isdecimal())):
        raise NotFoundError(f"{show(identifier, 80)!r} is no id of a document", cure="take one from search")
    return name, source_of_id(coded), int(start or 0), int(end or 0)


def answer(collections: ReadableCollections, arguments: AskArguments) -> Generator[str | Answer, None, None]:
    """Answer a question: yields pieces of the text, then the Answer."""
    with collections.reading(one_of(collections, arguments.collection)) as knowledge:
        yield from knowledge.stream(arguments.question)


def answer_json(collections: ReadableCollections, arguments: AskArguments, said: Answer) -> dict[str, Any]:
    """Return an answer with its citations and their addresses."""
    name = one_of(collections, arguments.collection)
    citations = [
        {
            "number": item.number,
            "title": item.title or item.source,
            "url": collections.url(name, item.source, start=item.start, end=item.end),
            "quote": item.quote,
            "page": item.page,
            "verdict": item.verdict,
        }
        for item in said.citations
    ]
    return {
        "answer": said.text,
        "status": said.status,
        "confidence": round(said.confidence, 6),
        "citations": citations,
        "warnings": list(said.warnings),
    }


def list_documents(collections: ReadableCollections, arguments: ListArguments) -> dict[str, Any]:
    """Return documents by source, a page at a time."""
    name = one_of(collections, arguments.collection)
    with collections.reading(name) as knowledge:
        found = knowledge.documents(prefix=arguments.prefix, limit=arguments.limit + 1, offset=arguments.offset)
    listed = [
        {
            "id": f"{name}/{document_id(item.source)}",
            "title": item.title or item.source,
            "source": item.source,
            "url": collections.url(name, item.source),
            "pages": item.pages,
            "characters": item.characters,
            "updated_at": item.updated_at,
        }
        for item in found[: arguments.limit]
    ]
    following = arguments.offset + arguments.limit if len(found) > arguments.limit else None
    return {"documents": listed, "next_offset": following}
