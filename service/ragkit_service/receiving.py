"""Writes uploads to the disk and queues their jobs; nothing is read or embedded here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from typing import Final, Literal

import anyio
import anyio.to_thread
from starlette.requests import Request

from ragkit import ACL_KEY, UPLOAD_PREFIX, InputError, checked_labels
from ragkit_service.context import Service, service_of
from ragkit_service.errors import Problem
from ragkit_service.jobs.spool import SpoolLock, storage_error, sync_file
from ragkit_service.jobs.types import Job, JobFile, JobRequest, new_job_id
from ragkit_service.jobs.upload_work import DOCUMENT_SUFFIX
from ragkit_service.schemas.requests import NewDocuments
from ragkit_service.security.access import Access, access_of
from ragkit_service.uploads import Upload, UploadReader, checked_metadata, receive_uploads

REPEATED_ID: Final = "repeated_id"
"""Why a document was left out whose name or id a later one of the same request has."""


async def receive_upload(request: Request, name: str) -> Job:
    """Stream a multipart body to disk and queue its job.

    Raises what a route answers with: 404 (no such collection, or another team's), 403, 503 (busy), 400, 413, 422, 507.
    """
    service, access = service_of(request), access_of(request)
    async with service.upload_slot():
        create = await anyio.to_thread.run_sync(partial(_destination, service, access, name))
        job_id = new_job_id()
        spool = SpoolLock(service.settings.data, job_id)
        await anyio.to_thread.run_sync(spool.make)
        kept = False
        try:
            reader = UploadReader(request.headers["content-type"], spool.folder, limits=service.settings.limits)
            try:
                await receive_uploads(reader, request.stream())
            finally:
                reader.close()
            wanted = JobRequest(
                reader.metadata(), acl=own_labels(access, reader.acl()), labels=access.labels, create=create
            )
            files = _files(reader.uploads)
            job = Job(job_id, name, "upload", "queued", "", key_id=access.key_id, files=files, request=wanted)
            queued = await service.jobs.add(job)
            kept = True
            return queued
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(partial(spool.release, keep=kept))


async def receive_documents(request: Request, name: str, documents: NewDocuments) -> Job:
    """Store JSON documents and queue their job. Raises as `receive_upload`."""
    service, access = service_of(request), access_of(request)
    create = await anyio.to_thread.run_sync(partial(_destination, service, access, name))
    acl = own_labels(access, documents.acl)
    job_id = new_job_id()
    spool = SpoolLock(service.settings.data, job_id)
    await anyio.to_thread.run_sync(spool.make)
    kept = False
    try:
        files = await anyio.to_thread.run_sync(partial(_store, documents, spool, access))
        wanted = JobRequest(acl=acl, labels=access.labels, create=create)
        job = Job(job_id, name, "upload", "queued", "", key_id=access.key_id, files=files, request=wanted)
        queued = await service.jobs.add(job)
        kept = True
        return queued
    finally:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(partial(spool.release, keep=kept))


async def enqueue_change(
    request: Request, name: str, wanted: JobRequest, *, kind: Literal["remove", "describe"] = "remove"
) -> Job:
    """Queue the removal of documents of a collection, or new metadata of them. Raises 404, 403, 503."""
    service, access = service_of(request), access_of(request)
    await anyio.to_thread.run_sync(partial(service.require, access, name, "write"))
    job = Job(new_job_id(), name, kind, "queued", "", key_id=access.key_id, request=wanted)
    return await service.jobs.add(job)


def own_labels(access: Access, labels: Sequence[str] | None) -> tuple[str, ...] | None:
    """Return the access labels that a sender gives to documents, checked; None where it gives none.

    A sender with labels cannot make a document that others see and the sender does not. Raises InputError for such a
    label, and for one that is none.
    """
    if labels is None:
        return None
    checked: tuple[str, ...] = checked_labels(labels)
    foreign = [] if access.labels is None else [label for label in checked if label not in access.labels]
    if foreign:
        raise InputError(f"the key has no access label {foreign[0]!r}", cure="give labels that the key has")
    return checked


def _destination(service: Service, access: Access, name: str) -> bool:
    """Check that a collection may be written to; return whether the upload creates it."""
    if name not in service.pool.names() and service.may_make(access, name):
        return True
    service.require(access, name, "write")
    return False


def _files(uploads: Sequence[Upload]) -> tuple[JobFile, ...]:
    if all(upload.problem is not None for upload in uploads):
        first = uploads[0].problem
        if first is not None:
            files = [_file(number, upload).as_dict() for number, upload in enumerate(uploads)]
            raise Problem(first.status, first.kind, first.title, first.detail, cure=first.cure, extra={"files": files})
    last = {upload.name: number for number, upload in enumerate(uploads)}
    return tuple(
        _file(number, upload) if last[upload.name] == number else _repeated(number, upload.name, last[upload.name])
        for number, upload in enumerate(uploads)
    )


def _file(number: int, upload: Upload) -> JobFile:
    source = UPLOAD_PREFIX + upload.name
    if upload.problem is not None:
        return JobFile(
            number,
            upload.name,
            source,
            size=upload.size,
            status="skipped",
            reason="too_big",
            detail=upload.problem.detail,
        )
    path = f"{number}/{upload.path.name}"
    return JobFile(number, upload.name, source, path=path, size=upload.size, sha256=upload.digest.hexdigest())


def _store(documents: NewDocuments, spool: SpoolLock, access: Access) -> tuple[JobFile, ...]:
    """Write each document as JSON into the job's folder; of several with one id, the last one."""
    last = {item.id: number for number, item in enumerate(documents.documents)}
    files = []
    for number, item in enumerate(documents.documents):
        if last[item.id] != number:
            files.append(_repeated(number, item.id, last[item.id]))
            continue
        metadata = dict(checked_metadata(item.metadata))
        acl = own_labels(access, item.acl)
        if acl is not None and documents.acl is None:
            metadata[ACL_KEY] = acl
        content = {"text": item.text, "title": item.title, "media_type": item.media_type, "metadata": metadata}
        data = json.dumps(content, ensure_ascii=True).encode()
        path = f"{number}{DOCUMENT_SUFFIX}"
        try:
            with (spool.folder / path).open("xb") as file:
                file.write(data)
                file.flush()
                sync_file(file.fileno())
        except OSError as error:
            raise storage_error(error, spool.folder) from error
        files.append(JobFile(number, item.id, UPLOAD_PREFIX + item.id, path=path, size=len(item.text.encode())))
    return tuple(files)


def _repeated(number: int, name: str, taken: int) -> JobFile:
    """Return the report of a document whose name or id a later one of the request has too."""
    detail = f"number {taken + 1} of the request has the same name and was taken instead"
    source = UPLOAD_PREFIX + name
    return JobFile(number, name, source, status="skipped", reason=REPEATED_ID, detail=detail)
