"""The process that does the jobs: started when there is a job, watched, and stopped with the service.

Reading, chunking and embedding hold the GIL for long stretches; in a process of their own they delay no request.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ragkit_service.jobs.base import JobQueue
from ragkit_service.settings import ServiceSettings

logger = logging.getLogger(__name__)

LOCK_NAME = "jobs.lock"
_LOOK_SECONDS = 0.2
_AGAIN_SECONDS = 2.0  # before a process that died is started again
_END_SECONDS = 9.0  # for a process that is asked to end


class JobProcess:
    """Starts the process while jobs wait, and again when it dies.

    Of several services with one data folder, one at a time does the jobs; of several machines with one database, each.
    """

    def __init__(self, settings: ServiceSettings, queue: JobQueue, *, worker: str) -> None:
        """worker: names this service among all that share the queue."""
        self._settings = settings
        self._queue = queue
        self._worker = worker
        self._wake = threading.Event()
        self._stopped = False
        self._child: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._supervise, name="ragkit-jobs", daemon=True)

    def start(self) -> None:
        """Begin to look for jobs."""
        self._thread.start()

    def wake(self) -> None:
        """Look at the queue now."""
        self._wake.set()

    def stop(self) -> None:
        """Stop the process: it commits finished documents and queues the rest again."""
        self._stopped = True
        self._wake.set()
        self._thread.join()
        child = self._child
        if child is None:
            return
        if child.stdin is not None:
            child.stdin.close()
        try:
            child.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            logger.warning("the process of the jobs is ended; its job is begun again at the next start")
            child.kill()
            child.wait()

    @property
    def process_id(self) -> int:
        """The process id, 0 when there is none."""
        child = self._child
        return child.pid if child is not None and child.poll() is None else 0

    def _supervise(self) -> None:
        while not self._stopped:
            self._wake.wait(_LOOK_SECONDS)
            self._wake.clear()
            try:
                self._look()
            except Exception:
                logger.exception("the process of the jobs cannot be started")
                time.sleep(_AGAIN_SECONDS)

    def _look(self) -> None:
        child = self._child
        if child is not None:
            code = child.poll()
            if code is None:
                return
            self._child = None
            if code:
                logger.warning("the process of the jobs ended with status %d", code)
                time.sleep(_AGAIN_SECONDS)
        if not self._stopped and self._queue.unfinished() and self._is_free():
            self._child = _start(_message(self._settings, self._worker))

    def _is_free(self) -> bool:
        """Return whether no other service does the jobs; the process itself takes the lock."""
        lock = FileLock(self._settings.data / LOCK_NAME, thread_local=False)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return False
        lock.release()
        return True


def _start(message: Mapping[str, Any]) -> subprocess.Popen[bytes]:
    child = subprocess.Popen(
        [sys.executable, "-m", "ragkit_service.jobs.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env=_environment(os.environ),
        # A Ctrl-C on the terminal is for the service, which ends its child in order. A session of its own would do too,
        # but Linux shares the processor by session first (autogroup): the child's niceness would have no effect.
        process_group=0,
    )
    if child.stdin is None:
        raise RuntimeError("the process has no input")
    child.stdin.write(json.dumps(message).encode() + b"\n")
    child.stdin.flush()
    return child


def _message(settings: ServiceSettings, worker: str) -> dict[str, Any]:
    """Return the settings for the process; they hold no key and no chat model."""
    every = asdict(settings.settings)
    parts = {name: every[name] for name in ("chunk", "model", "dense", "index")}
    return {
        "data": str(settings.data),
        "shared": settings.shared,
        "worker": worker,
        "settings": parts,
        "limits": asdict(settings.limits),
    }


def _environment(ours: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the process, without the service's secrets."""
    folders = [entry for entry in sys.path if entry and Path(entry).is_dir()]
    kept = {name: value for name, value in ours.items() if not name.endswith(("_API_KEY", "_TOKEN", "_SECRET"))}
    return {**kept, "PYTHONPATH": os.pathsep.join(folders)}
