"""`/v1/vector_stores/{id}/files`: the documents of a collection, and the files on their way into it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Final

import anyio.to_thread
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from ragkit import ConflictError, DocumentInfo, NotFoundError, show
from ragkit_service.context import service_of
from ragkit_service.document_ids import document_id, source_of_id
from ragkit_service.errors import Problem
from ragkit_service.file_store.attaching import attach_files, files_of
from ragkit_service.jobs.types import TAKEN, Job, JobFile, JobRequest
from ragkit_service.json_response import json_response
from ragkit_service.listings.times import unix_milliseconds, unix_seconds
from ragkit_service.receiving import enqueue_removal
from ragkit_service.routes.documents import failure
from ragkit_service.routes.openai.paging import page
from ragkit_service.routes.openai.store_listing import Documents, list_files
from ragkit_service.routes.openapi import openai_errors
from ragkit_service.schemas.openai.pages import StoreFilesQuery
from ragkit_service.schemas.openai.replies import DeletedReply, StoreContentReply, StoreFileEntry, StoreFilesReply
from ragkit_service.schemas.openai.vector_stores import NewStoreFile
from ragkit_service.security.access import access_of
from ragkit_service.uploads import checked_metadata

if TYPE_CHECKING:
    from ragkit import KnowledgeView

router = APIRouter(prefix="/v1/vector_stores/{store}/files", tags=["openai"])

_UNSUPPORTED: Final = frozenset({"unsupported", "binary", "type_mismatch", "unknown_encoding", "too_big"})


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
    pending = {} if query.filter == "completed" else await _pending(request, store)
    return json_response(await anyio.to_thread.run_sync(partial(_listed, request, store, query, pending)))


@router.get("/{file_id}", response_model=StoreFileEntry, responses=openai_errors(404, 409, 503))
async def get_store_file(request: Request, store: str, file_id: str) -> Response:
    """Look at a file of a collection: `in_progress`, `completed`, `failed` with `last_error`, or `cancelled`."""
    found = await anyio.to_thread.run_sync(partial(_document_of, request, store, file_id))
    on_its_way = await _attached(request, store, file_id)
    state = on_its_way and on_its_way["status"]
    if state == "in_progress" or (found is None and state in {"failed", "cancelled"}):
        return json_response(on_its_way)
    if found is None:  # a completed job does not know about later removals
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
    on_its_way = await _attached(request, store, file_id)
    if on_its_way is not None and on_its_way["status"] == "in_progress":
        raise ConflictError(
            f"the file {show(file_id, 80)!r} is being put into the vector store", cure="wait until it is there"
        )
    found = await anyio.to_thread.run_sync(partial(_document_of, request, store, file_id))
    if found is None and on_its_way is not None and on_its_way["status"] != "completed":
        await anyio.to_thread.run_sync(partial(service_of(request).require, access_of(request), store, "write"))
    else:
        await _remove(request, store, file_id)
    await anyio.to_thread.run_sync(partial(files_of(request).detach, file_id, collection=store))
    return json_response({"id": file_id, "object": "vector_store.file.deleted", "deleted": True})


async def _remove(request: Request, store: str, file_id: str) -> None:
    """Remove a document. Raises 404, and what the job failed with."""
    service = service_of(request)
    wanted = JobRequest(sources=(source_of_id(file_id),), labels=access_of(request).labels)
    job = await enqueue_removal(request, store, wanted)
    seconds = service.settings.limits.writer_seconds
    job = await service.jobs.wait(job.id, seconds=seconds)
    if not job.finished:
        job = await service.jobs.give_up(job.id)
    if job.state != "completed":
        raise failure(job, seconds=seconds)


# ------------------------------------------------------------------ documents


def _document_of(request: Request, store: str, file_id: str) -> DocumentInfo | None:
    with service_of(request).reading(access_of(request), store) as knowledge:
        return _info(knowledge, source_of_id(file_id))


def _info(knowledge: KnowledgeView, source: str) -> DocumentInfo | None:
    try:
        return knowledge.info(source)
    except NotFoundError:
        return None


def _listed(
    request: Request, store: str, query: StoreFilesQuery, pending: Mapping[str, dict[str, Any]]
) -> dict[str, Any]:
    """Return a page of the listing. pending: the entries of files that are on their way or gave no document, by source.

    A file that replaces a document is listed once, as in progress; one that failed to leaves the document as it was.
    """
    service, key_id = service_of(request), access_of(request).key_id
    with service.reading(access_of(request), store) as knowledge:
        held = {source for source in pending if _info(knowledge, source)}
        shown = {
            source: entry
            for source, entry in pending.items()
            if query.filter in (None, entry["status"]) and (source not in held or entry["status"] == "in_progress")
        }
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


def _entry_of(store: str, listed: DocumentInfo | str, pending: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    if isinstance(listed, str):
        return pending[listed]
    return pending.get(listed.source) or _document(store, listed)


def _document(store: str, info: DocumentInfo) -> dict[str, Any]:
    attributes = {key: value for key, value in info.metadata.items() if isinstance(value, str | int | float)}
    created = unix_seconds(info.updated_at)
    entry = _entry(document_id(info.source), store, "completed", created=created, size=info.characters)
    return {**entry, "filename": info.source, "attributes": {**attributes, "sha256": info.sha256}}


# ------------------------------------------------------------------ files on their way


async def _pending(request: Request, store: str) -> dict[str, dict[str, Any]]:
    """Return the stored files that were put into a collection and are not (yet) documents of it, by source."""
    files = files_of(request)
    await anyio.to_thread.run_sync(partial(service_of(request).require, access_of(request), store, "read"))
    jobs: dict[str, dict[str, tuple[Job, JobFile]]] = {}
    out = {}
    for stored, job_id in await anyio.to_thread.run_sync(
        lambda: [(one, files.job_of(one.id, store)) for one in files.list()]
    ):
        if job_id and job_id not in jobs:
            jobs[job_id] = await _files_of_job(request, store, job_id)
        if stored.source in jobs.get(job_id, {}):
            job, file = jobs[job_id][stored.source]
            if status_of(job, file) != "completed":
                out[stored.source] = attached_entry(job, file, created=stored.created_at)
    return out


async def _attached(request: Request, store: str, file_id: str) -> dict[str, Any] | None:
    """Return a stored file with the state of the job that puts it into a collection; None without such a job."""
    service, files = service_of(request), files_of(request)
    await anyio.to_thread.run_sync(partial(service.require, access_of(request), store, "read"))
    job_id = await anyio.to_thread.run_sync(files.job_of, file_id, store)
    if not job_id:
        return None
    stored = await anyio.to_thread.run_sync(files.get, file_id)
    found = (await _files_of_job(request, store, job_id)).get(stored.source)
    return found and attached_entry(*found, created=stored.created_at)


async def _files_of_job(request: Request, store: str, job_id: str) -> dict[str, tuple[Job, JobFile]]:
    """Return the files of a job by source; none of a job that is forgotten, or of an earlier collection of the name."""
    service = service_of(request)
    try:
        job = await service.jobs.get(access_of(request), job_id)
    except Problem:
        return {}
    made = await anyio.to_thread.run_sync(service.pool.created_at, store)
    if unix_milliseconds(job.created_at) < unix_milliseconds(made):
        return {}
    return {file.source: (job, file) for file in job.files}


def attached_entry(job: Job, file: JobFile, *, created: int) -> dict[str, Any]:
    """Return a file as the job sees it that puts it into a collection. created: when it was stored, in Unix seconds."""
    entry = _entry(document_id(file.source), job.collection, status_of(job, file), created=created, size=file.size)
    return {**entry, "filename": file.name, "last_error": _last_error(job, file)}


def status_of(job: Job, file: JobFile) -> str:
    """Return the status of a file of a job: `in_progress` until the job has finished with all of its files."""
    if not job.finished:
        return "in_progress"
    if file.status in TAKEN:
        return "completed"
    return "cancelled" if job.state == "cancelled" else "failed"


def _last_error(job: Job, file: JobFile) -> dict[str, str] | None:
    if status_of(job, file) != "failed":
        return None
    if job.error is not None:
        return {"code": "server_error", "message": str(job.error["detail"])}
    code = "unsupported_file" if file.reason in _UNSUPPORTED else "invalid_file"
    return {"code": code, "message": f"{file.reason}: {file.detail}" if file.detail else file.reason}


def _entry(identifier: str, store: str, status: str, *, created: int, size: int) -> dict[str, Any]:
    return {
        "id": identifier,
        "object": "vector_store.file",
        "created_at": created,
        "vector_store_id": store,
        "status": status,
        "last_error": None,
        "usage_bytes": size,
        "attributes": {},
        "chunking_strategy": {"type": "other"},
    }
