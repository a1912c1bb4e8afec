"""The main program of the process that does the jobs: it ends when its input closes, or after some idle time."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ragkit import ChunkSettings, DenseSettings, ModelSettings, Settings, shared_database
from ragkit_service.collection_pool import CollectionPool, DataFolder
from ragkit_service.errors import Redactor
from ragkit_service.jobs.extractor import ingest_extractor
from ragkit_service.jobs.opening import open_queue
from ragkit_service.jobs.process import LOCK_NAME
from ragkit_service.jobs.runner import Runner
from ragkit_service.jobs.tools import Tools
from ragkit_service.settings import Limits

_IDLE_SECONDS = 60.0
_NICE = 5  # requests have priority on a shared core: beside one busy thread of theirs, this gets a quarter of it


def main() -> None:
    """Do jobs until the service closes this process's input."""
    message = json.loads(sys.stdin.buffer.readline() or b"null")
    if message is None:
        return
    sys.argv = ["ragkit", "serve"]  # what a lock names as its holder
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s jobs: %(message)s")
    os.nice(_NICE)
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)  # a terminal may stop a process in the background that logs to it
    lock = FileLock(Path(message["data"]) / LOCK_NAME, thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return  # another service does them
    ended = threading.Event()
    threading.Thread(target=_watch, args=(ended,), daemon=True).start()
    try:
        _serve(message, ended)
    finally:
        lock.release()


def _watch(ended: threading.Event) -> None:
    """Wait for the end of the input, which comes when the service stops, even by a crash."""
    while sys.stdin.buffer.read(1):
        pass
    ended.set()


def _serve(message: Mapping[str, Any], ended: threading.Event) -> None:
    data = Path(message["data"])
    limits = Limits(**message["limits"])
    parts = message["settings"]
    settings = Settings(
        chunk=ChunkSettings(**parts["chunk"]),
        model=ModelSettings(**parts["model"]),
        dense=DenseSettings(**parts["dense"]),
        index=parts["index"],
    )
    place = message["shared"] or data
    queue = open_queue(data, shared_database(place), worker=message["worker"], limits=limits)
    pool = CollectionPool(DataFolder(place, settings=settings, remember=0), limit=limits.open_collections)
    extractor = ingest_extractor(limits)
    redactor = Redactor([data, Path.home(), Path.cwd()])
    runner = Runner(Tools(queue, pool, extractor, redactor, limits), lanes=limits.job_lanes)
    runner.start()
    busy = time.monotonic()
    while not ended.wait(0.5):
        if not runner.idle or queue.unfinished():
            busy = time.monotonic()
        elif time.monotonic() - busy > _IDLE_SECONDS:
            break
    runner.stop()
    pool.close()
    queue.close()


if __name__ == "__main__":
    main()
