"""The audit log in the database of a shared store: one log of all services, to which rows are only added."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, Final

from ragkit import RagkitError, SharedDatabase
from ragkit_service.observing.audit import AuditWriter

logger = logging.getLogger(__name__)

TABLES: Final[Sequence[str]] = (
    """
    CREATE TABLE service_audit (
      number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, time timestamptz NOT NULL, action text NOT NULL,
      event jsonb NOT NULL
    );
    CREATE INDEX service_audit_time ON service_audit (time);
    CREATE OR REPLACE FUNCTION service_audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS
      'BEGIN RAISE EXCEPTION ''rows are only added to the audit log''; END';
    CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON service_audit
      FOR EACH STATEMENT EXECUTE FUNCTION service_audit_is_append_only();
    """,
)
"""The scripts of the table, by version. event: the fields of a line of audit.jsonl."""
_INSERT: Final = "INSERT INTO service_audit (time, action, event) VALUES ($1::text::timestamptz, $2, $3::text::jsonb)"
_BATCH: Final = 200
_MOST_WAITING: Final = 10_000
_PAUSE_SECONDS: Final = 0.2


class AuditTable:
    """Adds events to the table. An event that it does not take goes to the local log, so that none is lost."""

    def __init__(self, database: SharedDatabase, *, local: AuditWriter) -> None:
        """local: the log of this machine, for events that the database does not take."""
        self._database = database
        self._local = local
        database.prepare("audit", TABLES)

    def write(self, event: Mapping[str, Any]) -> None:
        """Add an event; waits for the database."""
        self.write_all([event])

    def write_all(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Add events in one transaction."""
        try:
            with self._database.transaction() as statements:
                for event in events:
                    statements.changed(_INSERT, (event["time"], event["action"], json.dumps(event)))
        except RagkitError as error:
            logger.error("%d events are in the audit log of this machine only: %s", len(events), error)  # noqa: TRY400
            for event in events:
                self._local.write(event)


class QueuedAudit:
    """Adds events from a thread, so that no request waits for the database; `close` writes what is left."""

    def __init__(self, table: AuditTable, *, local: AuditWriter) -> None:
        """local: the log of this machine, for events that come faster than the database takes them."""
        self._table = table
        self._local = local
        self._events: deque[Mapping[str, Any]] = deque()
        self._wake = threading.Event()
        self._ended = False
        self._thread = threading.Thread(target=self._work, name="ragkit-audit", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def write(self, event: Mapping[str, Any]) -> None:
        """Queue an event."""
        if len(self._events) >= _MOST_WAITING:
            self._local.write(event)
            return
        self._events.append(event)
        self._wake.set()

    def close(self) -> None:
        """Write what is queued, and end."""
        self._ended = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def _work(self) -> None:
        while not self._ended or self._events:
            self._wake.wait()
            self._wake.clear()
            if not self._ended:
                time.sleep(_PAUSE_SECONDS)  # several events a transaction
            while self._events:
                batch = list(islice(self._events, _BATCH))
                self._table.write_all(batch)
                for _ in batch:
                    self._events.popleft()
