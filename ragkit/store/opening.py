"""A location -> its back end: SQLite for a folder, others by scheme, from a table or from an installed package."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ragkit.errors import ConfigError, MissingPackageError
from ragkit.text.cleaning import show

if TYPE_CHECKING:
    from ragkit.store.base import Backend, Store
    from ragkit.store.sharing.database import SharedDatabase

GROUP: Final = "ragkit.stores"
"""Entry-point group: the name of a point is a scheme, its value a `Backend` (an object, or a class to call)."""
_SCHEME: Final = re.compile(r"([a-z][a-z0-9+.-]*)://(.*)", re.DOTALL)


def _sqlite() -> Backend:
    """Load the embedded back end when a collection is opened: a command that only shows a location needs none."""
    from ragkit.store.sqlite.backend import SqliteBackend

    return SqliteBackend()


def _postgres() -> Backend:
    """Load the PostgreSQL back end; raises MissingPackageError without its driver."""
    try:
        from ragkit.store.postgres.backend import PostgresBackend
    except ImportError as error:
        if (error.name or "").partition(".")[0] != "psycopg":
            raise
        raise MissingPackageError("psycopg", purpose="a store in PostgreSQL", install="'ragkit[postgres]'") from error
    return PostgresBackend()


_BUILT_IN: Final[Mapping[str, Callable[[], Backend]]] = {
    "sqlite": _sqlite,
    "postgresql": _postgres,
    "postgres": _postgres,
}
_BACKENDS: dict[str, Backend] = {}


def register_backend(scheme: str, backend: Backend) -> None:
    """Use a back end for locations SCHEME://…, within this process; an installed package has an entry point instead."""
    _BACKENDS[scheme] = backend


def backend_for(location: str | Path) -> Backend:
    """Return the back end of a location: a path, or SCHEME://…; ConfigError for a scheme that nothing provides."""
    scheme = scheme_of(location)
    if scheme not in _BACKENDS and scheme in _BUILT_IN:
        _BACKENDS[scheme] = _BUILT_IN[scheme]()
    if scheme not in _BACKENDS:
        point = next(iter(entry_points(group=GROUP, name=scheme)), None)
        if point is None:
            known = ", ".join(sorted({*_BUILT_IN, *_BACKENDS, *(point.name for point in entry_points(group=GROUP))}))
            raise ConfigError(
                f"no store is installed for {show(scheme, 40)}://", cure=f"name a folder, or use one of: {known}"
            )
        found = point.load()
        _BACKENDS[scheme] = found() if isinstance(found, type) else found
    return _BACKENDS[scheme]


def scheme_of(location: str | Path) -> str:
    """Return the scheme of a location; "sqlite" for a path."""
    match = _SCHEME.fullmatch(location) if isinstance(location, str) else None
    return match[1] if match else "sqlite"


def shown_location(location: str | Path) -> str:
    """Return a location as it may be printed, logged and recorded: without a password, without options."""
    if scheme_of(location) == "sqlite":
        return str(location)
    scheme, _, rest = str(location).partition("://")
    place = rest.partition("?")[0].partition("#")[0]
    authority, slash, path = place.partition("/")
    user, at, host = authority.rpartition("@")
    return f"{scheme}://{user.partition(':')[0]}{at}{host}{slash}{path}"


def data_folder(location: str | Path) -> Path:
    """Return where this machine keeps files for a location: a data folder itself, or what a back end names."""
    return backend_for(location).folder(str(location))


def collection_identity(location: str | Path, name: str) -> str | None:
    """Return what names a collection among all that ever had its name; None when there is none."""
    return backend_for(location).identity(str(location), name)


def shared_database(location: str | Path) -> SharedDatabase | None:
    """Return the database that the machines of a location share, for tables of a program's own; close it after use.

    None for a folder, and for what lives in one process: there is nothing to share. Nothing is connected yet.
    """
    return backend_for(location).database(str(location))


def open_store(location: str | Path, name: str, *, create: bool = False) -> Store:
    """Open a collection at a location; create it when it is missing and `create` is true.

    Raises InputError (bad name), NotFoundError (missing), CorruptError, SchemaVersionError, ConfigError (scheme).
    """
    return backend_for(location).open(str(location), name, create=create)


def create_collection(data: str | Path, name: str) -> None:
    """Make an empty collection in a data folder. Raises InputError for a bad name, ConflictError if it exists."""
    backend_for(data).create(str(data), name)


def list_collections(data: str | Path) -> list[str]:
    """Return the names of the collections in a data folder, sorted; none when there is no such folder."""
    return backend_for(data).names(str(data))


def delete_collection(data: str | Path, name: str) -> None:
    """Delete a collection with everything in it: no process can open it from now on, then its files are deleted.

    Raises NotFoundError, and LockedError while it is being written. A process that has it open gets NotFoundError.
    """
    backend_for(data).delete(str(data), name)


def restore_collection(file: str | Path, path: str | Path, name: str) -> None:
    """Make the collection `name` of a data folder from a backup file, which is verified first.

    Raises NotFoundError (no such file), CorruptError (damaged, or no backup), SchemaVersionError, ConflictError (a
    collection of that name exists; nothing is overwritten).
    """
    backend_for(path).restore(Path(file), str(path), name)
