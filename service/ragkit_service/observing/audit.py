"""The audit log: who did what, when and to which collection; it never holds a text, a question or a key."""

from __future__ import annotations

import itertools
import json
import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Protocol

from filelock import FileLock

from ragkit_service.observing.records import RequestRecord

logger = logging.getLogger(__name__)

FILE_NAME: Final = "audit.jsonl"
LARGEST_BYTES: Final = 16 << 20
KEPT_FILES: Final = 9
_LOOKS: Final = 4
_LOOK_SECONDS: Final = 0.001
UNRECORDED: Final = frozenset({"healthz", "readyz", "version", "metrics", "index", "static_file", "docs", "openapi"})
"""Actions that show nothing of a collection and would fill the log: probes, versions and the files of the page."""


class AuditWriter(Protocol):
    """Where events of the audit log are written to."""

    def write(self, event: Mapping[str, Any]) -> None:
        """Append an event; a failure is logged as an error."""


def audit_event(action: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return an event of now, in UTC."""
    return {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "action": action, **fields}


class AuditLog:
    """Appends JSON lines to DATA/audit.jsonl, which only its owner can read.

    Each line is one write, so lines of several processes do not mix; there is no fsync. A file of LARGEST_BYTES is
    renamed to audit.jsonl.1, older ones move up, and KEPT_FILES of them are kept.
    """

    def __init__(self, data: Path, *, largest: int = LARGEST_BYTES, kept: int = KEPT_FILES) -> None:
        self.path = data / FILE_NAME
        self._largest = largest
        self._kept = kept

    def write(self, event: Mapping[str, Any]) -> None:
        """Append an event; a failure to write it is logged as an error, and the request goes on."""
        line = json.dumps(event, ensure_ascii=True).encode() + b"\n"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if self._is_full():
                self._rotate()
            self._append(line)
        except OSError as error:
            logger.error("the audit log lacks an event (%s): %s", event["action"], error)  # noqa: TRY400 - the cause is in it

    def _append(self, line: bytes) -> None:
        file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if _is_cut(file):
                line = b"\n" + line
            if os.write(file, line) < len(line):
                raise OSError("the disk is full: the line is cut")
        finally:
            os.close(file)

    def _is_full(self) -> bool:
        try:
            return self.path.stat().st_size >= self._largest
        except FileNotFoundError:
            return False

    def _rotate(self) -> None:
        with FileLock(self.path.with_suffix(".lock"), mode=0o600):
            if not self._is_full():
                return  # another process has rotated it
            files = [self.path, *(self.path.with_name(f"{FILE_NAME}.{n}") for n in range(1, self._kept + 1))]
            for old, new in reversed(list(itertools.pairwise(files))):
                if old.exists():
                    old.replace(new)


def _is_cut(file: int) -> bool:
    """Return whether a full disk cut the last line of a file.

    A line over two pages of the kernel's cache grows in two steps while another process writes it: so it is looked at
    again before it counts as cut.
    """
    for _ in range(_LOOKS):
        size = os.fstat(file).st_size
        if not size or os.pread(file, 1, size - 1) == b"\n":
            return False
        time.sleep(_LOOK_SECONDS)
    return True


class AuditedRequests:
    """Writes requests to the audit log. is_on: asked for each request, since a first key can be made at any time."""

    def __init__(self, log: AuditWriter, *, is_on: Callable[[], bool]) -> None:
        self._log = log
        self._is_on = is_on

    def __call__(self, record: RequestRecord) -> None:
        """Write a request that has ended; also one that was refused."""
        if record.action in UNRECORDED or not self._is_on():
            return
        self._log.write(audit_event(record.action or "none", request_fields(record)))


def request_fields(record: RequestRecord) -> dict[str, str | int | Sequence[str] | None]:
    """Return the fields of the audit log for a request; `action` "none" means that it was refused before a route."""
    return {
        "method": record.method,
        "route": record.route or None,
        "collections": sorted(record.notes.collections),
        "status": record.status,
        "key_id": record.key_id or None,
        "client": record.client or None,
        "request_id": record.request_id,
        "trace_id": record.trace_id or None,
    }
