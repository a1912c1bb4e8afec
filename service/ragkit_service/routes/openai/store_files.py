"""`/v1/vector_stores/{id}/files`: the documents of a collection, and the files on their way into it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import anyio.to_thread
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from ragkit import ConflictError, DocumentInfo, Metadata, NotFoundError, show
from ragkit_service.context import service_of
from ragkit_service.document_ids import document_id, source_of_id
from ragkit_service.file_store.attaching import attach_files, files_of
from ragkit_service.jobs.types import JobRequest
from ragkit_service.json_response import json_response
from ragkit_service.listings.times import unix_seconds
from ragkit_service.receiving import enqueue_change
from ragkit_service.routes.documents import failure
from ragkit_service.routes.openai.attached_files import (
    Entries,
    attached,
    attached_entry,
    file_entry,
    info_of,
    pending_files,
    shown_files,
)
from ragkit_service.routes.openai.paging import page
from ragkit_service.routes.openai.store_listing import Documents, list_files
from ragkit_service.routes.openapi import openai_errors
from ragkit_service.schemas.openai.pages import StoreFilesQuery
from ragkit_service.schemas.openai.replies import DeletedReply, StoreContentReply, StoreFileEntry, StoreFilesReply
from ragkit_service.schemas.openai.vector_stores import NewStoreFile, StoreFileChange
from ragkit_service.security.access import access_of
from ragkit_service.uploads import checked_metadata

if TYPE_CHECKING:
    pass

router = APIRouter(prefix="/v1/vector_stores/{store}/files", tags=["openai"])


@router.post("", response_model=StoreFileEntry, responses=openai_errors(404, 415, 503, 507))
async def create_store_file(request: Request, store: str, body: NewStoreFile) -> Response:
    """Put a stored file into a collection: the reply is `in_progress`, and its state can be asked for by its id."""
    metadata = checked_metadata(body.attributes or {})
    job = await attach_files(request, store, [body.file_id], metadata=metadata)
    stored = await anyio.to_thread.run_sync(files_of(request).get, body.file_id)
    return json_response(attached_entry(job, job.files[0], created=stored.created_at))


@router.get("", response_model=StoreFilesReply, responses=openai_errors(404, 409, 503))
async def list_store_files(request: Request, store: str, query: Annotated[StoreFilesQuery, Query()]) -> Response:
    """List the documents of a collection, and the files that are not documents yet or never were, newest first."""
    await anyio.to_thread.run_sync(partial(service_of(request).require, access_of(request), store, "read"))
    pending = {} if query.filter == "completed" else (await pending_files(request, [store]))[store]
    return json_response(await anyio.to_thread.run_sync(partial(_listed, request, store, query, pending)))


@router.get("/{file_id}", response_model=StoreFileEntry, responses=openai_errors(404, 409, 503))
async def get_store_file(request: Request, store: str, file_id: str) -> Response:
    """Look at a file of a collection: `in_progress`, `completed`, `failed` with `last_error`, or `cancelled`."""
    found = await anyio.to_thread.run_sync(partial(_document_of, request, store, file_id))
    on_its_way = await attached(request, store, file_id)
    state = on_its_way and on_its_way["status"]
    if state == "in_progress" or (found is None and state in {"failed", "cancelled"}):
        return json_response(on_its_way)
    if found is None:  # a completed job does not know about later removals
        raise NotFoundError("there is no such file in the vector store", cure="list its files")
    return json_response(_document(store, found))


@router.post("/{file_id}", response_model=StoreFileEntry, responses=openai_errors(404, 409, 415, 503, 507))
async def update_store_file(request: Request, store: str, file_id: str, body: StoreFileChange) -> Response:
    """Change attributes of a document: those that are sent replace those of the same name; nothing is read again."""
    metadata = checked_metadata(body.attributes)
    await _done(request, store, file_id, metadata=metadata)
    found = await anyio.to_thread.run_sync(partial(_document_of, request, store, file_id))
    if found is None:
        raise NotFoundError("there is no such file in the vector store", cure="list its files")
    return json_response(_document(store, found))


@router.get("/{file_id}/content", response_model=StoreContentReply, responses=openai_errors(404, 409, 503))
def store_file_content(request: Request, store: str, file_id: str) -> Response:
    """Return the text of a document."""
    with service_of(request).reading(access_of(request), store) as knowledge:
        text = knowledge.document(source_of_id(file_id)).text
    page = {"object": "vector_store.file_content.page", "data": [{"type": "text", "text": text}]}
    return json_response({**page, "has_more": False, "next_page": None})


@router.delete("/{file_id}", response_model=DeletedReply, responses=openai_errors(404, 409, 503, 507))
async def delete_store_file(request: Request, store: str, file_id: str) -> Response:
    """Remove a file from a collection: its document, or the record of one that gave none; the stored file stays.

    One that is on its way there is 409: cancel its batch, or wait.
    """
    on_its_way = await attached(request, store, file_id)
    if on_its_way is not None and on_its_way["status"] == "in_progress":
        raise ConflictError(
            f"the file {show(file_id, 80)!r} is being put into the vector store", cure="wait until it is there"
        )
    found = await anyio.to_thread.run_sync(partial(_document_of, request, store, file_id))
    if found is None and on_its_way is not None and on_its_way["status"] != "completed":
        await anyio.to_thread.run_sync(partial(service_of(request).require, access_of(request), store, "write"))
    else:
        await _done(request, store, file_id)
    await anyio.to_thread.run_sync(partial(files_of(request).detach, file_id, collection=store))
    return json_response({"id": file_id, "object": "vector_store.file.deleted", "deleted": True})


async def _done(request: Request, store: str, file_id: str, *, metadata: Metadata | None = None) -> None:
    """Remove a document, or give it metadata, by a job that is waited for. Raises 404, and what the job failed with."""
    service = service_of(request)
    wanted = JobRequest(metadata or {}, sources=(source_of_id(file_id),), labels=access_of(request).labels)
    job = await enqueue_change(request, store, wanted, kind="remove" if metadata is None else "describe")
    seconds = service.settings.limits.writer_seconds
    job = await service.jobs.wait(job.id, seconds=seconds)
    if not job.finished:
        job = await service.jobs.give_up(job.id)
    if job.state != "completed":
        raise failure(job, seconds=seconds)


# ------------------------------------------------------------------ documents


def _document_of(request: Request, store: str, file_id: str) -> DocumentInfo | None:
    with service_of(request).reading(access_of(request), store) as knowledge:
        return info_of(knowledge, source_of_id(file_id))


def _listed(request: Request, store: str, query: StoreFilesQuery, pending: Entries) -> dict[str, Any]:
    """Return a page of the listing. pending: files that are on their way or gave no document."""
    service, key_id = service_of(request), access_of(request).key_id
    with service.reading(access_of(request), store) as knowledge:
        seen, held = shown_files(knowledge, pending)
        shown = {source: entry for source, entry in seen.items() if query.filter in (None, entry["status"])}
        only_pending = query.filter not in (None, "completed")
        others = shown if only_pending else {source: entry for source, entry in shown.items() if source not in held}
        documents = Documents(knowledge, total=0 if only_pending else int(knowledge.status()["documents"]))
        found = list_files(
            documents,
            {source: entry["created_at"] * 1_000 for source, entry in others.items()},
            query,
            ends=service.page_ends,
            listing=("files", store, key_id),
        )
    return page([_entry_of(store, entry, shown) for entry in found.entries], more=found.more)


def _entry_of(store: str, listed: DocumentInfo | str, pending: Entries) -> dict[str, Any]:
    if isinstance(listed, str):
        return pending[listed]
    return pending.get(listed.source) or _document(store, listed)


def _document(store: str, info: DocumentInfo) -> dict[str, Any]:
    attributes = {key: value for key, value in info.metadata.items() if isinstance(value, str | int | float)}
    created = unix_seconds(info.updated_at)
    entry = file_entry(document_id(info.source), store, "completed", created=created, size=info.characters)
    return {**entry, "filename": info.source, "attributes": {**attributes, "sha256": info.sha256}}
