"""Where the jobs of a service are queued: in its data folder, or in the database of a shared store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ragkit_service.jobs.queue import LocalQueue
from ragkit_service.jobs.table import JobTable

if TYPE_CHECKING:
    from ragkit import SharedDatabase
    from ragkit_service.jobs.base import JobQueue
    from ragkit_service.settings import Limits


def open_queue(data: Path, database: SharedDatabase | None, *, worker: str, limits: Limits) -> JobQueue:
    """Return the queue of a service. worker: names the service and its process of jobs among all services."""
    if database is None:
        return LocalQueue(data)
    return JobTable(database, data, worker=worker, spool_bytes=limits.spool_bytes, lease_seconds=limits.lease_seconds)
