"""One writer a collection: a session-level advisory lock of the server, whose holder its sessions name."""

from __future__ import annotations

import os
import socket
from typing import Final

from psycopg import errors

from ragkit.errors import LockedError
from ragkit.store.holder import UNKNOWN, command_name, in_words
from ragkit.store.postgres.connection import Connection

LOCK_CLASS: Final = 0x52414757
"""First key of the advisory locks, "RAGW"; the second is the collection's id."""
_LONGEST_WAIT: Final = 2_147_483_647
_HOLDER: Final = """
SELECT a.application_name, to_char(a.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
FROM pg_locks AS l JOIN pg_stat_activity AS a ON a.pid = l.pid
WHERE l.locktype = 'advisory' AND l.granted AND l.classid = $1::bigint::oid AND l.objid = $2::bigint::oid
  AND l.objsubid = 2 AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


def writer_role() -> str:
    """Return what the session of a writer is called on the server: who writes, without a path or a secret."""
    return f"writer {os.getpid()} {socket.gethostname()[:20]} {command_name()}"


def lock_for_writing(connection: Connection, collection: int, name: str, *, wait: float = 0.0) -> None:
    """Take the writer lock of a collection for a session; the server releases it when the session ends, however.

    Raises LockedError after `wait` seconds, with the holder's process id, command, host and time.
    """
    if wait <= 0:
        taken = connection.execute("SELECT pg_try_advisory_lock($1, $2)", (LOCK_CLASS, collection)).fetchall()[0][0]
    else:
        taken = _wait_for_lock(connection, collection, milliseconds=min(max(int(wait * 1000), 1), _LONGEST_WAIT))
    if not taken:
        holder = present_holder(connection, collection) or UNKNOWN
        raise LockedError(
            f"collection {name!r} is being written by {holder}",
            cure="wait until it has finished, or end it; a lock never outlives its process",
            holder=holder,
        )


def present_holder(connection: Connection, collection: int) -> str:
    """Return who holds the writer lock of a collection, in words; "" when nobody does."""
    rows = connection.execute(_HOLDER, (LOCK_CLASS, collection)).fetchall()
    if not rows:
        return ""
    words = str(rows[0][0]).split(" ", 4)
    if len(words) != 5 or words[:2] != ["ragkit", "writer"] or not words[2].isdecimal():
        return UNKNOWN
    return in_words(int(words[2]), words[4], host=words[3], since=rows[0][1])


def _wait_for_lock(connection: Connection, collection: int, *, milliseconds: int) -> bool:
    connection.execute("SELECT set_config('lock_timeout', $1, false)", (str(milliseconds),))
    try:
        connection.execute("SELECT pg_advisory_lock($1, $2)", (LOCK_CLASS, collection))
    except errors.LockNotAvailable:
        return False
    finally:
        if not connection.closed:
            connection.execute("SELECT set_config('lock_timeout', '0', false)")
    return True
