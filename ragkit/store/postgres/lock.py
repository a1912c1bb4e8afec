"""Who may write a collection, and when: advisory locks of the server, which end with the session that holds them.

Two locks, always taken in this order, so that no two runs can wait for each other:

- The writer lock, for a whole run. Runs share it; one that rebuilds, clears, compacts or deletes holds it alone.
- The turn, for one transaction. It is taken before anything is read or written, and it is released when the commit can
  be seen. So a run decides on what all earlier transactions committed, also about a document that another run has just
  put, and revisions and chunk ids ascend in the order of the commits. Reading files and embedding need no turn.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from typing import Final

import psycopg
from psycopg import errors
from psycopg.pq import TransactionStatus

from ragkit.errors import LockedError, NotFoundError
from ragkit.store.holder import UNKNOWN, command_name, in_words
from ragkit.store.postgres.connection import Connection

LOCK_CLASS: Final = 0x52414757
"""First key of the writer locks, "RAGW"; the second is the collection's id."""
TURN_CLASS: Final = 0x52414754
"""First key of the turns, "RAGT"."""
TURN_SECONDS: Final = 60
"""How long a transaction waits for its turn, unless the address of the database says otherwise by lock_timeout."""
_LIMITS: Final = {
    "lock_timeout": f"{TURN_SECONDS}s",
    "idle_in_transaction_session_timeout": "10min",
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
}
"""Settings of a writer's session. A writer that hangs within a transaction holds its turn for ten minutes at most."""
_LONGEST_WAIT: Final = 2_147_483_647
_NAMED: Final = 3
"""How many holders of a lock are named."""
_HOLDERS: Final = """
SELECT a.application_name, to_char(a.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
FROM pg_locks AS l JOIN pg_stat_activity AS a ON a.pid = l.pid
WHERE l.locktype = 'advisory' AND l.classid = $1::bigint::oid AND l.objid = $2::bigint::oid AND l.objsubid = 2
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND l.pid <> pg_backend_pid()
  AND CASE WHEN $3 THEN l.mode = 'ExclusiveLock' ELSE l.granted END
ORDER BY l.granted DESC, a.backend_start
"""


def writer_role() -> str:
    """Return what the session of a writer is called on the server: who writes, without a path or a secret."""
    return f"writer {os.getpid()} {socket.gethostname()[:20]} {command_name()}"


def lock_for_writing(
    connection: Connection, collection: int, name: str, *, alone: bool = False, wait: float = 0.0
) -> None:
    """Take the writer lock of a collection for a session; the server releases it when the session ends, however.

    alone: keep every other run out; a session that shares the lock may take it so as well. Raises LockedError after
    `wait` seconds, with the process id, the command, the machine and the time of those that hold it.
    """
    function = "advisory_lock" if alone else "advisory_lock_shared"
    if wait <= 0:
        taken = connection.execute(f"SELECT pg_try_{function}($1, $2)", (LOCK_CLASS, collection)).fetchall()[0][0]
    else:
        milliseconds = min(max(int(wait * 1000), 1), _LONGEST_WAIT)
        taken = _wait_for_lock(connection, f"SELECT pg_{function}($1, $2)", collection, milliseconds=milliseconds)
    if not taken:
        raise _locked(name, present_holders(connection, collection, alone=not alone))


def release(connection: Connection) -> None:
    """Release the locks of a session at once; the server would do it when it notices that the session has ended."""
    with suppress(psycopg.Error):
        if not connection.closed and connection.info.transaction_status == TransactionStatus.IDLE:
            connection.execute("SELECT pg_advisory_unlock_all()")


def begin_turn(connection: Connection, collection: int, name: str) -> tuple[int, int]:
    """Begin a transaction when it is this session's turn; return the revision and the generation that it finds.

    The caller ends the transaction, also after an error. Raises LockedError when another run does not end its turn
    within `TURN_SECONDS`, NotFoundError when the collection was deleted. One round trip: three statements, so that
    the last one sees what was committed while the second one waited.
    """
    try:
        cursor = connection.execute(
            f"""BEGIN; SELECT pg_advisory_xact_lock({TURN_CLASS}, {collection});
            SELECT revision, generation FROM collections WHERE id = {collection}""",
            prepare=False,
        )
    except errors.LockNotAvailable as error:
        connection.execute("ROLLBACK")
        holders = present_holders(connection, collection, lock=TURN_CLASS)
        raise _locked(name, holders) from error
    while cursor.nextset():
        pass
    rows = cursor.fetchall()
    if not rows:
        raise NotFoundError(f"the collection {name!r} was deleted", cure="create it again, or use another one")
    return int(rows[0][0]), int(rows[0][1])


def limit_turns(connection: Connection) -> None:
    """Bound how long a writer's session waits for a turn, and how long the server waits for a writer that is gone.

    Limits that the address or the user has set stay.
    """
    connection.execute(
        """SELECT set_config(l.name, l.value, false) FROM unnest($1::text[], $2::text[]) AS l (name, value)
        JOIN pg_settings AS s ON s.name = l.name WHERE s.source = 'default'""",
        (list(_LIMITS), list(_LIMITS.values())),
    )


def present_holders(connection: Connection, collection: int, *, alone: bool = False, lock: int = LOCK_CLASS) -> str:
    """Return which other sessions hold a lock of a collection, in words; "" when none does.

    alone: those that keep every other run out, or wait to do so.
    """
    rows = connection.execute(_HOLDERS, (lock, collection, alone)).fetchall()
    named = list(dict.fromkeys(_in_words(*row) for row in rows))
    more = [f"{len(named) - _NAMED} more"] if len(named) > _NAMED else []
    return " and ".join([*named[:_NAMED], *more])


def _in_words(application: str, since: str) -> str:
    words = application.split(" ", 4)
    if len(words) != 5 or words[:2] != ["ragkit", "writer"] or not words[2].isdecimal():
        return UNKNOWN
    return in_words(int(words[2]), words[4], host=words[3], since=since)


def _locked(name: str, holders: str) -> LockedError:
    holder = holders or UNKNOWN
    return LockedError(
        f"collection {name!r} is being written by {holder}",
        cure="wait until it has finished, or end it; a lock never outlives its process",
        holder=holder,
    )


def _wait_for_lock(connection: Connection, sql: str, collection: int, *, milliseconds: int) -> bool:
    before = connection.execute("SELECT current_setting('lock_timeout')").fetchall()[0][0]
    connection.execute("SELECT set_config('lock_timeout', $1, false)", (str(milliseconds),))
    try:
        connection.execute(sql, (LOCK_CLASS, collection))
    except errors.LockNotAvailable:
        return False
    finally:
        if not connection.closed:
            connection.execute("SELECT set_config('lock_timeout', $1, false)", (before,))
    return True
