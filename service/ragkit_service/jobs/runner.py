"""Does the jobs of a queue: several collections at once, the jobs of one collection in their order."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable

from ragkit import LockedError, NotFoundError
from ragkit_service.errors import Problem
from ragkit_service.jobs.changes import describe_sources, matching_sources, remove_sources
from ragkit_service.jobs.tools import Tools
from ragkit_service.jobs.types import Job
from ragkit_service.jobs.upload_work import UploadWork

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 0.2
_LOCKED_SECONDS = 0.5
_HOLDER = re.compile(r"\((?P<command>[^)]*)\).* since (?P<since>\S+)")


class Runner:
    """Threads that take jobs from a queue until they are stopped. There is one runner for a data folder or machine."""

    def __init__(self, tools: Tools, *, lanes: int = 2) -> None:
        """lanes: number of concurrent jobs, each of another collection."""
        self._tools = tools
        self._lanes = lanes
        self._stop = threading.Event()
        self._wake = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._busy = 0

    def start(self) -> None:
        """Queue the jobs that an earlier process left unfinished, then begin."""
        self._tools.queue.recover()
        works = [(f"ragkit-jobs-{number}", self._work) for number in range(self._lanes)]
        if self._tools.queue.lease_seconds:
            works.append(("ragkit-jobs-lease", self._keep_claims))
        for name, work in works:
            thread = threading.Thread(target=work, name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def wake(self) -> None:
        """Look at the queue now."""
        with self._wake:
            self._wake.notify_all()

    def stop(self) -> None:
        """Stop: finished documents are committed, running jobs are queued again, and the file reader is closed."""
        self._stop.set()
        self.wake()
        for thread in self._threads:
            thread.join()
        self._tools.extractor.close()

    @property
    def idle(self) -> bool:
        """Whether no job is running."""
        return self._busy == 0

    def _work(self) -> None:
        while not self._stop.is_set():
            try:
                job = self._tools.queue.claim()
            except Exception:
                logger.exception("the queue of jobs cannot be read")
                self._stop.wait(1.0)
                continue
            if job is None:
                with self._wake:
                    self._wake.wait(_LOOK_SECONDS)
                continue
            with self._wake:
                self._busy += 1
            try:
                self._do(job)
            finally:
                with self._wake:
                    self._busy -= 1

    def _keep_claims(self) -> None:
        """Renew the leases of the jobs at work; one that is lost ends its job here, and another service does it."""
        while not self._stop.wait(self._tools.queue.lease_seconds / 3):
            try:
                self._tools.queue.keep_claims()
            except Exception:
                logger.exception("the leases of the jobs cannot be renewed")

    def _do(self, job: Job) -> None:
        """Do one job; an error ends the job and not the thread."""
        queue, redactor = self._tools.queue, self._tools.redactor
        try:
            _WORKS[job.kind](job, self._tools, self._stop.is_set)
        except LockedError as error:
            queue.put_back(job.id, waiting_for=describe_holder(error.holder), seconds=_LOCKED_SECONDS)
            return
        except Exception as error:
            problem = redactor.problem(error)
            if problem.kind == "internal" or not isinstance(error, NotFoundError | Problem):
                logger.warning("job %s failed: %s", job.id, error, exc_info=problem.kind == "internal")
            self._finish_failed(job, problem)

    def _finish_failed(self, job: Job, problem: Problem) -> None:
        try:
            self._tools.queue.finish(job.id, "failed", error=problem_dict(problem))
        except Exception:
            logger.exception("the outcome of job %s cannot be stored", job.id)


def describe_holder(holder: str) -> str:
    """Return who holds a collection, without the process id and the host: the command, and since when."""
    match = _HOLDER.search(holder)
    return f"{match['command']}, since {match['since']}" if match else "another program"


def problem_dict(problem: Problem) -> dict[str, object]:
    """Return the parts of a problem that a job keeps."""
    return {
        "status": problem.status,
        "kind": problem.kind,
        "title": problem.title,
        "detail": problem.detail,
        "cure": problem.cure,
    }


def _upload(job: Job, tools: Tools, stopped: Callable[[], bool]) -> None:
    UploadWork(job, tools).run(stopped)


def _remove(job: Job, tools: Tools, stopped: Callable[[], bool]) -> None:
    del stopped  # a removal takes milliseconds
    with tools.pool.use(job.collection) as knowledge:
        sources = matching_sources(knowledge, job.request)
        removed, generation = remove_sources(knowledge, sources)
    tools.queue.finish(job.id, "completed", removed=removed, generation=generation)


def _describe(job: Job, tools: Tools, stopped: Callable[[], bool]) -> None:
    del stopped
    with tools.pool.use(job.collection) as knowledge:
        sources = matching_sources(knowledge, job.request)
        generation = describe_sources(knowledge, sources, job.request.metadata)
    tools.queue.finish(job.id, "completed", generation=generation)


def _drop(job: Job, tools: Tools, stopped: Callable[[], bool]) -> None:
    del stopped
    tools.pool.delete(job.collection)
    tools.queue.finish(job.id, "completed")


_WORKS: dict[str, Callable[[Job, Tools, Callable[[], bool]], None]] = {
    "upload": _upload,
    "remove": _remove,
    "drop": _drop,
    "describe": _describe,
}
