"""One upload: read each file in a killable process, chunk, embed and commit; the outcome of each is stored at once."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ragkit import (
    ACL_KEY,
    AddProgress,
    ConflictError,
    Document,
    ExtractionError,
    InputError,
    LockedError,
    NotFoundError,
)
from ragkit_service.jobs.tools import Tools
from ragkit_service.jobs.types import TAKEN, FileStatus, Job, JobFile, JobState

if TYPE_CHECKING:
    from ragkit import KnowledgeBase, KnowledgeWriter

DOCUMENT_SUFFIX = ".ragkit-document"
"""Ends the name of a stored JSON document: text, title, media type and metadata."""
NAME_TAKEN = "name_taken"
_REPORT_SECONDS = 0.5
_PDF: Final = "application/pdf"


class UploadWork:
    """The work of one upload job."""

    def __init__(self, job: Job, tools: Tools) -> None:
        self._job = job
        self._queue = tools.queue
        self._pool = tools.pool
        self._extractor = tools.extractor
        self._redactor = tools.redactor
        self._most_original_bytes = tools.limits.original_bytes
        self._folder = Path()
        self._files = {item.source: item for item in job.files}
        self._documents: dict[str, Document] = {}
        self._chunks = 0
        self._reported = 0.0

    def run(self, stopped: Callable[[], bool]) -> None:
        """Do the job. Raises LockedError while another program writes, and what opening and writing raise."""
        cancelled = _Watch(lambda: self._queue.must_end(self._job.id))

        def ending() -> bool:
            return stopped() or cancelled()

        self._check_free()
        with self._queue.files(self._job) as self._folder:
            generation = self._take(ending)
        if stopped() and not cancelled.now() and any(item.status == "queued" for item in self._files.values()):
            self._queue.put_back(self._job.id)
            return
        state: JobState = "cancelled" if cancelled.now() else "completed" if self._taken() else "failed"
        self._queue.finish(self._job.id, state, generation=generation)

    def _take(self, ending: Callable[[], bool]) -> int | None:
        """Read the files and write their documents; return the generation, None when none was taken."""
        documents = self._read(ending)
        first = next(documents, None)
        if first is None:
            return None
        self._make_collection()
        with self._pool.use(self._job.collection) as knowledge:
            generation = self._write(knowledge, chain([first], documents), ending)
            knowledge.follow_files()  # originals
            return generation

    def _check_free(self) -> None:
        """Raise LockedError before anything is read when another program keeps this one from writing."""
        try:
            with self._pool.use(self._job.collection) as knowledge:
                holder = knowledge.writing(alone=True)
        except NotFoundError:
            if not self._job.request.create:
                raise
            return
        if holder:
            raise LockedError("another program is writing", holder=holder)

    def _make_collection(self) -> None:
        if self._job.request.create and self._job.collection not in self._pool.names():
            try:
                self._pool.create(self._job.collection)
            except ConflictError:
                return  # somebody else has made it in between

    def _taken(self) -> bool:
        return any(item.status in TAKEN for item in self._files.values())

    def _read(self, ending: Callable[[], bool]) -> Iterator[Document]:
        """Yield the documents of the files that have no outcome yet; the others are settled with their reason."""
        for item in self._job.files:
            if item.status != "queued" or ending():
                continue
            try:
                document = self._document(item)
            except ExtractionError as error:
                status: FileStatus = "skipped" if error.skipped else "failed"
                self._settle(item, status, reason=error.reason, detail=self._redactor.clean(error.detail))
                continue
            except InputError as error:
                self._settle(item, "failed", reason="damaged", detail=self._redactor.clean(error.message))
                continue
            self._documents[item.source] = document
            yield document

    def _document(self, item: JobFile) -> Document:
        path, request = self._folder / item.path, self._job.request
        if item.path.endswith(DOCUMENT_SUFFIX):
            document = _stored_document(path, item.source)
            own = document.metadata.get(ACL_KEY, request.labels)
        else:
            document = replace(self._extractor.extract(path), source=item.source)
            # A file's own metadata counts only where its sender may give any label.
            own = document.metadata.get(ACL_KEY) if request.labels is None else request.labels
        acl = own if request.acl is None else request.acl
        metadata = {**document.metadata, **request.metadata, **request.file_metadata.get(item.source, {})}
        metadata.pop(ACL_KEY, None)
        return replace(document, metadata={**metadata, ACL_KEY: acl} if acl else metadata)

    def _write(self, knowledge: KnowledgeBase, documents: Iterator[Document], ending: Callable[[], bool]) -> int | None:
        with knowledge.writer(kind="upload", extractor=self._extractor.version) as writer:
            allowed = (document for document in documents if self._may_replace(knowledge, document))
            writer.add(
                (self._keep_original(writer, document) for document in allowed),
                progress=self._progress,
                reject=self._rejected,
                stopped=ending,
            )
            return writer.generation if self._taken() else None

    def _may_replace(self, knowledge: KnowledgeBase, document: Document) -> bool:
        """Settle a document whose name belongs to one that the sender may not see; the outcome reveals nothing of
        it."""
        labels = self._job.request.labels
        if labels is None:
            return True
        held = knowledge.view(None).documents(prefix=document.source, limit=1)
        seen = knowledge.view(labels).documents(prefix=document.source, limit=1)
        if not held or held[0].source != document.source or (seen and seen[0].source == document.source):
            return True
        detail = "the name cannot be used; choose another"
        self._settle(self._files[document.source], "failed", reason=NAME_TAKEN, detail=detail)
        return False

    def _keep_original(self, writer: KnowledgeWriter, document: Document) -> Document:
        """Keep the file of a PDF, whose pages can be shown; return the document, with a warning when it is not kept."""
        if document.media_type != _PDF or not self._most_original_bytes:
            return document
        file = self._folder / self._files[document.source].path
        try:
            if writer.keep_original(file, document.sha256, limit=self._most_original_bytes):
                return document
            reason = f"the originals of a collection may take {self._most_original_bytes:,} bytes"
        except OSError as error:
            reason = error.strerror or "it cannot be written"
        noted = replace(document, warnings=(*document.warnings, f"its pages are not shown as pictures: {reason}"))
        self._documents[document.source] = noted
        return noted

    def _rejected(self, document: Document, error: InputError) -> None:
        item = self._files[document.source]
        self._settle(item, "failed", reason="damaged", detail=self._redactor.clean(error.message))

    def _progress(self, progress: AddProgress) -> None:
        """Store a committed document, and from time to time the progress of embedding; the embedding thread calls this
        too."""
        if progress.outcome and progress.source in self._files:
            document = self._documents.pop(progress.source)
            self._settle(
                self._files[progress.source],
                progress.outcome,  # type: ignore[arg-type] # one of added, changed, unchanged
                characters=len(document.text),
                pages=len(document.pages),
                chunks=progress.chunks - self._chunks,
                warnings=tuple(self._redactor.clean(warning) for warning in document.warnings),
            )
            self._chunks = progress.chunks
        if progress.embedded and time.monotonic() - self._reported > _REPORT_SECONDS:
            self._reported = time.monotonic()
            self._queue.progress(self._job.id, embedded=progress.embedded)

    def _settle(self, item: JobFile, status: FileStatus, **found: Any) -> None:
        settled = replace(item, status=status, **found)
        self._files[item.source] = settled
        self._queue.settle(self._job.id, settled)


class _Watch:
    """Checks whether a job must end, at most some times a second, because each check reads the queue."""

    def __init__(self, ask: Callable[[], bool]) -> None:
        self._ask = ask
        self._at = 0.0
        self._answer = False

    def __call__(self) -> bool:
        if not self._answer and time.monotonic() - self._at > _REPORT_SECONDS / 2:
            self.now()
        return self._answer

    def now(self) -> bool:
        """Check now, whatever the time of the last check."""
        self._answer = self._answer or self._ask()
        self._at = time.monotonic()
        return self._answer


def _stored_document(path: Path, source: str) -> Document:
    """Return the document of a stored JSON object. Raises InputError, ExtractionError (no text)."""
    content = json.loads(path.read_bytes())
    pairs = content["metadata"].items()
    metadata = {key: tuple(value) if isinstance(value, list) else value for key, value in pairs}
    document = Document.from_text(
        source, content["text"], title=content["title"], media_type=content["media_type"], metadata=metadata
    )
    if not document.text.strip():
        raise ExtractionError("no_text", "the document has no text")
    return document
