"""Reading chunks, their texts and their vectors: all from one committed state."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ragkit.index.dense.quantizer import Quantizer
from ragkit.store.encoding import (
    Body,
    check_known,
    decode_chunk,
    decode_chunk_text,
    decode_unit_vectors,
    decode_vectors,
    unit_cosines,
)
from ragkit.store.filters import Filter, is_about_chunks
from ragkit.store.postgres.connection import half_bytes
from ragkit.store.postgres.reading.documents import DOCUMENTS_OF_CHUNKS
from ragkit.store.postgres.reading.kept import Kept
from ragkit.store.postgres.reading.snapshot import Snapshot, plain_ids
from ragkit.store.postgres.where import filter_sql
from ragkit.store.quantizers import decode_quantizer
from ragkit.store.rows import Changes, ChunkRow
from ragkit.types.collection import Fingerprint
from ragkit.types.documents import ChunkText

Ids = NDArray[np.int64]
Vectors = NDArray[np.float32]
Query = Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]

DOCUMENTS_FETCHED: Final = 64
"""With at most this many chunks, their documents are fetched in the same round trip."""
_CHUNK: Final = """SELECT c.id, c.document_id, c.ordinal, c.start, c."end", p.text, p.context, p.heading, c.page,
  c.page_end, c.tokens, p.units
  FROM chunks AS c JOIN passages AS p ON p.collection = c.collection AND p.chunk_id = c.id WHERE c.collection = $1"""
_VECTOR: Final = """SELECT c.id, v.vector FROM chunks AS c JOIN vectors AS v
  ON v.collection = c.collection AND v.id = c.vector_id WHERE c.collection = $1"""
_TEXT: Final = """SELECT c.id, d.title, CASE p.context WHEN '' THEN p.heading ELSE p.context END, p.text, p.units
  FROM chunks AS c JOIN passages AS p ON p.collection = c.collection AND p.chunk_id = c.id
  JOIN documents AS d ON d.collection = c.collection AND d.id = c.document_id WHERE c.collection = $1"""
_OF_DOCUMENT: Final = """documents AS d JOIN chunks AS c ON c.collection = d.collection AND c.document_id = d.id"""


class ChunkReader:
    """The chunks and vectors of one committed state; see `ragkit.store.base.ChunkReader`.

    kept: what the readers of the collection share.
    """

    def __init__(self, snapshot: Snapshot, *, kept: Kept) -> None:
        self._snapshot = snapshot
        self._kept = kept

    @property
    def identity(self) -> str:
        """Names the collection; see `Reader.identity`."""
        return self._snapshot.identity

    @property
    def revision(self) -> int:
        """Grows by one with every committed transaction that changed documents."""
        return self._snapshot.revision

    @property
    def generation(self) -> int:
        """The last committed run."""
        return self._snapshot.generation

    @property
    def fingerprint(self) -> Fingerprint | None:
        """The embedding model of the collection, None before the first write."""
        return self._snapshot.fingerprint

    @property
    def collection(self) -> int:
        """The id of the collection in the database."""
        return self._snapshot.collection

    @property
    def fingerprint_id(self) -> int | None:
        """The id of the fingerprint's row, None before the first write."""
        return self._snapshot.fingerprint_id

    def query(self, sql: str, bindings: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return all rows of SQL on this state whose $1 is the collection: for search indexes in the database."""
        return self._snapshot.rows(sql, bindings)

    def query_each(self, queries: Sequence[tuple[str, Sequence[Any]]]) -> list[list[tuple[Any, ...]]]:
        """Return the rows of some queries as `query` does, in one round trip where libpq can."""
        return self._snapshot.rows_of_each(queries)

    def rows(self, ids: Sequence[int] | Ids) -> dict[int, ChunkRow]:
        """Return chunks by id; unknown ids are left out."""
        wanted = plain_ids(ids)
        query = f"{_CHUNK} AND c.id = ANY ($2::bigint[])", (wanted,)
        if len(wanted) > DOCUMENTS_FETCHED:
            rows = self._snapshot.rows(*query)
        else:  # a search asks for their documents next
            rows, documents = self._snapshot.rows_of_each([query, (DOCUMENTS_OF_CHUNKS, (wanted,))])
            self._snapshot.documents.update((row[0], row) for row in documents)
        found = {row[0]: decode_chunk(row) for row in rows}
        return {number: found[number] for number in wanted if number in found}

    def documents_of(self, ids: Sequence[int] | Ids) -> list[int]:
        """Return the id of each chunk's document, in the order of the ids; 0 for an unknown one."""
        wanted = plain_ids(ids)
        found: dict[int, int] = dict(
            self._snapshot.rows(
                "SELECT id, document_id FROM chunks WHERE collection = $1 AND id = ANY ($2::bigint[])", (wanted,)
            )
        )
        return [found.get(number, 0) for number in wanted]

    def of_document(self, source: str) -> list[ChunkRow]:
        """Return the chunks of a document in their order; raises NotFoundError."""
        number = self._snapshot.document_id(source)
        rows = self._snapshot.rows(f"{_CHUNK} AND c.document_id = $2 ORDER BY c.ordinal", (number,))
        return [decode_chunk(row) for row in rows]

    def all_chunk_ids(self) -> Ids:
        """Return the id of every chunk, ascending."""
        return self._snapshot.ids("SELECT id FROM chunks WHERE collection = $1")

    def vectors(self, ids: Sequence[int] | Ids) -> Vectors:
        """Return the unit vectors (n, d) of chunks, in the order of `ids`; NotFoundError names an unknown id."""
        wanted = plain_ids(ids)
        found: dict[int, bytes] = dict(self._snapshot.rows(f"{_VECTOR} AND c.id = ANY ($2::bigint[])", (wanted,)))
        check_known(wanted, found)
        return self._unit([found[item] for item in wanted])

    def iter_vectors(self, batch: int = 4096) -> Iterator[tuple[Ids, Vectors]]:
        """Yield (ids, unit vectors (n, d)) of all chunks by ascending id, `batch` at a time."""
        last = 0
        while rows := self._snapshot.rows(f"{_VECTOR} AND c.id > $2 ORDER BY c.id LIMIT $3", (last, batch)):
            last = rows[-1][0]
            yield np.array([row[0] for row in rows], dtype=np.int64), self._unit([row[1] for row in rows])

    def stored_vectors(self, source: str) -> list[tuple[bytes, int, bytes]]:
        """Return key, CRC-32 and float16 bytes of the vectors of a document's chunks, as they are stored, unchecked."""
        rows = self._snapshot.rows(
            f"""SELECT v.hash, v.crc, v.vector FROM {_OF_DOCUMENT}
            JOIN vectors AS v ON v.collection = c.collection AND v.id = c.vector_id
            WHERE d.collection = $1 AND d.id = $2 ORDER BY c.ordinal""",
            (self._snapshot.document_id(source),),
        )
        return [(key, crc, half_bytes(vector)) for key, crc, vector in rows]

    def stored_units(self, source: str) -> list[tuple[int, int, bytes]]:
        """Return chunk id, CRC-32 and bytes of the unit vectors of a document's chunks that have any, unchecked."""
        return self._snapshot.rows(
            f"""SELECT c.id, u.crc, u.body FROM {_OF_DOCUMENT}
            JOIN unit_vectors AS u ON u.collection = c.collection AND u.vector_id = c.vector_id
            WHERE d.collection = $1 AND d.id = $2 ORDER BY c.ordinal""",
            (self._snapshot.document_id(source),),
        )

    def texts(self, ids: Sequence[int] | Ids) -> list[ChunkText]:
        """Return the searched texts of chunks, in the order of `ids`; raises NotFoundError."""
        wanted = plain_ids(ids)
        rows = self._snapshot.rows(f"{_TEXT} AND c.id = ANY ($2::bigint[])", (wanted,))
        found = {row[0]: decode_chunk_text(row) for row in rows}
        check_known(wanted, found)
        return [found[item] for item in wanted]

    def iter_texts(self, batch: int = 4096) -> Iterator[tuple[Ids, list[ChunkText]]]:
        """Yield ids and searched texts of all chunks by ascending id, `batch` at a time."""
        last = 0
        while rows := self._snapshot.rows(f"{_TEXT} AND c.id > $2 ORDER BY c.id LIMIT $3", (last, batch)):
            last = rows[-1][0]
            yield np.array([row[0] for row in rows], dtype=np.int64), [decode_chunk_text(row) for row in rows]

    def unit_vectors(self, ids: Sequence[int] | Ids) -> tuple[Vectors, NDArray[np.intp]]:
        """Return the vectors (m, d) of all units of some chunks, and for each the index into `ids` of its chunk.

        They are rounded to 8 bits, for re-scoring. Chunks without units, and unknown ones, have no rows.
        """
        vectors, counts = decode_unit_vectors(self._unit_bodies(ids), self._snapshot.dimension)
        return vectors, np.repeat(np.arange(len(ids)), counts)

    def unit_cosines(self, query: Vectors, ids: Sequence[int] | Ids) -> tuple[Vectors, Ids]:
        """Return the cosine of a query (d,) with every unit of some chunks, float32 (m,), and int64 (n + 1,) bounds.

        Those of chunk ids[i] are between bounds[i] and bounds[i + 1], in their order; ids must not repeat.
        """
        found, counts = unit_cosines(self._unit_bodies(ids), query)
        return found, np.concatenate([[0], np.cumsum(np.array(counts, dtype=np.int64))])

    def unit_bodies(self, ids: Sequence[int] | Ids) -> list[bytes]:
        """Return the stored vectors of the units of chunks, in the order of `ids`; empty for a chunk without any."""
        numbers = plain_ids(ids)
        found = dict(self._stored_bodies(numbers))
        return [found.get(number, b"") for number in numbers]

    def known_vectors(self, hashes: Sequence[bytes]) -> dict[bytes, Vectors]:
        """Return the unit vectors (d,) that are stored for this fingerprint, by the SHA-256 of `Chunk.embedded`."""
        number = self._snapshot.fingerprint_id
        if number is None:
            return {}
        return known_vectors(self._snapshot.rows, hashes, fingerprint_id=number, dimension=self._snapshot.dimension)

    def changes_since(self, revision: int) -> Changes | None:
        """Return the chunks that were added and deleted since a revision; None when it is not logged any more."""
        if not self._snapshot.floor <= revision <= self.revision:
            return None
        known = self._snapshot.rows(
            "SELECT last_chunk FROM revisions WHERE collection = $1 AND revision = $2", (revision,)
        )
        if not known:
            return None
        last = known[0][0]
        removed = self._snapshot.ids(
            """SELECT chunk_id AS id FROM removed_chunks
            WHERE collection = $1 AND revision > $2::bigint AND chunk_id <= $3::bigint""",
            (revision, last),
        )
        added = self._snapshot.ids("SELECT id FROM chunks WHERE collection = $1 AND id > $2", (last,))
        return Changes(self.revision, self.generation, removed, added)

    def select(self, where: Filter) -> Ids:
        """Return the ids of the chunks that match a filter, ascending."""
        clause, bindings = filter_sql(where)
        sql = f"SELECT c.id FROM {_OF_DOCUMENT} WHERE d.collection = $1 AND {clause}"
        find = partial(self._snapshot.ids, sql, bindings)
        return self._kept.selections.select(self.revision, clause, bindings, find)

    def count(self, where: Filter) -> int:
        """Return how many chunks match a filter; without a condition on pages no chunk is read."""
        clause, bindings = filter_sql(where)
        if is_about_chunks(where):
            counted = f"SELECT count(*) FROM {_OF_DOCUMENT}"
        else:
            counted = "SELECT coalesce(sum(d.chunks), 0)::bigint FROM documents AS d"
        return int(self._snapshot.rows(f"{counted} WHERE d.collection = $1 AND {clause}", bindings)[0][0])

    def holding(self, parts: Sequence[str], *, limit: int) -> Ids:
        """Return the ids of chunks whose text has any of some strings, as written: the first `limit`, ascending."""
        storable = [part for part in parts if "\0" not in part]
        return self._snapshot.ids(
            """SELECT chunk_id AS id FROM passages WHERE collection = $1
            AND EXISTS (SELECT 1 FROM unnest($2::text[]) AS v WHERE strpos(text, v) > 0) ORDER BY chunk_id LIMIT $3""",
            (storable, limit),
        )

    def quantizer_number(self) -> int:
        """Return the number of the quantizer for the collection's model, 0 when there is none."""
        rows = self._quantizers("id")
        return int(rows[0][0]) if rows else 0

    def quantizer(self) -> Quantizer | None:
        """Return the quantizer for the collection's model, None when there is none; CorruptError by its checksum."""
        rows = self._quantizers("id, kind, count, probes, crc, centres")
        return decode_quantizer(rows[0], self._snapshot.dimension) if rows else None

    def _quantizers(self, columns: str) -> list[tuple[Any, ...]]:
        if self.fingerprint is None:
            return []
        sql = f"SELECT {columns} FROM quantizers WHERE collection = $1 AND fingerprint = $2"
        return self._snapshot.rows(sql, (self.fingerprint.id,))

    def _unit_bodies(self, ids: Sequence[int] | Ids) -> list[Body]:
        """Return the stored vectors of each chunk's units, from this machine where they are here."""
        numbers = plain_ids(ids)
        found = self._kept.units(numbers)
        missing = [number for number in numbers if number not in found]
        if missing:
            rows = self._stored_bodies(missing)
            found.update(rows)
            self._kept.keep_units(rows)
        return [found.get(number, b"") for number in numbers]

    def _stored_bodies(self, numbers: list[int]) -> list[tuple[int, bytes]]:
        return self._snapshot.rows(
            """SELECT c.id, u.body FROM chunks AS c JOIN unit_vectors AS u
            ON u.collection = c.collection AND u.vector_id = c.vector_id
            WHERE c.collection = $1 AND c.id = ANY ($2::bigint[])""",
            (numbers,),
        )

    def _unit(self, stored: list[bytes]) -> Vectors:
        if self.fingerprint is None:
            return np.empty((len(stored), 0), dtype=np.float32)
        return decode_vectors([half_bytes(vector) for vector in stored], self.fingerprint.dimension)


def known_vectors(
    query: Query, hashes: Sequence[bytes], *, fingerprint_id: int, dimension: int
) -> dict[bytes, Vectors]:
    """Return stored unit vectors by hash. `query` runs SQL, with the collection as $1, and returns rows."""
    rows = query(
        "SELECT hash, vector FROM vectors WHERE collection = $1 AND fingerprint = $2 AND hash = ANY ($3::bytea[])",
        (fingerprint_id, list(hashes)),
    )
    vectors = decode_vectors([half_bytes(row[1]) for row in rows], dimension)
    return {row[0]: vector for row, vector in zip(rows, vectors, strict=True)}
