"""Reader: one committed state of a collection, in parts: documents, files, chunks, generations and the adapter."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import apsw

from ragkit.store.encoding import decode_adapter
from ragkit.store.pool import Selections
from ragkit.store.rows import AdapterRow, Counts
from ragkit.store.sqlite.reading.chunks import ChunkReader
from ragkit.store.sqlite.reading.documents import DocumentReader, FileReader
from ragkit.store.sqlite.reading.snapshot import Row, Snapshot
from ragkit.types.collection import Fingerprint, Generation


class Reader:
    """One consistent view of a collection. It is valid inside `with store.read()`, on any one thread at a time.

    See `ragkit.store.base.Reader` for its parts. units, selections: where unit vectors, and the ids that filters
    select, are cached for the next reader of the same collection.
    """

    def __init__(
        self,
        connection: apsw.Connection,
        path: Path,
        *,
        units: dict[int, bytes] | None = None,
        selections: Selections | None = None,
    ) -> None:
        self._snapshot = Snapshot(connection, path)
        self.documents = DocumentReader(self._snapshot)
        self.files = FileReader(self._snapshot)
        self.chunks = ChunkReader(
            self._snapshot, units={} if units is None else units, selections=selections or Selections()
        )

    @property
    def identity(self) -> str:
        """Names this collection, wherever its folder is moved to; a new or restored one has another."""
        return self._snapshot.identity

    @property
    def created_at(self) -> str:
        """When the collection was made: UTC, ISO 8601."""
        return self._snapshot.created_at

    @property
    def revision(self) -> int:
        """Grows by one with every committed transaction that changed documents."""
        return self._snapshot.revision

    @property
    def generation(self) -> int:
        """The last committed run."""
        return self._snapshot.generation

    @property
    def pinned(self) -> Mapping[str, Any] | None:
        """The chunk settings and model name of the first write, None before it."""
        return self._snapshot.pinned

    @property
    def fingerprint(self) -> Fingerprint | None:
        """The embedding model of the collection, None before the first write."""
        return self._snapshot.fingerprint

    @property
    def broken(self) -> bool:
        """Whether SQLite failed, so that the connection must not be used again."""
        return self._snapshot.broken

    def expire(self) -> None:
        """Forbid further use, because the transaction has ended."""
        self._snapshot.expire()

    def counts(self) -> Counts:
        """Return the totals; every write maintains them, so this reads nothing."""
        return self._snapshot.counts

    def generations(self) -> list[Generation]:
        """Return every run that changed the collection, oldest first."""
        rows = self._snapshot.rows(
            """SELECT number, started_at, finished_at, kind, added, changed, removed, model, fingerprint, extractor,
            settings FROM generations ORDER BY number"""
        )
        return [Generation(*(*row[:10], json.loads(row[10]))) for row in rows]

    def adapter_id(self) -> int | None:
        """Return the id of the query adapter for the collection's model, None when there is none."""
        if self.fingerprint is None:
            return None
        rows = self._snapshot.rows("SELECT id FROM adapters WHERE fingerprint = ?", (self.fingerprint.id,))
        return int(rows[0][0]) if rows else None

    def adapter(self) -> AdapterRow | None:
        """Return the query adapter for the collection's model, None when there is none; CorruptError by its checksum.

        It maps a query vector q to matrix @ q.
        """
        if self.fingerprint is None:
            return None
        rows = self._snapshot.rows(
            "SELECT id, fingerprint, created_at, evidence, crc, matrix FROM adapters WHERE fingerprint = ?",
            (self.fingerprint.id,),
        )
        return decode_adapter(rows[0], self.fingerprint.dimension) if rows else None

    def inspect(self, sql: str) -> list[Row]:
        """Run any SQL without bound values on this read-only transaction, for audits."""
        return self._snapshot.rows(sql)
