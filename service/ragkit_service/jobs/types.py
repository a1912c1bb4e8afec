"""The values of jobs: the request, each file with its outcome, and the state of the job."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

JobKind = Literal["upload", "remove", "drop", "describe"]
JobState = Literal["queued", "running", "completed", "failed", "cancelled"]
FileStatus = Literal["queued", "added", "changed", "unchanged", "failed", "skipped", "cancelled"]

FINISHED: Final = ("completed", "failed", "cancelled")
TAKEN: Final = ("added", "changed", "unchanged")
"""The statuses of a file whose document is in the collection."""


def new_job_id() -> str:
    """Return a random id."""
    return f"job_{secrets.token_hex(10)}"


@dataclass(frozen=True, slots=True)
class JobRequest:
    """The request of a job, as it is stored.

    metadata: added to each document's own. file_metadata: added to that of single documents, by source. acl: access
    labels of the documents, () for everyone, None for those that the files name. labels: those of the sender, None for
    one who sees everything: what the sender does not see is neither replaced nor removed. create: make the collection
    when it is missing. sources, prefix, where: the documents to remove or describe: those named, or those that both
    prefix and filter match.
    """

    metadata: Mapping[str, Any] = field(default_factory=dict)
    acl: tuple[str, ...] | None = None
    labels: tuple[str, ...] | None = None
    create: bool = False
    sources: tuple[str, ...] = ()
    prefix: str = ""
    where: Mapping[str, Any] | None = None
    file_metadata: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return the request as JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> JobRequest:
        """Return the request of stored JSON."""
        lists = {name: None if stored[name] is None else tuple(stored[name]) for name in ("acl", "labels")}
        single = stored.get("file_metadata", {})  # a job that an earlier version queued has none
        return cls(
            _metadata(stored["metadata"]),
            **lists,
            create=stored["create"],
            sources=tuple(stored["sources"]),
            prefix=stored["prefix"],
            where=stored["where"],
            file_metadata={source: _metadata(pairs) for source, pairs in single.items()},
        )


@dataclass(frozen=True, slots=True)
class JobFile:
    """One file of a job. path: relative to the job's folder; of a JSON document its name ends in `.ragkit-document`.

    reason: why it gave no document (`encrypted`, `no_text`, `name_taken` …), "" otherwise; detail: in words.
    """

    number: int
    name: str
    source: str
    path: str = ""
    size: int = 0
    sha256: str = ""
    status: FileStatus = "queued"
    reason: str = ""
    detail: str = ""
    characters: int | None = None
    pages: int | None = None
    chunks: int | None = None
    warnings: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON of a file in a report; unknown values are null."""
        return {
            "name": self.name,
            "source": self.source,
            "status": self.status,
            "reason": self.reason or None,
            "detail": self.detail or None,
            "size": self.size,
            "sha256": self.sha256 or None,
            "characters": self.characters,
            "pages": self.pages,
            "chunks": self.chunks,
            "warnings": list(self.warnings),
        }


@dataclass(frozen=True, slots=True)
class Job:
    """One job. times: UTC, ISO 8601, "" for not yet.

    waiting_for: who holds the collection while the job waits for it, "" for nobody. embedded: texts embedded so far.
    generation: the run that it wrote. removed: documents that it removed. error: a problem (kind, title, detail, cure,
    status) when the job failed as a whole.
    """

    id: str
    collection: str
    kind: JobKind
    state: JobState
    created_at: str
    started_at: str = ""
    finished_at: str = ""
    key_id: str = ""
    waiting_for: str = ""
    embedded: int = 0
    removed: int = 0
    generation: int | None = None
    error: Mapping[str, Any] | None = None
    files: tuple[JobFile, ...] = ()
    request: JobRequest = JobRequest()

    @property
    def finished(self) -> bool:
        """Whether the job will not change any more."""
        return self.state in FINISHED

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON of a job."""
        return {
            "id": self.id,
            "collection": self.collection,
            "kind": self.kind,
            "state": self.state,
            "created_at": self.created_at,
            "started_at": self.started_at or None,
            "finished_at": self.finished_at or None,
            "waiting_for": self.waiting_for or None,
            "embedded": self.embedded,
            "removed": self.removed,
            "generation": self.generation,
            "error": None if self.error is None else dict(self.error),
            "files": [item.as_dict() for item in self.files],
        }


def _metadata(stored: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in stored.items()}
