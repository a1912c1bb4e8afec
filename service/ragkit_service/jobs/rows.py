"""Jobs and their files as rows of a database; both queues have the same columns."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from ragkit_service.jobs.types import Job, JobFile, JobRequest

COLUMNS: Final = """id, collection, kind, state, created_at, started_at, finished_at, key_id, waiting_for, embedded,
removed, generation, error, request"""
"""The columns that `job_of` reads."""
FILE_COLUMNS: Final = """number, name, source, path, size, sha256, status, reason, detail, characters, pages, chunks,
warnings"""
"""The columns that `file_row` fills, after the id of the job."""
_NAMES: Final = COLUMNS.replace("\n", " ").split(", ")
_FILE_NAMES: Final = FILE_COLUMNS.replace("\n", " ").split(", ")


def job_of(row: Sequence[Any], files: Iterable[Sequence[Any]]) -> Job:
    """Return the job of a row and of the rows of its files."""
    plain: dict[str, Any] = dict(zip(_NAMES, row, strict=True))
    error = plain.pop("error")
    request = JobRequest.from_dict(json.loads(plain.pop("request")))
    found = tuple(_file_of(item) for item in files)
    return Job(**plain, error=None if error is None else json.loads(error), files=found, request=request)


def file_row(item: JobFile) -> tuple[Any, ...]:
    """Return the row of a file."""
    report = (item.status, item.reason, item.detail, item.characters, item.pages, item.chunks)
    place = (item.number, item.name, item.source, item.path, item.size, item.sha256)
    return (*place, *report, json.dumps(list(item.warnings)))


def time_text(moment: datetime) -> str:
    """Return a time in UTC as the rows have it: ISO 8601 with milliseconds and "Z"."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _file_of(row: Sequence[Any]) -> JobFile:
    plain: dict[str, Any] = dict(zip(_FILE_NAMES, row, strict=True))
    return JobFile(**{**plain, "warnings": tuple(json.loads(plain["warnings"]))})
