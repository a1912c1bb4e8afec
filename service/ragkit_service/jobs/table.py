"""The queue of jobs in the database of a shared store: any service takes a job in, does it, and reports it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from ragkit import SharedDatabase, Statements
from ragkit_service.jobs.base import ATTEMPTS, CRASHED, KEPT
from ragkit_service.jobs.rows import COLUMNS, FILE_COLUMNS, file_row, job_of, time_text
from ragkit_service.jobs.spool import remove_spool, spool_folder, sweep_spool
from ragkit_service.jobs.spool_table import TABLES as SPOOL_TABLES
from ragkit_service.jobs.spool_table import fetched_files, store_files, sweep_fetched
from ragkit_service.jobs.types import FileStatus, Job, JobFile, JobState

TABLES: Final[Sequence[str]] = (
    f"""
    CREATE TABLE service_jobs (
      number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id text NOT NULL UNIQUE, collection text NOT NULL,
      kind text NOT NULL, state text NOT NULL, created_at text NOT NULL, started_at text NOT NULL,
      finished_at text NOT NULL, key_id text NOT NULL, waiting_for text NOT NULL, embedded bigint NOT NULL,
      removed bigint NOT NULL, generation bigint, error text, request text NOT NULL, attempts integer NOT NULL,
      cancel boolean NOT NULL, not_before timestamptz NOT NULL, worker text NOT NULL, lease timestamptz NOT NULL
    );
    CREATE INDEX service_jobs_open ON service_jobs (number) WHERE state IN ('queued', 'running');
    CREATE TABLE service_job_files (
      job text NOT NULL REFERENCES service_jobs (id) ON DELETE CASCADE, number integer NOT NULL, name text NOT NULL,
      source text NOT NULL, path text NOT NULL, size bigint NOT NULL, sha256 text NOT NULL, status text NOT NULL,
      reason text NOT NULL, detail text NOT NULL, characters bigint, pages bigint, chunks bigint,
      warnings text NOT NULL, PRIMARY KEY (job, number)
    );
    {SPOOL_TABLES}
    """,
)
"""The scripts of the tables, by version. lease: until when the worker's claim lasts, by the clock of the database."""
_MARKS: Final = ", ".join(f"${number}" for number in range(1, 15))
_OPEN: Final = "state IN ('queued', 'running')"
_MINE: Final = "id = $1 AND state = 'running' AND worker = $2"


class JobTable:
    """The queue of jobs in a database; see `JobQueue`.

    A claim is a lease: its worker renews it, and once it has ended, any other may take the job over. Only the worker
    whose claim it is stores outcomes. data: where this machine keeps files while they are received and read.
    """

    def __init__(
        self,
        database: SharedDatabase,
        data: Path,
        *,
        worker: str,
        spool_bytes: int,
        lease_seconds: float,
    ) -> None:
        """worker: names this service and its process of jobs. spool_bytes: of waiting files that the table takes.
        lease_seconds: how long a claim lasts without being renewed."""
        self._database = database
        self._data = data
        self._worker = worker
        self._spool_bytes = spool_bytes
        self._lease = lease_seconds
        database.prepare("jobs", TABLES)

    @property
    def lease_seconds(self) -> float:
        """How long a claim lasts without being renewed."""
        return self._lease

    # ------------------------------------------------------------------ asking

    def get(self, job_id: str) -> Job | None:
        """Return a job with its files; None when there is none of that id."""
        with self._database.transaction() as statements:
            return _job(statements, job_id)

    def jobs(self, *, limit: int = 100, before: str = "", unfinished: bool = False) -> list[Job]:
        """Return jobs with their files, newest first. before: the id of a job, for the next page."""
        state = _OPEN if unfinished else "true"
        older = "$1 = '' OR number < coalesce((SELECT number FROM service_jobs WHERE id = $1), 0)"
        sql = f"SELECT id FROM service_jobs WHERE {state} AND ({older}) ORDER BY number DESC LIMIT $2"  # noqa: S608 (constants)
        with self._database.transaction() as statements:
            found = [_job(statements, row[0]) for row in statements.rows(sql, (before, limit))]
        return [job for job in found if job is not None]

    def unfinished(self) -> list[str]:
        """Return the ids of the jobs that are queued or running, in their order."""
        with self._database.transaction() as statements:
            return [row[0] for row in statements.rows(f"SELECT id FROM service_jobs WHERE {_OPEN} ORDER BY number")]  # noqa: S608

    def length(self) -> int:
        """Return how many jobs are queued or running."""
        return len(self.unfinished())

    def must_end(self, job_id: str) -> bool:
        """Return whether a running job was cancelled, or taken over by another service."""
        with self._database.transaction() as statements:
            sql = f"SELECT 1 FROM service_jobs WHERE {_MINE} AND NOT cancel"  # noqa: S608 (constants)
            return not statements.rows(sql, (job_id, self._worker))

    # ------------------------------------------------------------------ changing

    def add(self, job: Job) -> Job:
        """Put a job at the end of the queue with its files, in one transaction; the local files are deleted.

        Raises StorageFullError when the files of unfinished jobs would take more than `spool_bytes`.
        """
        stamped = replace(job, state="queued", created_at=_now())
        with self._database.transaction() as statements:
            statements.changed(
                """INSERT INTO service_jobs (id, collection, kind, created_at, key_id, request, state, started_at,
                finished_at, waiting_for, embedded, removed, attempts, cancel, not_before, worker, lease)
                VALUES ($1, $2, $3, $4, $5, $6, 'queued', '', '', '', 0, 0, 0, false, now(), '', now())""",
                (job.id, job.collection, job.kind, stamped.created_at, job.key_id, json.dumps(job.request.as_dict())),
            )
            for item in job.files:
                statements.changed(f"INSERT INTO service_job_files VALUES ({_MARKS})", (job.id, *file_row(item)))  # noqa: S608
            store_files(statements, job, folder=spool_folder(self._data, job.id), limit=self._spool_bytes)
            statements.changed(
                """DELETE FROM service_jobs WHERE state IN ('completed', 'failed', 'cancelled') AND number <= (
                SELECT number FROM service_jobs WHERE state IN ('completed', 'failed', 'cancelled')
                ORDER BY number DESC LIMIT 1 OFFSET $1)""",
                (KEPT,),
            )
        remove_spool(self._data, job.id)
        return stamped

    def claim(self) -> Job | None:
        """Take the first job whose collection has no earlier unfinished job, also one whose lease has ended."""
        with self._database.transaction() as statements:
            _fail_crashed(statements)
            rows = statements.rows(
                """UPDATE service_jobs SET state = 'running', waiting_for = '', attempts = attempts + 1, worker = $1,
                lease = now() + make_interval(secs => $2),
                started_at = CASE started_at WHEN '' THEN $3 ELSE started_at END WHERE id = (
                SELECT id FROM service_jobs AS j WHERE (state = 'queued' AND not_before <= now()
                OR state = 'running' AND lease < now()) AND NOT EXISTS (
                SELECT 1 FROM service_jobs AS e WHERE e.collection = j.collection AND e.state IN ('queued', 'running')
                AND e.number < j.number) ORDER BY number LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id""",
                (self._worker, self._lease, _now()),
            )
            return _job(statements, rows[0][0]) if rows else None

    def keep_claims(self) -> None:
        """Renew the leases of the jobs of this worker."""
        with self._database.transaction() as statements:
            statements.changed(
                """UPDATE service_jobs SET lease = now() + make_interval(secs => $2)
                WHERE state = 'running' AND worker = $1""",
                (self._worker, self._lease),
            )

    @contextmanager
    def files(self, job: Job) -> Iterator[Path]:
        """Lend a folder with the files of a claimed job that have no outcome yet; they are copied to this machine."""
        with fetched_files(self._database, self._data, job) as folder:
            yield folder

    def put_back(self, job_id: str, *, waiting_for: str = "", seconds: float = 0.0) -> None:
        """Queue a running job again, at its old place: it waits for another writer, or the service stops."""
        with self._database.transaction() as statements:
            statements.changed(
                f"""UPDATE service_jobs SET state = 'queued', waiting_for = $3, attempts = attempts - 1,
                not_before = now() + make_interval(secs => $4) WHERE {_MINE}""",  # noqa: S608
                (job_id, self._worker, waiting_for, seconds),
            )

    def settle(self, job_id: str, item: JobFile) -> None:
        """Store the outcome of a file, unless another service has taken the job over."""
        with self._database.transaction() as statements:
            if self._is_mine(statements, job_id):
                statements.changed(
                    "DELETE FROM service_job_files WHERE job = $1 AND number = $2", (job_id, item.number)
                )
                statements.changed(f"INSERT INTO service_job_files VALUES ({_MARKS})", (job_id, *file_row(item)))  # noqa: S608

    def progress(self, job_id: str, *, embedded: int) -> None:
        """Store how many texts of a job are embedded."""
        with self._database.transaction() as statements:
            statements.changed(
                f"UPDATE service_jobs SET embedded = $3 WHERE {_MINE}",  # noqa: S608
                (job_id, self._worker, embedded),
            )

    def finish(
        self,
        job_id: str,
        state: JobState,
        *,
        generation: int | None = None,
        removed: int = 0,
        error: Mapping[str, Any] | None = None,
    ) -> None:
        """End a job of this worker and delete its files; those of them that have no outcome end with it."""
        with self._database.transaction() as statements:
            if not self._is_mine(statements, job_id):
                return
            statements.changed(
                """UPDATE service_jobs SET state = $2, finished_at = $3, generation = $4, removed = $5, error = $6,
                waiting_for = '' WHERE id = $1""",
                (job_id, state, _now(), generation, removed, None if error is None else json.dumps(error)),
            )
            _end_files(statements, job_id, "cancelled" if state == "cancelled" else "failed")

    def cancel(self, job_id: str) -> Job | None:
        """Cancel a job: one that waits ends at once, one that runs as soon as it can. None when there is none."""
        with self._database.transaction() as statements:
            statements.changed(
                f"""UPDATE service_jobs SET cancel = true,
                state = CASE state WHEN 'queued' THEN 'cancelled' ELSE state END,
                finished_at = CASE state WHEN 'queued' THEN $2 ELSE finished_at END WHERE id = $1 AND {_OPEN}""",  # noqa: S608
                (job_id, _now()),
            )
            job = _job(statements, job_id)
            if job is None or job.state != "cancelled":
                return job
            _end_files(statements, job_id, "cancelled")
            return _job(statements, job_id)

    def recover(self) -> None:
        """Queue the jobs of an earlier process of this service again; delete local files that a crash left."""
        with self._database.transaction() as statements:
            statements.changed(
                "UPDATE service_jobs SET lease = now() - interval '1 second' WHERE state = 'running' AND worker = $1",
                (self._worker,),
            )
        sweep_spool(self._data, ())
        sweep_fetched(self._data)

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def _is_mine(self, statements: Statements, job_id: str) -> bool:
        """Return whether this worker holds a job, and keep it from being taken over until the transaction ends."""
        return bool(statements.rows(f"SELECT 1 FROM service_jobs WHERE {_MINE} FOR UPDATE", (job_id, self._worker)))  # noqa: S608


def _fail_crashed(statements: Statements) -> None:
    """End the jobs whose workers were lost too often."""
    rows = statements.rows(
        """UPDATE service_jobs SET state = 'failed', finished_at = $1, error = $2
        WHERE state = 'running' AND lease < now() AND attempts >= $3 RETURNING id""",
        (_now(), json.dumps(CRASHED), ATTEMPTS),
    )
    for (job_id,) in rows:
        statements.changed(
            "UPDATE service_job_files SET reason = 'worker_crashed' WHERE job = $1 AND status = 'queued'", (job_id,)
        )
        _end_files(statements, job_id, "failed")


def _end_files(statements: Statements, job_id: str, left: FileStatus) -> None:
    """Settle the files of a job that have no outcome, and delete the bytes of all."""
    statements.changed("UPDATE service_job_files SET status = $2 WHERE job = $1 AND status = 'queued'", (job_id, left))
    statements.changed("DELETE FROM service_spool WHERE job = $1", (job_id,))


def _job(statements: Statements, job_id: str) -> Job | None:
    rows = statements.rows(f"SELECT {COLUMNS} FROM service_jobs WHERE id = $1", (job_id,))  # noqa: S608 (constants)
    if not rows:
        return None
    sql = f"SELECT {FILE_COLUMNS} FROM service_job_files WHERE job = $1 ORDER BY number"  # noqa: S608 (constants)
    return job_of(rows[0], statements.rows(sql, (job_id,)))


def _now() -> str:
    return time_text(datetime.now(UTC))
