"""A connection to Milvus: the calls that this index makes, each with a bounded wait and one kind of error.

pymilvus is imported here alone, when the first call is made.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from ragkit.errors import ConfigError, LockedError, MissingPackageError, StoreError
from ragkit.index.milvus.address import TOKEN_VARIABLE, Address

Row = Mapping[str, Any]
T = TypeVar("T")

MOST_HITS: Final = 16_384
"""Rows that one search or query returns at most, a quota of the server."""
TEXT_BYTES: Final = 65_535
"""The longest VARCHAR."""
_CONNECT_SECONDS: Final = 10.0
_CALL_SECONDS: Final = 60.0
_BATCH: Final = 500
_DENIED: Final = ("auth", "permission", "denied", "token")
_LOST: Final = ("not found", "not exist", "not loaded", "released")
_LITE_OPTIONS: Final = {"grpc.keepalive_time_ms": 3_600_000}
"""Milvus Lite ends a connection that asks every ten seconds, pymilvus's usual time, if it is still there."""
_LITE_CURE: Final = "where the file is damaged, move it away: it is a copy, and the next search builds it again"
_lite_users: Counter[str] = Counter()
_lite_lock = threading.Lock()


class Engine:
    """One Milvus, for many threads. It connects at the first call.

    losses: how often a collection was found to be lost; what was held of its rows is of no use then.
    """

    def __init__(self, address: Address) -> None:
        self.address = address
        self._lock = threading.Lock()
        self._client: Any = None
        self._known: set[str] = set()
        self.losses = 0

    def ensure(self, name: str, make_schema: Callable[[Any], tuple[Any, Any]]) -> None:
        """Make a collection where there is none, and load it. make_schema: its schema and indexes, given pymilvus.

        Two processes may make the same one at once: the second finds it.
        """
        if name in self._known:
            return

        def make(client: Any) -> None:
            if not client.has_collection(name, timeout=_CALL_SECONDS):
                schema, indexes = make_schema(_pymilvus())
                client.create_collection(
                    name, schema=schema, index_params=indexes, consistency_level="Strong", timeout=_CALL_SECONDS
                )
            client.load_collection(name, timeout=_CALL_SECONDS)  # Milvus Lite forgets it when its file is closed

        try:
            self._call("make a collection", make)
        except StoreError:
            if not self._call("look for a collection", lambda client: client.has_collection(name)):
                raise
            self._call("make a collection", make)
        self._known.add(name)

    def upsert(self, name: str, rows: Sequence[Row]) -> None:
        """Write rows, in place of earlier ones with the same key."""
        for at in range(0, len(rows), _BATCH):
            self._call("write rows", partial(_upsert, name=name, rows=list(rows[at : at + _BATCH])))

    def finish(self, name: str) -> None:
        """Let Milvus Lite index what was written, else a search takes up to a second; a server does so by itself."""
        if self.address.is_lite:
            self._call("index rows", lambda client: client.flush(name, timeout=_CALL_SECONDS))

    def delete(self, name: str, keys: Sequence[str]) -> None:
        """Delete rows by key; keys that no row has are left out."""
        for at in range(0, len(keys), _BATCH):
            self._call("delete rows", partial(_delete, name=name, keys=list(keys[at : at + _BATCH])))

    def get(self, name: str, keys: Sequence[str], fields: Sequence[str]) -> list[Row]:
        """Return the rows of some keys, in any order; keys that no row has are left out."""
        found: list[Row] = []
        for at in range(0, len(keys), _BATCH):
            part = list(keys[at : at + _BATCH])
            found += self._call("read rows", partial(_get, name=name, keys=part, fields=list(fields)))
        return found

    def query(self, name: str, expression: str, fields: Sequence[str]) -> list[Row]:
        """Return the rows that an expression allows, at most MOST_HITS."""
        return self._call(
            "read rows",
            lambda client: list(
                client.query(
                    name,
                    filter=expression,
                    output_fields=list(fields),
                    limit=MOST_HITS,
                    timeout=_CALL_SECONDS,
                    consistency_level="Strong",
                )
            ),
        )

    def search(
        self, name: str, field: str, vector: Any, *, limit: int, expression: str, settings: Mapping[str, Any]
    ) -> list[tuple[str, float]]:
        """Return keys and inner products of the best rows of a vector field, best first, at most MOST_HITS."""
        found = self._call(
            "search",
            lambda client: client.search(
                name,
                data=[vector],
                anns_field=field,
                limit=limit,
                filter=expression,
                search_params={"metric_type": "IP", "params": dict(settings)},
                timeout=_CALL_SECONDS,
                consistency_level="Strong",
            ),
        )
        return [(hit["key"], hit["distance"]) for hit in found[0]]

    def close(self) -> None:
        """Close the connection; the last of this process stops its Milvus Lite, so that another may open the file."""
        with self._lock:
            client, self._client = self._client, None
        self._known.clear()
        if client is not None:
            client.close()
            if self.address.is_lite:
                _leave_lite(self.address.uri)

    def _call(self, what: str, call: Callable[[Any], T]) -> T:
        try:
            return call(self._connected())
        except _pymilvus().MilvusException as error:
            raise self._error(what, error) from None  # its message may hold what was sent

    def _connected(self) -> Any:
        with self._lock:
            if self._client is None:
                try:
                    self._client = self._connect()
                except _pymilvus().MilvusException as error:
                    raise self._error("connect", error) from None
            return self._client

    def _connect(self) -> Any:
        pymilvus = _pymilvus()
        if not self.address.is_lite:
            return pymilvus.MilvusClient(uri=self.address.uri, token=self.address.token, timeout=_CONNECT_SECONDS)
        path = Path(self.address.uri).expanduser()
        if not path.parent.is_dir():
            raise ConfigError(f"the folder of {path} does not exist", cure="make it, or name another file")
        logging.getLogger("grpc._server").setLevel(logging.CRITICAL)  # calls that Milvus Lite does not know
        with _lite_lock, _lite_reasons() as reasons:
            try:
                client = pymilvus.MilvusClient(uri=str(path), timeout=_CONNECT_SECONDS, grpc_options=_LITE_OPTIONS)
            except (pymilvus.MilvusException, OSError):
                raise _lite_error(path, reasons) from None
            _lite_users[str(path.absolute())] += 1
            return client

    def _error(self, what: str, error: Exception) -> StoreError | ConfigError:
        """Return what a failed call is reported as: one line without the token."""
        code, said = getattr(error, "code", 0), str(getattr(error, "message", error)).split("\n")[0]
        if self.address.token:
            for secret in (self.address.token, *self.address.token.split(":", 1)):
                said = said.replace(secret, "…") if secret else said
        if any(word in said.lower() for word in _DENIED) or "UNAUTHENTICATED" in said:
            return ConfigError(f"Milvus at {self.address} refuses the token", cure=f"check {TOKEN_VARIABLE}")
        if what == "connect" or "UNAVAILABLE" in said or "DEADLINE" in said.upper():
            return StoreError(
                f"Milvus at {self.address} does not answer",
                cure="start it, check RAGKIT_INDEX, or set RAGKIT_INDEX=local",
            )
        if any(word in said.lower() for word in _LOST):
            self._known.clear()
            self.losses += 1
            return StoreError(
                f"Milvus at {self.address} has lost the rows, or released them",
                cure="ask again: they are loaded, or built anew",
            )
        cure = _LITE_CURE if self.address.is_lite else "see its log"
        return StoreError(f"Milvus at {self.address} can't {what} ({said[:200]}; code {code})", cure=cure)


def _upsert(client: Any, *, name: str, rows: list[Row]) -> None:
    client.upsert(name, rows, timeout=_CALL_SECONDS)


def _delete(client: Any, *, name: str, keys: list[str]) -> None:
    client.delete(name, ids=keys, timeout=_CALL_SECONDS)


def _get(client: Any, *, name: str, keys: list[str], fields: list[str]) -> list[Row]:
    found: list[Row] = client.get(
        name, ids=keys, output_fields=fields, timeout=_CALL_SECONDS, consistency_level="Strong"
    )
    return found


def _pymilvus() -> Any:
    try:
        import pymilvus
    except ImportError as error:
        raise MissingPackageError("pymilvus", purpose="the index milvus", install="'ragkit[milvus]'") from error
    logging.getLogger("pymilvus").setLevel(logging.CRITICAL)  # it prints the stack of every error that it raises
    return pymilvus


def _leave_lite(uri: str) -> None:
    """Stop the server of a file when nobody in this process uses it any more."""
    from milvus_lite.server_manager import server_manager_instance

    path = str(Path(uri).expanduser().absolute())
    with _lite_lock:
        _lite_users[path] -= 1
        if _lite_users[path] <= 0:
            del _lite_users[path]
            server_manager_instance.release_server(path)


class _Reasons(logging.Handler):
    """Keeps the exceptions that are logged."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[BaseException] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the exception of a record."""
        if record.exc_info and record.exc_info[1]:
            self.found.append(record.exc_info[1])


@contextmanager
def _lite_reasons() -> Iterator[list[BaseException]]:
    """Collect why Milvus Lite can't open a file: it says so only in its log, as a stack trace."""
    log, handler = logging.getLogger("milvus_lite"), _Reasons()
    spread, log.propagate = log.propagate, False
    log.addHandler(handler)
    try:
        yield handler.found
    finally:
        log.removeHandler(handler)
        log.propagate = spread


def _lite_error(path: Path, reasons: Sequence[BaseException]) -> StoreError | ConfigError:
    """Return why a file of Milvus Lite can't be opened, as one line with the cure."""
    try:
        import milvus_lite  # noqa: F401
    except ImportError:
        return MissingPackageError("milvus-lite", purpose=f"the file {path}", install="'ragkit[milvus]'")
    why = reasons[-1] if reasons else None
    if type(why).__name__ == "DataDirLockedError":
        return LockedError(
            f"{path} is open in another process",
            cure="Milvus Lite serves one process: wait for it, or use a Milvus server",
        )
    said = f" ({type(why).__name__}: {str(why).splitlines()[0][:200]})" if why and str(why) else ""
    return StoreError(f"Milvus Lite can't open {path}{said}", cure=_LITE_CURE)
