"""The interface of jobs for routes: asynchronous, so that waiting for a job holds no thread."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from functools import partial
from typing import Final, TypeVar

import anyio
import anyio.to_thread

from ragkit_service.errors import Problem
from ragkit_service.jobs.base import JobQueue
from ragkit_service.jobs.types import Job
from ragkit_service.observing.records import note_collection
from ragkit_service.security.access import Access

Result = TypeVar("Result")

_THREADS: Final = 4
_FIRST_LOOK: Final = 0.02
_LONGEST_LOOK: Final = 0.5
_LAST_SECONDS: Final = 5.0


class JobBoard:
    """Adds, finds, cancels and waits for jobs. Its look-ups have a few dedicated threads."""

    def __init__(self, queue: JobQueue, *, wake: Callable[[], None], limit: int) -> None:
        """wake: notifies the runner of new work. limit: the largest number of unfinished jobs."""
        self._queue = queue
        self._wake = wake
        self._limit = limit
        self._threads = anyio.CapacityLimiter(_THREADS)

    async def add(self, job: Job) -> Job:
        """Queue a job; it survives a crash when this returns. Raises a 503 while too many jobs wait."""
        if len(await self._run(self._queue.unfinished)) >= self._limit:
            raise Problem(
                503,
                "busy",
                "Too many jobs wait",
                f"{self._limit:,} jobs are unfinished",
                cure="send the request again when some have finished",
                retry_after=10,
            )
        added = await self._run(partial(self._queue.add, job))
        self._wake()
        return added

    async def get(self, access: Access, job_id: str) -> Job:
        """Return a job that the sender may see; a 404 for any other."""
        job = await self._run(partial(self._queue.get, job_id))
        if job is None or not may_see(access, job):
            raise unknown_job()
        note_collection(job.collection)
        return job

    async def list(self, access: Access, *, limit: int, before: str = "") -> list[Job]:
        """Return the jobs that the sender may see, newest first, from among the latest."""
        found: list[Job] = []
        while len(found) < limit:
            page = await self._run(partial(self._queue.jobs, limit=100, before=before))
            found += [job for job in page if may_see(access, job)]
            if len(page) < 100:
                break
            before = page[-1].id
        return found[:limit]

    async def cancel(self, access: Access, job_id: str) -> Job:
        """Cancel a job: one that waits ends at once, one that runs as soon as it can."""
        await self.get(access, job_id)
        job = await self._run(partial(self._queue.cancel, job_id))
        if job is None:
            raise unknown_job()
        return job

    async def give_up(self, job_id: str) -> Job:
        """Cancel a job after too long a wait, and return its result; a running job is waited for."""
        before = await self._run(partial(self._queue.get, job_id))
        await self._run(partial(self._queue.cancel, job_id))
        job = await self.wait(job_id, seconds=_LAST_SECONDS)
        return job if before is None else replace(job, waiting_for=before.waiting_for)

    async def cancel_all(self, collection: str) -> None:
        """Cancel every unfinished job of a collection."""
        for job in await self._run(partial(self._queue.jobs, limit=self._limit, unfinished=True)):
            if job.collection == collection:
                await self._run(partial(self._queue.cancel, job.id))

    async def wait(self, job_id: str, *, seconds: float) -> Job:
        """Return the job when it has finished, or as it is after some seconds."""
        end = time.monotonic() + seconds
        pause = _FIRST_LOOK
        while True:
            job = await self._run(partial(self._queue.get, job_id))
            if job is None:
                raise unknown_job()
            if job.finished or time.monotonic() >= end:
                return job
            await anyio.sleep(pause)
            pause = min(2 * pause, _LONGEST_LOOK)

    async def changes(self, job_id: str, *, every: float = _LONGEST_LOOK) -> AsyncIterator[Job | None]:
        """Yield a job as it is, then whenever it has changed, until it has finished; None where nothing changed."""
        before: Job | None = None
        while True:
            job = await self._run(partial(self._queue.get, job_id))
            if job is None:
                return
            yield None if job == before else job
            if job.finished:
                return
            before = job
            await anyio.sleep(every)

    async def _run(self, call: Callable[[], Result]) -> Result:
        return await anyio.to_thread.run_sync(call, limiter=self._threads)


def may_see(access: Access, job: Job) -> bool:
    """Return whether a key may see a job: one of its collections; with labels, only its own jobs."""
    if not access.covers(job.collection):
        return False
    return access.labels is None or bool(access.key_id and access.key_id == job.key_id)


def unknown_job() -> Problem:
    """Return the 404 for a job that does not exist, or is not the sender's."""
    return Problem(404, "not-found", "There is no such thing here", "there is no such job", cure="GET /v1/jobs")
