"""Reads files in a team of actors: the bytes travel, so that a worker needs no access to the folder."""

from __future__ import annotations

import json
import os
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

from ragkit import Document, ExtractionError
from ragkit_ingest.executors.ray_cluster.team import Team, WorkersDiedError
from ragkit_ingest.executors.ray_cluster.wire import chunks_from, load_reply
from ragkit_ingest.jobs import Job
from ragkit_ingest.limits import ReadLimits
from ragkit_ingest.scan.stable_read import read_stable
from ragkit_ingest.workers.pool import WorkerPool
from ragkit_ingest.workers.protocol import unpack


class ClusterPool:
    """Reads and chunks files in a cluster; a file is opened and read whole here, as bytes of one version.

    A worker on another machine cannot see the files that a text includes: such a file is read here, by a process of its
    own. In the memory of this process and of the object store are at most as many files as there are workers.
    """

    def __init__(self, team: Team, *, limits: ReadLimits, size: int) -> None:
        self._team = team
        self._limits = limits
        self._threads = ThreadPoolExecutor(size, thread_name_prefix="ragkit-ray-read")
        self._lock = threading.Lock()
        self._own: WorkerPool | None = None

    def submit(self, job: Job) -> Future[Document | ExtractionError]:
        """Submit one file for reading; its chunks go to `job.chunked` before the result is there."""
        return self._threads.submit(self._read, job)

    def close(self) -> None:
        """Give up what has not begun. The team must be closed before, which ends the rest."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        if self._own is not None:
            self._own.close()

    def _read(self, job: Job) -> Document | ExtractionError:
        try:
            return self._elsewhere(job)
        except ExtractionError as error:
            return error
        except WorkersDiedError as error:
            return ExtractionError("worker_crashed", error.message)

    def _elsewhere(self, job: Job) -> Document:
        data = self._bytes(job)
        place = job.place
        request = {
            "source": job.source,
            "name": job.name,
            "root": os.fsdecode(place.root) if place is not None else "",
            "path": os.fsdecode(place.path) if place is not None else "",
        }
        reply = load_reply(*self._team.call("read", data, json.dumps(request)))
        if reply.included and not reply.here:
            return self._here().read(replace(job, open=lambda: _in_memory(data)))
        document = unpack(reply.message, reply.text, source=job.source)
        if job.included is not None:
            job.included(reply.included)
        if job.chunked is not None and reply.chunks is not None:
            job.chunked(chunks_from(reply.chunks, document))
        return document

    def _bytes(self, job: Job) -> bytes:
        """Return the bytes of a file, all of one version. Raises ExtractionError."""
        try:
            descriptor = job.open()
        except OSError as error:
            raise ExtractionError("unreadable", error.strerror or type(error).__name__) from error
        try:
            return read_stable(descriptor, max_size=self._limits.max_size, settled=job.private).data
        finally:
            os.close(descriptor)

    def _here(self) -> WorkerPool:
        with self._lock:
            if self._own is None:
                self._own = WorkerPool(self._limits, size=1)
            return self._own


def _in_memory(data: bytes) -> int:
    """Return a descriptor of a file in memory with these bytes."""
    descriptor = os.memfd_create("document", os.MFD_CLOEXEC)
    with os.fdopen(os.dup(descriptor), "wb") as file:
        file.write(data)
    return descriptor
