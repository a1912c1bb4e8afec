"""The indexes that the settings name, for a store."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol, runtime_checkable

from ragkit.errors import ConfigError
from ragkit.index.base import Indexes
from ragkit.index.cache import Caches
from ragkit.index.milvus.address import parse_address
from ragkit.index.milvus.indexes import MilvusIndexes
from ragkit.index.pgvector.indexes import PgIndexes
from ragkit.index.pgvector.sql import Session
from ragkit.index.units.part import HoldsUnits
from ragkit.settings import LOCAL_INDEX, MILVUS_PREFIX, PGVECTOR_BINARY_INDEX, Settings


class _Store(Protocol):
    """A store, as far as local indexes need it."""

    @property
    def folder(self) -> Path:
        """Where this machine keeps files of the collection."""


@runtime_checkable
class _RemoteStore(HoldsUnits, Protocol):
    """A store whose rows come over a network, so that copies of the vectors of units make questions faster."""


@runtime_checkable
class _DatabaseStore(Protocol):
    """A store whose database can hold the indexes."""

    def upkeep(self) -> AbstractContextManager[Session]:
        """Open a session for the upkeep of search indexes in the database."""


def open_indexes(store: _Store, settings: Settings) -> Indexes:
    """Return the indexes of a collection. Raises ConfigError for an engine that the store does not have."""
    if settings.index == LOCAL_INDEX:
        return Caches(store.folder, dense=settings.dense, units=store if isinstance(store, _RemoteStore) else None)
    if settings.index.startswith(MILVUS_PREFIX):
        return MilvusIndexes(parse_address(settings.index, token=settings.milvus_token))
    if not isinstance(store, _DatabaseStore):
        raise ConfigError(
            f"the index {settings.index} needs a store in PostgreSQL, and this one is not",
            cure="set RAGKIT_DATA=postgresql://…, or RAGKIT_INDEX=local",
        )
    return PgIndexes(store.upkeep, binary=settings.index == PGVECTOR_BINARY_INDEX)
