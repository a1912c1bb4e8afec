"""The shapes of jobs in responses."""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, JsonValue

_FILE: Final[dict[str, JsonValue]] = {
    "name": "policies/refunds.pdf",
    "source": "upload:policies/refunds.pdf",
    "status": "added",
    "reason": None,
    "detail": None,
    "size": 48213,
    "sha256": "9f2c6c1f0f6f0b8f4a5b0f4a4d7c5b1e2a3948576c6d7e8f90a1b2c3d4e5f607",
    "characters": 5321,
    "pages": 4,
    "chunks": 11,
    "warnings": [],
}
JOB: Final[dict[str, JsonValue]] = {
    "id": "job_9f2c6c1f0f6f0b8f4a5b",
    "collection": "handbook",
    "kind": "upload",
    "state": "completed",
    "created_at": "2026-01-05T09:00:00.000Z",
    "started_at": "2026-01-05T09:00:00.120Z",
    "finished_at": "2026-01-05T09:00:04.500Z",
    "waiting_for": None,
    "embedded": 11,
    "removed": 0,
    "generation": 4,
    "error": None,
    "files": [_FILE],
}


class JobFileReply(BaseModel):
    """One file of a job. reason: why it gave no document (encrypted, no_text, too_big, name_taken, repeated_id …)."""

    name: str
    source: str
    status: Literal["queued", "added", "changed", "unchanged", "failed", "skipped", "cancelled"]
    reason: str | None
    detail: str | None
    size: int
    sha256: str | None
    characters: int | None
    pages: int | None
    chunks: int | None
    warnings: list[str]

    model_config = ConfigDict(extra="forbid")


class JobReply(BaseModel):
    """A job. waiting_for: who writes to the collection while the job waits. embedded: texts embedded so far.

    error: the problem of a job that failed as a whole; the files have their own reasons.
    """

    id: str
    collection: str
    kind: Literal["upload", "remove", "drop", "describe"]
    state: Literal["queued", "running", "completed", "failed", "cancelled"]
    created_at: str
    started_at: str | None
    finished_at: str | None
    waiting_for: str | None
    embedded: int
    removed: int
    generation: int | None
    error: dict[str, Any] | None
    files: list[JobFileReply]

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [JOB]})


class JobsReply(BaseModel):
    """Jobs, newest first."""

    jobs: list[JobReply]

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"jobs": [JOB]}]})
