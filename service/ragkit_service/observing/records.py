"""The record of a request: facts of HTTP, and the notes of its route (collections, hits, answers)."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from ragkit import Answer, show


@dataclass(slots=True)
class RequestNotes:
    """Notes of the code behind a route on one request, from any of its threads.

    collections: those that were asked for, whether they are there or not. hits: how many each search found. answers:
    the status and the token counts of each answer. cut: the kind of the error that ended a stream after its head had
    been sent, "" for none.
    """

    collections: set[str] = field(default_factory=set)
    hits: list[int] = field(default_factory=list)
    answers: list[tuple[str, Mapping[str, int]]] = field(default_factory=list)
    cut: str = ""


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """One request that has ended.

    path: without a query string. route: the template of the path, as /v1/collections/{name}/ask; "" when none matched.
    action: the name of the route, as "ask". status: of HTTP, 499 when the client left. seconds: from the request's
    head to the end of its response. trace_id, client, key_id: "" where there is none.
    """

    method: str
    path: str
    route: str
    action: str
    status: int
    seconds: float
    request_id: str
    trace_id: str
    client: str
    key_id: str
    notes: RequestNotes


_notes: ContextVar[RequestNotes | None] = ContextVar("ragkit_request_notes", default=None)


def start_notes() -> RequestNotes:
    """Begin the notes of a request; code that runs in this context, threads included, adds to them."""
    notes = RequestNotes()
    _notes.set(notes)
    return notes


def note_collection(name: str) -> None:
    """Note the collection of the request; does nothing outside a request."""
    if (notes := _notes.get()) is not None:
        notes.collections.add(show(name, 100))


def note_hits(count: int) -> None:
    """Note the number of hits of a search; does nothing outside a request."""
    if (notes := _notes.get()) is not None:
        notes.hits.append(count)


def note_answer(answer: Answer) -> None:
    """Note the status and tokens of an answer; does nothing outside a request."""
    if (notes := _notes.get()) is not None:
        notes.answers.append((answer.status, dict(answer.tokens)))


def note_cut(kind: str) -> None:
    """Note the kind of the error that ended a stream whose status has been sent; nothing outside a request."""
    if (notes := _notes.get()) is not None:
        notes.cut = kind


def route_of(scope: Mapping[str, Any]) -> tuple[str, str]:
    """Return the template of the path and the name of the route that a request came to, or two empty strings."""
    route = scope.get("route")
    return getattr(route, "path", "") or "", getattr(route, "name", "") or ""
