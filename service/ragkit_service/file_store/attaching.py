"""Takes the files of OpenAI's clients onto the disk, and queues the jobs that put them into collections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import anyio
import anyio.to_thread
from starlette.requests import Request

from ragkit import InputError, Metadata
from ragkit_service.context import service_of
from ragkit_service.file_store.base import FileStore, StoredFile
from ragkit_service.file_store.file_table import FileTable
from ragkit_service.file_store.store_facts import FactFolder, FactStore, FactTable
from ragkit_service.file_store.stored_files import StoredFiles
from ragkit_service.jobs.spool import SpoolLock, storage_error
from ragkit_service.jobs.types import Job, JobFile, JobRequest, new_job_id
from ragkit_service.security.access import access_of
from ragkit_service.uploads import UploadReader, receive_uploads

_FIELDS: Final = (b"purpose", b"expires_after[anchor]", b"expires_after[seconds]")


def files_of(request: Request) -> FileStore:
    """Return the stored files of the key of a request."""
    service, owner = service_of(request), access_of(request).key_id
    if service.database is not None:
        return FileTable(service.database, owner=owner)
    return StoredFiles(service.settings.data, owner=owner)


def facts_of(request: Request) -> FactStore:
    """Return the names and metadata of vector stores."""
    service = service_of(request)
    return FactFolder(service.settings.data) if service.database is None else FactTable(service.database)


async def receive_file(request: Request) -> StoredFile:
    """Store the one file of a multipart body. Raises 403, 503 (busy), 400, 413, 422, 507."""
    service = service_of(request)
    access_of(request).check("write")
    async with service.upload_slot():
        spool = SpoolLock(service.settings.data, new_job_id())
        try:
            await anyio.to_thread.run_sync(spool.make)
            limits = service.settings.limits
            reader = UploadReader(request.headers["content-type"], spool.folder, limits=limits, fields=_FIELDS)
            try:
                await receive_uploads(reader, request.stream())
            finally:
                reader.close()
            return await anyio.to_thread.run_sync(partial(_keep, files_of(request), reader))
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(partial(spool.release, keep=False))


def _keep(files: FileStore, reader: UploadReader) -> StoredFile:
    if len(reader.uploads) != 1:
        raise InputError(f"the request holds {len(reader.uploads)} files", cure="send one file a request")
    (upload,) = reader.uploads
    if upload.problem is not None:
        raise upload.problem
    return files.keep(upload, purpose=reader.field(b"purpose") or "user_data")


async def attach_files(
    request: Request,
    collection: str,
    identifiers: Sequence[str],
    *,
    metadata: Metadata,
    own: Mapping[str, Metadata] | None = None,
) -> Job:
    """Queue the one job that puts stored files into a collection, each once.

    metadata: of all documents. own: further metadata of single documents, by the id of the file. Raises 404 (a file or
    the collection), 403, 503, 507.
    """
    service, access = service_of(request), access_of(request)
    await anyio.to_thread.run_sync(partial(service.require, access, collection, "write"))
    files = files_of(request)
    job_id = new_job_id()
    spool = SpoolLock(service.settings.data, job_id)
    wanted = [await anyio.to_thread.run_sync(files.get, identifier) for identifier in dict.fromkeys(identifiers)]
    await anyio.to_thread.run_sync(spool.make)
    kept = False
    try:
        linked = await anyio.to_thread.run_sync(partial(_linked, files, wanted, spool=spool, attached=collection))
        singles = {stored.source: own[stored.id] for stored in wanted if own and own.get(stored.id)}
        asked = JobRequest(metadata, labels=access.labels, file_metadata=singles)
        job = Job(job_id, collection, "upload", "queued", "", key_id=access.key_id, files=linked, request=asked)
        queued = await service.jobs.add(job)
        kept = True
        return queued
    finally:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(partial(spool.release, keep=kept))


def _linked(files: FileStore, wanted: Sequence[StoredFile], *, spool: SpoolLock, attached: str) -> tuple[JobFile, ...]:
    """Put stored files into the folder of a job, and remember the job with each. attached: the collection's name."""
    found = []
    for number, stored in enumerate(wanted):
        path = f"{number}/{stored.name.rpartition('/')[2]}"
        _copy(files, stored, spool.folder / path)
        files.attach(stored.id, collection=attached, job=spool.job_id)
        found.append(JobFile(number, stored.name, stored.source, path=path, size=stored.bytes, sha256=stored.sha256))
    return tuple(found)


def _copy(files: FileStore, stored: StoredFile, path: Path) -> None:
    """Put a stored file into the folder of a job."""
    try:
        path.parent.mkdir()
        files.copy(stored, path)
    except OSError as error:
        raise storage_error(error, path.parent) from error
