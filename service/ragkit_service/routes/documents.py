"""Documents of a collection: upload, list, look at, remove."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import anyio.to_thread
from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from ragkit import Document, DocumentInfo, ExtractionError, InputError, Metadata, NotFoundError, show
from ragkit_service.context import Service, service_of
from ragkit_service.errors import Problem
from ragkit_service.json_response import json_response
from ragkit_service.routes.openapi import problems
from ragkit_service.schemas.requests import SOURCE_LIMIT, DocumentsQuery, TextWindow
from ragkit_service.schemas.responses import DocumentsReply, RemovedReply, UploadReply, WholeDocumentReply
from ragkit_service.uploads import Upload, UploadReader, receive_uploads, upload_folder

if TYPE_CHECKING:
    from ragkit import KnowledgeBase

router = APIRouter(prefix="/v1/collections/{name}/documents", tags=["documents"])

_UPLOAD_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["files"],
                    "properties": {
                        "files": {
                            "type": "array",
                            "items": {"type": "string", "format": "binary"},
                            "description": "One or many files; the base name of each becomes its source.",
                        },
                        "metadata": {
                            "type": "string",
                            "description": "A flat JSON object that is added to the metadata of every file.",
                            "example": '{"team": "sales"}',
                        },
                    },
                }
            }
        },
    }
}
_UNSUPPORTED = frozenset({"unsupported", "binary", "type_mismatch", "unknown_encoding", "encrypted_or_old_format"})

SourcePath = Annotated[str, Path(max_length=SOURCE_LIMIT, description="A document's source, exactly.")]
SourceQuery = Annotated[str, Query(max_length=SOURCE_LIMIT, description="A document's source, exactly.")]


@router.post(
    "",
    response_model=UploadReply,
    responses={
        207: {"model": UploadReply, "description": "Some files were taken and others were not."},
        **problems(400, 404, 409, 415, 422, 423, 503, 507),
    },
    openapi_extra=_UPLOAD_BODY,
)
async def upload(request: Request, name: str) -> Response:
    """Add files, or replace the documents of the same names: all of them in one generation.

    200 when every file was taken, 207 when some were; when none was, the status of the first file's reason (413 too
    big, 415 not a format that can be read, 422 otherwise), with the report in `files`.
    """
    service = service_of(request)
    if not service.uploads.acquire(blocking=False):
        raise Problem(
            503,
            "busy",
            "Too many uploads at once",
            "the service is receiving as many uploads as it takes at once",
            cure="send the request again a little later",
            retry_after=5,
        )
    try:
        await anyio.to_thread.run_sync(_require, service, name)
        async with upload_folder(service.settings.data) as folder:
            reader = UploadReader(request.headers["content-type"], folder, limits=service.settings.limits)
            try:
                await receive_uploads(reader, request.stream())
            finally:
                reader.close()
            work = partial(_take, service, name, reader.uploads, reader.metadata())
            return await anyio.to_thread.run_sync(work, limiter=service.extracting)
    finally:
        service.uploads.release()


@router.get("", response_model=DocumentsReply, responses=problems(404, 409, 422, 503))
def list_documents(request: Request, name: str, query: Annotated[DocumentsQuery, Query()]) -> Response:
    """List documents by source, a page at a time; with `source`, that one document as `GET …/documents/{source}`."""
    if query.source is not None:
        return get_document(request, name, query.source, query)
    with service_of(request).pool.use(name) as knowledge:
        found = knowledge.documents(prefix=query.prefix, limit=query.limit + 1, offset=query.offset)
    listed = [item.as_dict() for item in found[: query.limit]]
    following = query.offset + query.limit if len(found) > query.limit else None
    return json_response({"documents": listed, "next_offset": following})


@router.get("/{source:path}", response_model=WholeDocumentReply, responses=problems(404, 409, 422, 503))
def get_document(request: Request, name: str, source: SourcePath, window: Annotated[TextWindow, Query()]) -> Response:
    """Get a document: its properties, its page table and headings, and a window of its text."""
    with service_of(request).pool.use(name) as knowledge:
        document = knowledge.document(source)
        info = _info(knowledge, source)
    text = document.text[window.start : window.start + window.length]
    start = min(window.start, len(document.text))
    payload = {
        **info.as_dict(),
        "start": start,
        "end": start + len(text),
        "text": text,
        "page_table": [{"start": page.start, "label": page.label} for page in document.pages],
        "headings": [{"offset": item.offset, "level": item.level, "text": item.text} for item in document.headings],
    }
    return json_response(payload)


@router.delete("", response_model=RemovedReply, responses=problems(404, 409, 422, 423, 503, 507))
def remove_document(
    request: Request,
    name: str,
    source: SourceQuery,
) -> Response:
    """Remove the document of a source."""
    with service_of(request).pool.write(name) as knowledge:
        removed = knowledge.remove(source)
    if not removed:
        raise NotFoundError(f"there is no document {show(source, 200)!r}", cure="GET the documents to see the sources")
    return json_response({"removed": removed})


@router.delete("/{source:path}", response_model=RemovedReply, responses=problems(404, 409, 422, 423, 503, 507))
def remove_document_at(request: Request, name: str, source: SourcePath) -> Response:
    """Remove the document of a source."""
    return remove_document(request, name, source)


def _require(service: Service, name: str) -> None:
    """Raise NotFoundError before a body is received in vain."""
    with service.pool.use(name):
        pass


def _info(knowledge: KnowledgeBase, source: str) -> DocumentInfo:
    found = knowledge.documents(prefix=source, limit=1)  # the shortest source with this prefix comes first
    if not found or found[0].source != source:
        raise NotFoundError(f"there is no document {show(source, 200)!r}")
    return found[0]


def _take(service: Service, name: str, uploads: list[Upload], metadata: Metadata) -> Response:
    """Extract every file, then write the documents as one generation; report each file."""
    reports: list[dict[str, Any]] = []
    documents: list[tuple[dict[str, Any], Document]] = []
    refusals: list[Problem] = []
    names = [upload.name for upload in uploads]
    if len(set(names)) < len(names):
        raise InputError("two files of the upload have the same name", cure="send them under different names")
    for item in uploads:
        report: dict[str, Any] = {"name": item.name, "status": "failed", "reason": None, "detail": None}
        reports.append(report)
        try:
            documents.append((report, _extracted(service, item, metadata)))
        except (ExtractionError, Problem) as error:
            refusals.append(_refusal(service, report, error))
    generation = _write(service, name, documents) if documents else None
    for report in reports:
        report.setdefault("warnings", [])
    if not documents:
        first = refusals[0]
        raise Problem(first.status, first.kind, first.title, first.detail, cure=first.cure, extra={"files": reports})
    return json_response({"generation": generation, "files": reports}, status=207 if refusals else 200)


def _extracted(service: Service, item: Upload, metadata: Metadata) -> Document:
    if item.problem is not None:
        raise item.problem
    document = service.extractor.extract(item.path)
    return replace(document, source=item.name, metadata={**document.metadata, **metadata})


def _refusal(service: Service, report: dict[str, Any], error: ExtractionError | Problem) -> Problem:
    """Fill in the report of a file that gave no document; return the problem for a request of such files only."""
    problem = service.teller.problem(error)
    report["detail"] = problem.detail
    if not isinstance(error, ExtractionError):
        report["reason"] = "too_big"
        return problem
    report["reason"] = error.reason
    report["detail"] = service.teller.clean(error.detail) or None
    report["status"] = "skipped" if error.skipped else "failed"
    if error.reason == "too_big":
        problem.status = 413
    elif error.reason in _UNSUPPORTED:
        problem.status = 415
    return problem


def _write(service: Service, name: str, documents: list[tuple[dict[str, Any], Document]]) -> int:
    with (
        service.pool.write(name) as knowledge,
        knowledge.writer(kind="upload", extractor=service.extractor.version) as writer,
    ):
        for report, document in documents:
            done = writer.add([(document, None)])
            report["status"] = "added" if done.added else "changed" if done.changed else "unchanged"
            report.update(
                characters=len(document.text),
                pages=len(document.pages),
                chunks=done.chunks,
                sha256=document.sha256,
                warnings=[service.teller.clean(warning) for warning in document.warnings],
            )
        return writer.generation
