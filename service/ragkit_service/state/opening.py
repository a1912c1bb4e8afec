"""Where a service keeps keys, jobs and its audit log: its data folder, or the database that all services share."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from ragkit import SharedDatabase, shared_database
from ragkit_service.jobs.base import JobQueue
from ragkit_service.jobs.opening import open_queue
from ragkit_service.observing.audit import AuditLog, AuditWriter
from ragkit_service.observing.audit_table import AuditTable, QueuedAudit
from ragkit_service.security.key_file import KeyFile
from ragkit_service.security.key_table import KeyTable, WatchedKeys
from ragkit_service.security.keys import KeySource, KeyStore
from ragkit_service.settings import ServiceSettings


@dataclass(frozen=True, slots=True)
class ServiceState:
    """The state of a running service.

    worker: names it and its process of jobs among all services. database: None for a data folder.
    """

    keys: KeySource
    queue: JobQueue
    audit: AuditWriter
    worker: str
    starts: tuple[Callable[[], None], ...] = ()
    ends: tuple[Callable[[], None], ...] = ()
    database: SharedDatabase | None = None

    def start(self) -> None:
        """Start the threads that follow the database."""
        for start in self.starts:
            start()

    def close(self) -> None:
        """Write what is queued, and close everything."""
        for end in self.ends:
            end()


def open_state(settings: ServiceSettings) -> ServiceState:
    """Open the state of a service. Raises StoreError, ConfigError when the database can't be used."""
    worker = secrets.token_hex(8)
    database = shared_database(settings.location)
    queue = open_queue(settings.data, database, worker=worker, limits=settings.limits)
    local = AuditLog(settings.data)
    if database is None:
        return ServiceState(KeyFile(settings.keys_file), queue, local, worker, ends=(queue.close,))
    keys = WatchedKeys(KeyTable(database))
    audit = QueuedAudit(AuditTable(database, local=local), local=local)
    ends = (keys.close, audit.close, queue.close, database.close)
    return ServiceState(keys, queue, audit, worker, starts=(keys.start, audit.start), ends=ends, database=database)


@dataclass(frozen=True, slots=True)
class CommandState:
    """The state that a command changes. database: None for a data folder."""

    keys: KeyStore
    audit: AuditWriter
    database: SharedDatabase | None = None

    def close(self) -> None:
        """Close the database."""
        if self.database is not None:
            self.database.close()


def open_for_command(settings: ServiceSettings) -> CommandState:
    """Open the keys and the audit log of a data folder or database, to change them; close it after use."""
    database, local = shared_database(settings.location), AuditLog(settings.data)
    if database is None:
        return CommandState(KeyFile(settings.keys_file), local)
    try:
        return CommandState(KeyTable(database), AuditTable(database, local=local), database)
    except BaseException:
        database.close()
        raise
