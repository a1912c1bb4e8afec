"""A page of an ingested PDF as a picture: only while the file is the one that was read."""

from __future__ import annotations

import os
from functools import partial

from ragkit import ExtractionError, FileState
from ragkit_ingest.jobs import Job
from ragkit_ingest.scan.walk import open_file
from ragkit_ingest.workers.pool import WorkerPool


def page_image(state: FileState, page: int, *, pool: WorkerPool) -> bytes:
    """Return a page, counted from 1, of the file that a document was read from, as a PNG.

    It is opened below its root as an ingest would, and drawn in a process that can be killed. Raises ExtractionError:
    `missing` (the file or the page), `changed_while_reading` (not the bytes that were read), `unsupported` (no PDF),
    and whatever a reader may say.
    """
    job = Job(state.source, os.fsdecode(state.path), partial(open_file, os.fsencode(state.root), state.path))
    digest, picture = pool.draw(job, page)
    if digest != state.sha256:
        raise ExtractionError("changed_while_reading", "the file has changed since it was read", cure="ingest it again")
    return picture
