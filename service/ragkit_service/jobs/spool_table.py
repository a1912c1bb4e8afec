"""The files of jobs in the database, in pieces: whichever service does a job copies them to its machine first."""

from __future__ import annotations

import hashlib
import logging
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ragkit import CorruptError, SharedDatabase, Statements, StorageFullError, show
from ragkit_service.jobs.spool import spool_folder, storage_error
from ragkit_service.jobs.types import Job, JobFile

logger = logging.getLogger(__name__)

TABLES: Final = """
    CREATE TABLE service_spool (
      job text NOT NULL REFERENCES service_jobs (id) ON DELETE CASCADE, path text NOT NULL, part integer NOT NULL,
      body bytea NOT NULL, PRIMARY KEY (job, path, part)
    );
    ALTER TABLE service_spool ALTER COLUMN body SET STORAGE EXTERNAL;
"""
"""The table of pieces; they are not compressed, because most files are already."""
PIECE_BYTES: Final = 1 << 20
_PREFIX: Final = "fetched-"


def store_files(statements: Statements, job: Job, *, folder: Path, limit: int) -> None:
    """Copy the files of a new job from its folder into the table, a piece at a time.

    limit: bytes of the files of all unfinished jobs. Raises StorageFullError beyond it.
    """
    waiting = statements.rows(
        """SELECT coalesce(sum(f.size), 0)::bigint FROM service_jobs AS j JOIN service_job_files AS f ON f.job = j.id
        WHERE j.state IN ('queued', 'running') AND f.path <> ''"""
    )[0][0]
    if waiting > limit:
        raise StorageFullError(
            f"the uploads that wait in the database would take {waiting:,} bytes of {limit:,}",
            cure="send the request again when some have finished, or raise the limit spool_bytes",
        )
    for item in job.files:
        if not item.path:
            continue
        with (folder / item.path).open("rb") as file:
            for part, body in enumerate(iter(lambda: file.read(PIECE_BYTES), b"")):
                statements.changed("INSERT INTO service_spool VALUES ($1, $2, $3, $4)", (job.id, item.path, part, body))


@contextmanager
def fetched_files(database: SharedDatabase, data: Path, job: Job) -> Iterator[Path]:
    """Copy the files of a job that have no outcome yet into a temporary folder, which the body may read.

    A transaction for each piece: a slow disk keeps no transaction open. Raises StorageFullError, ConfigError.
    """
    parent = spool_folder(data, job.id).parent
    try:
        parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    except OSError as error:
        raise storage_error(error, parent) from error
    try:
        for item in job.files:
            if item.path and item.status == "queued":
                _fetch(database, job.id, item, folder / item.path)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep_fetched(data: Path) -> None:
    """Delete copies that a process which was killed has left; only for the one process of this machine's jobs."""
    for folder in sorted(spool_folder(data, "any").parent.glob(f"{_PREFIX}*")):
        logger.warning("removing copies of files that a job left behind")
        shutil.rmtree(folder, ignore_errors=True)


def _fetch(database: SharedDatabase, job_id: str, item: JobFile, target: Path) -> None:
    """Copy a file; CorruptError when its bytes are not those that were uploaded."""
    digest = hashlib.sha256()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file:
            part = 0
            while body := _piece(database, job_id, item.path, part):
                file.write(body)
                digest.update(body)
                part += 1
    except OSError as error:
        raise storage_error(error, target.parent) from error
    if item.sha256 and digest.hexdigest() != item.sha256:
        raise CorruptError(
            f"the bytes of {show(item.name, 80)!r} in the database are not those sent", cure="send the file again"
        )


def _piece(database: SharedDatabase, job_id: str, path: str, part: int) -> bytes:
    """Return a piece of a file; empty after the last one."""
    with database.transaction() as statements:
        rows = statements.rows(
            "SELECT body FROM service_spool WHERE job = $1 AND path = $2 AND part = $3", (job_id, path, part)
        )
        return bytes(rows[0][0]) if rows else b""
