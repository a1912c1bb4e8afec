"""`/v1/vector_stores`: a collection, as OpenAI's clients see a vector store; its id is the collection's name."""

from __future__ import annotations

import re
import secrets
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Annotated, Any, Final

import anyio.to_thread
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from ragkit import ConflictError, NotFoundError
from ragkit_service.collection_pool import unknown_collection
from ragkit_service.context import Service, service_of
from ragkit_service.errors import Problem
from ragkit_service.file_store.attaching import attach_files, facts_of, files_of
from ragkit_service.file_store.store_facts import StoreFacts
from ragkit_service.json_response import json_response
from ragkit_service.listings.times import unix_milliseconds, unix_seconds
from ragkit_service.observing.records import note_collection, note_hits
from ragkit_service.routes.collections import delete_collection
from ragkit_service.routes.openai.attached_files import Entries, pending_files, shown_files
from ragkit_service.routes.openai.paging import listed, page
from ragkit_service.routes.openai.search_results import merged, search_result
from ragkit_service.routes.openapi import openai_errors
from ragkit_service.schemas.openai.pages import PageQuery
from ragkit_service.schemas.openai.replies import DeletedReply, SearchPage, StoreEntry, StoresReply
from ragkit_service.schemas.openai.vector_stores import NewStore, StoreChange, StoreSearchRequest
from ragkit_service.security.access import Access, access_of

router = APIRouter(prefix="/v1/vector_stores", tags=["openai"])

_NAME_LENGTH: Final = 48
_TRIES: Final = 8
Confirm = Annotated[str | None, Query(max_length=63, description="The collection's name, again.")]


@router.get("", response_model=StoresReply, responses=openai_errors())
async def list_stores(request: Request, query: Annotated[PageQuery, Query()]) -> Response:
    """List the collections as vector stores, newest first."""
    shown, more = await anyio.to_thread.run_sync(partial(_shown, request, query))
    pending = await pending_files(request, shown)
    entries = [await anyio.to_thread.run_sync(partial(_look, request, name, pending[name])) for name in shown]
    return json_response(page([entry for entry in entries if entry is not None], more=more))


@router.post("", response_model=StoreEntry, responses=openai_errors(404, 409, 415, 503, 507))
async def create_store(request: Request, body: NewStore) -> Response:
    """Make a collection, and put stored files into it."""
    service, access = service_of(request), access_of(request)
    access.check("write")
    for file_id in body.file_ids:  # a file that is not there must not leave a collection behind
        await anyio.to_thread.run_sync(files_of(request).get, file_id)
    name = await anyio.to_thread.run_sync(partial(_make, service, access, body.name or ""))
    if body.file_ids:
        await attach_files(request, name, body.file_ids, metadata={})
    made = await anyio.to_thread.run_sync(service.pool.created_at, name)
    facts = StoreFacts(metadata=body.metadata or {}, made=made)
    if facts.metadata:
        await anyio.to_thread.run_sync(facts_of(request).write, name, facts)
    return json_response(_entry(name, {"in_progress": len(set(body.file_ids))}, facts))


@router.get("/{store}", response_model=StoreEntry, responses=openai_errors(404, 409, 503))
async def get_store(request: Request, store: str) -> Response:
    """Look at a collection as a vector store: `in_progress` while files are on their way into it."""
    service, access = service_of(request), access_of(request)
    await anyio.to_thread.run_sync(partial(service.require, access, store, "read"))
    pending = await pending_files(request, [store])
    entry = await anyio.to_thread.run_sync(partial(_look, request, store, pending[store]))
    if entry is None:
        raise unknown_collection(store)
    return json_response(entry)


@router.post("/{store}", response_model=StoreEntry, responses=openai_errors(404, 409, 415, 503, 507))
async def update_store(request: Request, store: str, body: StoreChange) -> Response:
    """Change the name that clients see, or the metadata. The id stays, which is the collection's name."""
    service = service_of(request)
    await anyio.to_thread.run_sync(partial(service.require, access_of(request), store, "write"))
    await anyio.to_thread.run_sync(partial(_change, request, store, body))
    pending = await pending_files(request, [store])
    entry = await anyio.to_thread.run_sync(partial(_look, request, store, pending[store]))
    if entry is None:
        raise unknown_collection(store)
    return json_response(entry)


@router.delete("/{store}", response_model=DeletedReply, responses=openai_errors(404, 409, 423, 503))
async def delete_store(request: Request, store: str, confirm: Confirm = None) -> Response:
    """Delete a collection with everything in it: with its name again as `confirm`, or a key with the scope admin."""
    await delete_collection(request, store, confirm)
    return json_response({"id": store, "object": "vector_store.deleted", "deleted": True})


@router.post("/{store}/search", response_model=SearchPage, responses=openai_errors(404, 409, 415, 503))
def search_store(request: Request, store: str, body: StoreSearchRequest) -> Response:
    """Find passages in a collection."""
    most = body.max_num_results
    with service_of(request).reading(access_of(request), store) as knowledge:
        found = [knowledge.search(query, k=most, where=body.filters) for query in body.queries]
    least = body.ranking_options.score_threshold if body.ranking_options else 0.0
    hits = merged(found, least=least, most=most)
    note_hits(len(hits))
    payload = {
        "object": "vector_store.search_results.page",
        "search_query": body.queries,
        "data": [search_result(request, store, hit) for hit in hits],
        "has_more": False,
        "next_page": None,
    }
    return json_response(payload)


def _change(request: Request, store: str, body: StoreChange) -> None:
    kept = facts_of(request)
    facts = kept.read(store, made=service_of(request).pool.created_at(store))
    name = facts.name if body.name is None else body.name
    metadata = facts.metadata if body.metadata is None else body.metadata
    kept.write(store, replace(facts, name=name, metadata=metadata))


def _make(service: Service, access: Access, wanted: str) -> str:
    """Make a collection whose name is like the wanted one, and return the name.

    Vector stores may share a name and collections may not: a name that is taken, or another team's, gets an ending.
    """
    base = re.sub(r"[^a-z0-9._-]+", "-", wanted.lower()).strip("-._")[:_NAME_LENGTH] or "store"
    for name in (*([base] if wanted else []), *(f"{base}-{secrets.token_hex(3)}" for _ in range(_TRIES))):
        if access.covers(name):
            with suppress(ConflictError):
                service.pool.create(name)
                note_collection(name)
                return name
    raise Problem(
        403,
        "scope",
        "The key may not do this",
        "the key is not for collections of this name",
        cure="choose a name that the key's collections cover",
    )


def _shown(request: Request, query: PageQuery) -> tuple[list[str], bool]:
    """Return the names of a page of the collections, and whether more follow."""
    service, access = service_of(request), access_of(request)
    places = {name: (-unix_milliseconds(service.pool.created_at(name)), name) for name in service.collections(access)}
    return listed(places, query, ends=service.page_ends, listing=("stores", access.key_id), hidden=frozenset())


def _look(request: Request, name: str, pending: Entries) -> dict[str, Any] | None:
    """Return a collection as the clients read it; None when it was deleted in between."""
    service = service_of(request)
    with suppress(NotFoundError), service.reading(access_of(request), name) as knowledge:
        shown, held = shown_files(knowledge, pending)
        counts = Counter(entry["status"] for entry in shown.values())
        counts["completed"] = int(knowledge.status()["documents"]) - len(held)
        return _entry(name, counts, facts_of(request).read(name, made=service.pool.created_at(name)))
    return None


def _entry(name: str, counts: Mapping[str, int], facts: StoreFacts) -> dict[str, Any]:
    """Return a collection as the clients read it. counts: its files by status."""
    by_status = {status: counts.get(status, 0) for status in ("in_progress", "completed", "failed", "cancelled")}
    return {
        "id": name,
        "object": "vector_store",
        "created_at": unix_seconds(facts.made),
        "name": facts.name or name,
        "status": "in_progress" if by_status["in_progress"] else "completed",
        "usage_bytes": 0,
        "file_counts": {**by_status, "total": sum(by_status.values())},
        "metadata": dict(facts.metadata),
        "last_active_at": None,
        "expires_after": None,
        "expires_at": None,
    }
