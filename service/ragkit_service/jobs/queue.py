"""The queue of jobs in DATA/jobs.sqlite: it survives crashes, and several processes use it at once."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import apsw

from ragkit import ConfigError, RagkitError, StorageFullError
from ragkit_service.jobs.base import ATTEMPTS, CRASHED, KEPT
from ragkit_service.jobs.rows import COLUMNS, FILE_COLUMNS, file_row, job_of, time_text
from ragkit_service.jobs.spool import remove_spool, spool_folder, sweep_spool
from ragkit_service.jobs.types import FileStatus, Job, JobFile, JobState

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS jobs (
  number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, collection TEXT NOT NULL, kind TEXT NOT NULL,
  state TEXT NOT NULL, created_at TEXT NOT NULL, started_at TEXT NOT NULL, finished_at TEXT NOT NULL,
  key_id TEXT NOT NULL, waiting_for TEXT NOT NULL, embedded INTEGER NOT NULL, removed INTEGER NOT NULL,
  generation INTEGER, error TEXT, request TEXT NOT NULL, attempts INTEGER NOT NULL, cancel INTEGER NOT NULL,
  not_before REAL NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS jobs_open ON jobs (state, number);
CREATE TABLE IF NOT EXISTS files (
  job TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE, number INTEGER NOT NULL, name TEXT NOT NULL,
  source TEXT NOT NULL, path TEXT NOT NULL, size INTEGER NOT NULL, sha256 TEXT NOT NULL, status TEXT NOT NULL,
  reason TEXT NOT NULL, detail TEXT NOT NULL, characters INTEGER, pages INTEGER, chunks INTEGER, warnings TEXT NOT NULL,
  PRIMARY KEY (job, number)
) STRICT, WITHOUT ROWID;
"""
Clock = Callable[[], datetime]


def _utc_now() -> datetime:
    return datetime.now(UTC)


class LocalQueue:
    """The jobs of a data folder, first in, first out for each collection. Thread-safe; opened at its first use."""

    def __init__(self, data: Path, *, clock: Clock = _utc_now) -> None:
        self.data = data
        self.path = data / "jobs.sqlite"
        self._clock = clock
        self._lock = threading.Lock()
        self._connection: apsw.Connection | None = None

    # ------------------------------------------------------------------ asking

    def get(self, job_id: str) -> Job | None:
        """Return a job with its files; None when there is none of that id."""
        with self._open() as connection:
            return _job(connection, job_id)

    def jobs(self, *, limit: int = 100, before: str = "", unfinished: bool = False) -> list[Job]:
        """Return jobs with their files, newest first. before: the id of a job, for the next page."""
        state = "state IN ('queued', 'running')" if unfinished else "1"
        older = "number < coalesce((SELECT number FROM jobs WHERE id = ?), 0)" if before else "? = ''"
        with self._open() as connection:
            rows = connection.execute(
                f"SELECT id FROM jobs WHERE {state} AND {older} ORDER BY number DESC LIMIT ?",  # noqa: S608 (constants)
                (before, limit),
            ).fetchall()
            return [job for row in rows if (job := _job(connection, str(row[0]))) is not None]

    def unfinished(self) -> list[str]:
        """Return the ids of the jobs that are queued or running, in their order."""
        if not self.path.exists():
            return []
        with self._open() as connection:
            sql = "SELECT id FROM jobs WHERE state IN ('queued', 'running') ORDER BY number"
            return [row[0] for row in connection.execute(sql)]

    def length(self) -> int:
        """Return how many jobs are queued or running."""
        return len(self.unfinished())

    def must_end(self, job_id: str) -> bool:
        """Return whether a running job was cancelled."""
        with self._open() as connection:
            rows = connection.execute("SELECT cancel FROM jobs WHERE id = ?", (job_id,)).fetchall()
        return bool(rows and rows[0][0])

    # ------------------------------------------------------------------ changing

    def add(self, job: Job) -> Job:
        """Put a job at the end of the queue; it is on disk when this returns."""
        stamped = replace(job, state="queued", created_at=self._now())
        values = (job.id, job.collection, job.kind, "queued", stamped.created_at, job.key_id)
        with self._write() as connection:
            connection.execute(
                """INSERT INTO jobs (id, collection, kind, state, created_at, key_id, request, started_at, finished_at,
                waiting_for, embedded, removed, attempts, cancel, not_before)
                VALUES (?, ?, ?, ?, ?, ?, ?, '', '', '', 0, 0, 0, 0, 0)""",
                (*values, json.dumps(job.request.as_dict())),
            )
            for item in job.files:
                connection.execute(
                    "INSERT INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (job.id, *file_row(item))
                )
            connection.execute(
                """DELETE FROM jobs WHERE state IN ('completed', 'failed', 'cancelled') AND number <= (
                SELECT number FROM jobs WHERE state IN ('completed', 'failed', 'cancelled')
                ORDER BY number DESC LIMIT 1 OFFSET ?)""",
                (KEPT,),
            )
        return stamped

    def claim(self) -> Job | None:
        """Take the first job whose collection has no earlier unfinished job; None when there is none."""
        with self._write() as connection:
            rows = connection.execute(
                """SELECT id FROM jobs AS j WHERE state = 'queued' AND not_before <= ? AND NOT EXISTS (
                SELECT 1 FROM jobs AS e WHERE e.collection = j.collection AND e.state IN ('queued', 'running')
                AND e.number < j.number) ORDER BY number LIMIT 1""",
                (self._clock().timestamp(),),
            ).fetchall()
            if not rows:
                return None
            connection.execute(
                """UPDATE jobs SET state = 'running', waiting_for = '', attempts = attempts + 1,
                started_at = CASE started_at WHEN '' THEN ? ELSE started_at END WHERE id = ?""",
                (self._now(), rows[0][0]),
            )
            return _job(connection, str(rows[0][0]))

    @contextmanager
    def files(self, job: Job) -> Iterator[Path]:
        """Lend the folder of a job's files, which stay until the job ends."""
        yield spool_folder(self.data, job.id)

    def put_back(self, job_id: str, *, waiting_for: str = "", seconds: float = 0.0) -> None:
        """Queue a running job again, at its old place: it waits for another writer, or the service stops."""
        with self._write() as connection:
            connection.execute(
                """UPDATE jobs SET state = 'queued', waiting_for = ?, not_before = ?, attempts = attempts - 1
                WHERE id = ? AND state = 'running'""",
                (waiting_for, self._clock().timestamp() + seconds, job_id),
            )

    def settle(self, job_id: str, item: JobFile) -> None:
        """Store the outcome of a file."""
        with self._write() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (job_id, *file_row(item)),
            )

    def progress(self, job_id: str, *, embedded: int) -> None:
        """Store how many texts of a job are embedded."""
        with self._write() as connection:
            connection.execute("UPDATE jobs SET embedded = ? WHERE id = ?", (embedded, job_id))

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
        left: FileStatus = "cancelled" if state == "cancelled" else "failed"
        remove_spool(self.data, job_id)  # first: a client that sees the end may look at the disk
        with self._write() as connection:
            connection.execute(
                """UPDATE jobs SET state = ?, finished_at = ?, generation = ?, removed = ?, error = ?, waiting_for = ''
                WHERE id = ? AND state NOT IN ('completed', 'failed', 'cancelled')""",
                (state, self._now(), generation, removed, None if error is None else json.dumps(error), job_id),
            )
            connection.execute("UPDATE files SET status = ? WHERE job = ? AND status = 'queued'", (left, job_id))

    def cancel(self, job_id: str) -> Job | None:
        """Cancel a job: one that waits ends at once, one that runs as soon as it can. None when there is none."""
        with self._write() as connection:
            connection.execute(
                """UPDATE jobs SET cancel = 1, state = CASE state WHEN 'queued' THEN 'cancelled' ELSE state END,
                finished_at = CASE state WHEN 'queued' THEN ? ELSE finished_at END
                WHERE id = ? AND state IN ('queued', 'running')""",
                (self._now(), job_id),
            )
            connection.execute(
                """UPDATE files SET status = 'cancelled' WHERE job = ? AND status = 'queued'
                AND (SELECT state FROM jobs WHERE id = ?) = 'cancelled'""",
                (job_id, job_id),
            )
            job = _job(connection, job_id)
        if job is not None and job.state == "cancelled":  # the files of one that runs are deleted when it has ended
            remove_spool(self.data, job_id)
        return job

    def recover(self) -> None:
        """Queue the jobs of a dead process again; jobs that failed too often end as failed.

        Only for the one process that does the jobs, before it begins.
        """
        with self._write() as connection:
            connection.execute(
                """UPDATE jobs SET state = 'failed', finished_at = ?, error = ?
                WHERE state = 'running' AND attempts >= ?""",
                (self._now(), json.dumps(CRASHED), ATTEMPTS),
            )
            connection.execute("UPDATE jobs SET state = 'queued' WHERE state = 'running'")
            connection.execute(
                """UPDATE files SET status = 'failed', reason = 'worker_crashed' WHERE status = 'queued'
                AND (SELECT state FROM jobs WHERE id = files.job) = 'failed'"""
            )
        sweep_spool(self.data, self.unfinished())

    def keep_claims(self) -> None:
        """Do nothing: a claim lasts as long as the process, which holds a lock of the folder."""

    @property
    def lease_seconds(self) -> float:
        """Return 0: claims have no lease."""
        return 0.0

    def close(self) -> None:
        """Close the database; a later call opens it again."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    # ------------------------------------------------------------------ the database

    @contextmanager
    def _open(self) -> Iterator[apsw.Connection]:
        with self._lock:
            try:
                if self._connection is None:
                    self._connection = _connect(self.path)
                yield self._connection
            except apsw.Error as error:
                raise _translated(error, self.path) from error
            except OSError as error:
                raise ConfigError(
                    f"cannot write to {self.path.parent}: {error.strerror}", cure="make the data folder writable"
                ) from error

    @contextmanager
    def _write(self) -> Iterator[apsw.Connection]:
        with self._open() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def _now(self) -> str:
        return time_text(self._clock())


def _connect(path: Path) -> apsw.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = apsw.Connection(str(path))
    connection.set_busy_timeout(10_000)
    connection.execute("PRAGMA journal_mode = WAL").fetchall()
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute(_SCHEMA)
    path.chmod(0o600)
    return connection


def _job(connection: apsw.Connection, job_id: str) -> Job | None:
    rows = connection.execute(f"SELECT {COLUMNS} FROM jobs WHERE id = ?", (job_id,)).fetchall()  # noqa: S608 (constants)
    if not rows:
        return None
    files = connection.execute(f"SELECT {FILE_COLUMNS} FROM files WHERE job = ? ORDER BY number", (job_id,))  # noqa: S608
    return job_of(rows[0], files)


def _translated(error: apsw.Error, path: Path) -> RagkitError:
    if isinstance(error, apsw.FullError | apsw.IOError):
        return StorageFullError(f"the disk of {path} refuses writes ({error})", cure="free some space")
    return ConfigError(f"{path} cannot be used ({error})", cure="check the permissions of the data folder")
