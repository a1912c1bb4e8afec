"""Reader: one committed state of a collection, in parts: documents, files, chunks, generations and the adapter."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ragkit.store.encoding import decode_adapter
from ragkit.store.postgres.reading.chunks import ChunkReader
from ragkit.store.postgres.reading.documents import DocumentReader, FileReader
from ragkit.store.postgres.reading.kept import Kept
from ragkit.store.postgres.reading.snapshot import Row, Snapshot
from ragkit.store.rows import AdapterRow, Counts
from ragkit.types.collection import Fingerprint, Generation


class Reader:
    """One consistent view of a collection; see `ragkit.store.base.Reader` for its parts.

    kept: what the readers of the same collection share.
    """

    def __init__(self, snapshot: Snapshot, *, kept: Kept | None = None) -> None:
        self._snapshot = snapshot
        kept = kept or Kept()
        self.documents = DocumentReader(snapshot, kept=kept)
        self.files = FileReader(snapshot)
        self.chunks = ChunkReader(snapshot, kept=kept)

    @property
    def identity(self) -> str:
        """Names this collection; a new or restored one has another."""
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

    def counts(self) -> Counts:
        """Return the totals; every write maintains them, so this reads nothing."""
        return self._snapshot.counts

    def generations(self) -> list[Generation]:
        """Return every run that changed the collection, oldest first."""
        rows = self._snapshot.rows(
            """SELECT number, started_at, finished_at, kind, added, changed, removed, model, fingerprint, extractor,
            settings FROM generations WHERE collection = $1 ORDER BY number"""
        )
        return [Generation(*(*row[:10], json.loads(row[10]))) for row in rows]

    def adapter_id(self) -> int | None:
        """Return the id of the query adapter for the collection's model, None when there is none."""
        return self._snapshot.adapter_id

    def adapter(self) -> AdapterRow | None:
        """Return the query adapter for the collection's model, None when there is none; CorruptError by its checksum.

        It maps a query vector q to matrix @ q.
        """
        rows = self._snapshot.rows(
            """SELECT id, fingerprint, created_at, evidence, crc, matrix FROM adapters
            WHERE collection = $1 AND id = $2""",
            (self.adapter_id(),),
        )
        return decode_adapter(rows[0], self._snapshot.dimension) if rows else None

    def inspect(self, sql: str) -> list[Row]:
        """Run SQL whose $1 is the collection on this read-only transaction, for audits."""
        return self._snapshot.rows(sql)

    def stream(self, sql: str) -> Iterator[Row]:
        """Yield the rows of SQL whose $1 is the collection, some thousand in memory at a time."""
        return self._snapshot.stream(sql)
