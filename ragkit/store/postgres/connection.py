"""Connect to PostgreSQL, run transactions, and translate its errors into ragkit's."""

from __future__ import annotations

import logging
import struct
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import psycopg
from psycopg import errors
from psycopg.abc import RV, Buffer, PQGen
from psycopg.adapt import Dumper
from psycopg.pq import Format, TransactionStatus

from ragkit.errors import ConfigError, CorruptError, RagkitError, StorageFullError, StoreError
from ragkit.store.postgres.location import Location

Connection = psycopg.Connection[tuple[Any, ...]]

SCHEMA: Final = "ragkit"
OLDEST_SERVER: Final = 140000
"""PostgreSQL 14: the first in which numeric holds infinity, which metadata needs."""
BEGIN_READING: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
SILENT_SECONDS: Final = 10.0
"""After so long without a byte of an answer, the server is asked whether it is still at the statement."""
_INTERVAL: Final = 0.1
_AT_WORK: Final = """SELECT 1 FROM pg_stat_activity
WHERE pid = $1 AND state = 'active' AND wait_event_type IS DISTINCT FROM 'Client'"""
_SHOWN: Final = 300
_LOST: Final = "run the command again: what was committed is kept, and a transaction that was cut off left nothing"


# psycopg warns when a pipeline ends with its connection; ragkit raises an error then, and says so once.
logging.getLogger("psycopg").addHandler(logging.NullHandler())


@dataclass(frozen=True, slots=True)
class HalfVector:
    """A vector as little-endian float16 bytes, to be bound as pgvector's halfvec."""

    body: bytes


class _HalfVectorDumper(Dumper):
    """Writes halfvec in its binary form: the dimension and a zero as uint16, then the numbers, all big-endian."""

    format = Format.BINARY

    def dump(self, obj: HalfVector) -> Buffer:
        numbers = np.frombuffer(obj.body, dtype="<f2")
        return struct.pack(">HH", len(numbers), 0) + numbers.astype(">f2").tobytes()


def half_bytes(stored: bytes) -> bytes:
    """Return the little-endian float16 bytes of a halfvec in its binary form."""
    return np.frombuffer(stored, dtype=">f2", offset=4).astype("<f2").tobytes()


class WatchedConnection(psycopg.Connection[tuple[Any, ...]]):
    """A connection that does not wait for a server that is not at its statement any more.

    TCP tells when the other side is gone, but not when something between (a proxy, a stopped process) takes in all
    that is sent and answers nothing. So after `SILENT_SECONDS` without a byte another connection asks the server
    whether it is still at the statement, however long that takes; if it is not, or can't be reached, this connection is
    closed.
    """

    location: Location | None = None
    server_pid: int = 0

    def wait(self, gen: PQGen[RV], interval: float = _INTERVAL, timeout: float | None = None) -> RV:
        """Run a generator of psycopg to its end; OperationalError when the server is silent, see above."""
        watched = self._watched(gen)
        return super().wait(watched, interval) if timeout is None else super().wait(watched, interval, timeout)

    def _watched(self, gen: PQGen[RV]) -> PQGen[RV]:
        try:
            wanted, heard = next(gen), time.monotonic()
            while True:
                ready = yield wanted
                if ready:
                    heard = time.monotonic()
                elif time.monotonic() - heard > SILENT_SECONDS:
                    if not self._is_at_work():
                        self.close()
                        raise psycopg.OperationalError(f"the server has been silent for {SILENT_SECONDS:g} seconds")
                    heard = time.monotonic()
                wanted = gen.send(ready)
        except StopIteration as ended:
            result: RV = ended.value
            return result

    def _is_at_work(self) -> bool:
        """Ask the server, by another connection, whether it works at this one's statement; False without an answer."""
        if self.location is None:
            return False
        try:
            with closing(_open(self.location, role="watch")) as other:  # it has no location, so it is not watched so
                return bool(other.execute(_AT_WORK, (self.server_pid,)).fetchall())
        except psycopg.Error:
            return False


def connect(location: Location, *, role: str = "reader") -> Connection:
    """Open a connection in autocommit mode that finds ragkit's tables; role: shown among the server's sessions.

    Raises StoreError when there is no such server or it refuses, ConfigError for a server that is too old.
    """
    try:
        connection = _open(location, role=role)
    except psycopg.Error as error:
        raise _refused(location, _said(error, location)) from None  # its context may repeat the address
    try:
        with translated(location):
            _prepare(connection, location)
    except BaseException:
        connection.close()
        raise
    return connection


def _open(location: Location, *, role: str) -> WatchedConnection:
    connection: WatchedConnection = WatchedConnection.connect(
        **{**location.options, "application_name": f"ragkit {role}"[:63]},
        autocommit=True,
        cursor_factory=psycopg.RawCursor,
    )
    return connection


def _prepare(connection: WatchedConnection, location: Location) -> None:
    """Check the server, set the search path and make halfvec known, where pgvector is installed."""
    if connection.info.server_version < OLDEST_SERVER:
        raise ConfigError(
            f"{location} is PostgreSQL {connection.info.server_version // 10_000}", cure="use version 14 or newer"
        )
    if connection.info.parameter_status("server_encoding") != "UTF8":
        raise ConfigError(f"the database {location} is not in UTF-8", cure="create it with: ENCODING 'UTF8'")
    rows = connection.execute(
        """SELECT pg_backend_pid(), set_config('search_path', concat_ws(', ', $1::text, (SELECT quote_ident(n.nspname)
        FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace WHERE e.extname = 'vector')), false),
        set_config('jit', 'off', false)""",  # no query is long enough to gain from it
        (SCHEMA,),
    ).fetchall()
    connection.server_pid, connection.location = rows[0][0], location
    register_vectors(connection)


def register_vectors(connection: Connection) -> bool:
    """Make halfvec known to a connection; False when the database has no pgvector, or one older than 0.7."""
    rows = connection.execute("SELECT to_regtype('halfvec')::oid").fetchall()
    if rows[0][0] is None:
        return False
    dumper = type("HalfVectorDumper", (_HalfVectorDumper,), {"oid": rows[0][0]})
    connection.adapters.register_dumper(HalfVector, dumper)
    return True


@contextmanager
def rolled_back(connection: Connection, *, begin: str = "BEGIN") -> Iterator[None]:
    """Run a body in a transaction; any error, in the commit too, rolls all of it back. begin: "" when the body does."""
    try:
        if begin:
            connection.execute(begin)
        yield
        connection.execute("COMMIT")
    except BaseException:
        if not connection.closed and connection.info.transaction_status != TransactionStatus.IDLE:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def savepoint(connection: Connection) -> Iterator[None]:
    """Run a body as a part of the open transaction that can be undone by itself."""
    connection.execute("SAVEPOINT part")
    try:
        yield
    except BaseException:
        if not connection.closed:
            connection.execute("ROLLBACK TO part; RELEASE part")
        raise
    connection.execute("RELEASE part")


@contextmanager
def translated(location: Location) -> Iterator[None]:
    """Translate an error of PostgreSQL within the body into one of ragkit's, with its cure."""
    try:
        yield
    except psycopg.Error as error:
        raise translate(error, location) from error


def translate(error: psycopg.Error, location: Location) -> RagkitError:
    """Return ragkit's error for an error of PostgreSQL, with the cure."""
    said = _said(error, location)
    if isinstance(error, errors.DiskFull):
        return StorageFullError(
            f"the disk of {location} is full ({said}); what was committed is kept",
            cure="free some space, then run the command again",
        )
    if isinstance(error, errors.UndefinedTable | errors.UndefinedColumn | errors.InvalidSchemaName):
        return CorruptError(f"{location} has lost a table ({said})", cure="restore a backup into another database")
    if isinstance(error, errors.InsufficientPrivilege):
        return StoreError(f"{location} refuses ({said})", cure=f"grant the user the rights on the schema {SCHEMA}")
    if isinstance(error, errors.ReadOnlySqlTransaction):
        return StoreError(f"{location} can't be written ({said})", cure="name the primary server")
    if isinstance(error, errors.QueryCanceled):
        return StoreError(f"{location} ended a query ({said})", cure="raise statement_timeout for this user")
    if isinstance(error, psycopg.DataError):
        return StoreError(f"{location} can't hold a value ({said})", cure="pass the text through clean_text")
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return StoreError(f"the connection to {location} was lost ({said})", cure=_LOST)
    return StoreError(f"PostgreSQL failed on {location} ({said})", cure="run: ragkit doctor")


def _refused(location: Location, said: str) -> StoreError:
    cure = "check that the server runs there and accepts connections"
    if "password" in said or "authentication" in said:
        cure = "check the user and the password (in the address, PGPASSWORD or ~/.pgpass)"
    elif "database" in said and "does not exist" in said:
        cure = "create the database first: createdb NAME"
    return StoreError(f"{location} can't be opened ({said})", cure=cure)


def _said(error: psycopg.Error, location: Location) -> str:
    """Return what the driver or the server said, in one line, without a secret of the address."""
    said = " ".join(str(error.diag.message_primary or error).split()) or type(error).__name__
    for name in ("password", "sslpassword", "passfile"):
        secret = location.options.get(name)
        if secret:
            said = said.replace(str(secret), "***")
    return said[:_SHOWN]
