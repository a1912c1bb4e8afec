"""Stored files that were put into collections: the job that does it, and what the clients see of it."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import anyio.to_thread
from fastapi import Request

from ragkit import DocumentInfo, NotFoundError
from ragkit_service.context import service_of
from ragkit_service.document_ids import document_id
from ragkit_service.errors import Problem
from ragkit_service.file_store.attaching import files_of
from ragkit_service.jobs.types import TAKEN, Job, JobFile
from ragkit_service.listings.times import unix_milliseconds
from ragkit_service.security.access import access_of

if TYPE_CHECKING:
    from ragkit import KnowledgeView

Entries = dict[str, dict[str, Any]]
"""Files of a collection as the clients read them, by source."""
_UNSUPPORTED: Final = frozenset({"unsupported", "binary", "type_mismatch", "unknown_encoding", "too_big"})


async def pending_files(request: Request, stores: Collection[str]) -> dict[str, Entries]:
    """Return, for each collection, the stored files that were put into it and are not (yet) documents of it.

    The sender must be allowed to see the collections.
    """
    out: dict[str, Entries] = {store: {} for store in stores}
    jobs: dict[str, dict[str, tuple[Job, JobFile]]] = {}
    for item in await anyio.to_thread.run_sync(files_of(request).attachments):
        if item.collection not in out:
            continue
        if item.job not in jobs:
            jobs[item.job] = await _files_of_job(request, item.collection, item.job)
        if item.stored.source in jobs[item.job]:
            job, file = jobs[item.job][item.stored.source]
            if status_of(job, file) != "completed":
                out[item.collection][file.source] = attached_entry(job, file, created=item.stored.created_at)
    return out


def shown_files(knowledge: KnowledgeView, pending: Entries) -> tuple[Entries, set[str]]:
    """Return the pending files that clients see, and which of them are documents too.

    A file that is replacing a document is in progress; one that failed to leaves the document as it was.
    """
    held = {source for source in pending if info_of(knowledge, source)}
    shown = {
        source: entry for source, entry in pending.items() if source not in held or entry["status"] == "in_progress"
    }
    return shown, held & shown.keys()


def info_of(knowledge: KnowledgeView, source: str) -> DocumentInfo | None:
    """Return the listing entry of a document, None when there is none."""
    try:
        return knowledge.info(source)
    except NotFoundError:
        return None


async def attached(request: Request, store: str, file_id: str) -> dict[str, Any] | None:
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
    entry = file_entry(document_id(file.source), job.collection, status_of(job, file), created=created, size=file.size)
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


def file_entry(identifier: str, store: str, status: str, *, created: int, size: int) -> dict[str, Any]:
    """Return a file of a collection as the clients read it. created: in Unix seconds. size: in bytes or characters."""
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
