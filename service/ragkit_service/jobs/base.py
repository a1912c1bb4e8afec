"""The protocol of a queue of jobs: SQLite in a data folder, or a table that several services share."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final, Protocol

from ragkit_service.jobs.types import Job, JobFile, JobState

ATTEMPTS: Final = 3
"""How often a job is started: one that crashes its process each time then fails."""
KEPT: Final = 1_000
"""Number of finished jobs that are kept for reports; the oldest are deleted."""
CRASHED: Final[Mapping[str, Any]] = {
    "status": 500,
    "kind": "worker-crashed",
    "title": "The job ended its process",
    "detail": "the process that did this job ended, each time it was begun",
    "cure": "send the files one by one, to find the one that does it",
}
"""The error of a job that was started ATTEMPTS times."""


class JobQueue(Protocol):
    """The jobs of a service, first in, first out for each collection. Thread-safe; opened at its first use."""

    def get(self, job_id: str) -> Job | None:
        """Return a job with its files; None when there is none of that id."""

    def jobs(self, *, limit: int = 100, before: str = "", unfinished: bool = False) -> list[Job]:
        """Return jobs with their files, newest first. before: the id of a job, for the next page."""

    def unfinished(self) -> list[str]:
        """Return the ids of the jobs that are queued or running, in their order."""

    def length(self) -> int:
        """Return how many jobs are queued or running."""

    def must_end(self, job_id: str) -> bool:
        """Return whether a running job was cancelled, or taken over by another service."""

    def add(self, job: Job) -> Job:
        """Put a job at the end of the queue, with the files of its spool folder; both survive a crash from now on."""

    def claim(self) -> Job | None:
        """Take the first job whose collection has no earlier unfinished job; None when there is none."""

    def files(self, job: Job) -> AbstractContextManager[Path]:
        """Lend the folder that holds the files of a claimed job, at the paths that its `JobFile`s name."""

    def put_back(self, job_id: str, *, waiting_for: str = "", seconds: float = 0.0) -> None:
        """Queue a running job again, at its old place: it waits for another writer, or the service stops."""

    def settle(self, job_id: str, item: JobFile) -> None:
        """Store the outcome of a file."""

    def progress(self, job_id: str, *, embedded: int) -> None:
        """Store how many texts of a job are embedded."""

    def finish(
        self,
        job_id: str,
        state: JobState,
        *,
        generation: int | None = None,
        removed: int = 0,
        error: Mapping[str, Any] | None = None,
    ) -> None:
        """End a job, whose files are deleted; those of them that have no outcome end with it."""

    def cancel(self, job_id: str) -> Job | None:
        """Cancel a job: one that waits ends at once, one that runs as soon as it can. None when there is none."""

    def recover(self) -> None:
        """Queue the jobs of a dead process of this service again, and delete what no unfinished job needs.

        Only for the one process that does the jobs, before it begins.
        """

    def keep_claims(self) -> None:
        """Renew the lease of the jobs that this process has claimed; called every `lease_seconds` / 3."""

    @property
    def lease_seconds(self) -> float:
        """How long a claim lasts without being renewed; 0 for a queue whose claims last as long as their process."""

    def close(self) -> None:
        """Close what is open; a later call opens it again."""
