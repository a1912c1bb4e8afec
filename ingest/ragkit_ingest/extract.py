"""One file to one Document, in a process that can be killed."""

from __future__ import annotations

import os
from functools import partial

from ragkit import Document, clean_text
from ragkit_ingest.jobs import Job, Place
from ragkit_ingest.limits import ReadLimits
from ragkit_ingest.scan.names import source_of
from ragkit_ingest.scan.opening import PathLike, open_path
from ragkit_ingest.workers.pool import WorkerPool


def path_job(path: PathLike, *, limits: ReadLimits, source: str = "", includes: bool = False) -> Job:
    """Return the job of reading a named file; its source is its name unless another is given.

    includes: its text may include files of its folder and below; not for a file that somebody else sent.
    """
    name = os.path.basename(os.fsencode(path))
    shown = clean_text(os.fsdecode(name)) or "file"
    folder = os.path.dirname(os.path.abspath(os.fsencode(path)))
    opened = partial(open_path, path, max_size=limits.max_size)
    return Job(source or source_of(name) or "file", shown, opened, Place(folder, name) if includes else None)


def extract_file(
    path: PathLike, *, source: str = "", limits: ReadLimits | None = None, pool: WorkerPool | None = None
) -> Document:
    """Return the document of one file. Raises ExtractionError with a typed reason if there is none.

    pool: reuses its children, and its limits hold; without one, a child is started for this file.
    """
    limits = limits or ReadLimits()
    if pool is not None:
        return pool.read(path_job(path, limits=limits, source=source))
    with WorkerPool(limits, size=1) as own:
        return own.read(path_job(path, limits=limits, source=source))
