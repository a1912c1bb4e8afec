"""Reading chunks, their texts and their vectors: all from one committed state."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ragkit.index.dense.quantizer import Quantizer
from ragkit.store.encoding import (
    check_known,
    decode_chunk,
    decode_chunk_text,
    decode_unit_vectors,
    decode_vectors,
    unit_cosines,
)
from ragkit.store.filters import Filter, is_about_chunks
from ragkit.store.pool import Selections
from ragkit.store.quantizers import decode_quantizer
from ragkit.store.rows import Changes, ChunkRow
from ragkit.store.sqlite.quantizers import quantizer_query
from ragkit.store.sqlite.reading.snapshot import Snapshot, id_list
from ragkit.store.sqlite.where import filter_sql
from ragkit.types.collection import Fingerprint
from ragkit.types.documents import ChunkText

Ids = NDArray[np.int64]
Vectors = NDArray[np.float32]
Query = Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]

UNITS_KEPT: Final = 5_000
"""Unit vectors are cached for collections of at most this many chunks; a chunk takes some 3 KB at 384 dimensions."""
_LOOKED_UP: Final = 4_096  # hashes that are looked up at once: a bound on one statement's JSON and rows
_CHUNK: Final = """c.id, c.document_id, c.ordinal, c.start, c."end", p.text, p.context, p.heading, c.page, c.page_end,
  c.tokens, p.units"""


class ChunkReader:
    """The chunks and vectors of one committed state; see `ragkit.store.base.ChunkReader`.

    units: the stored unit vectors of chunks by id; selections: the ids that filters select. Both are shared by the
    readers of a collection.
    """

    def __init__(self, snapshot: Snapshot, *, units: dict[int, bytes], selections: Selections) -> None:
        self._snapshot = snapshot
        self._units = units
        self._selections = selections

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

    def rows(self, ids: Sequence[int] | Ids) -> dict[int, ChunkRow]:
        """Return chunks by id; unknown ids are left out."""
        rows = self._snapshot.rows(
            f"""SELECT {_CHUNK} FROM json_each(?) AS j CROSS JOIN chunks AS c ON c.id = j.value
            CROSS JOIN passages AS p ON p.chunk_id = c.id""",
            (id_list(ids),),
        )
        return {row[0]: decode_chunk(row) for row in rows}

    def documents_of(self, ids: Sequence[int] | Ids) -> list[int]:
        """Return the id of each chunk's document, in the order of the ids; 0 for an unknown one."""
        rows = self._snapshot.rows(
            "SELECT j.key, c.document_id FROM json_each(?) AS j CROSS JOIN chunks AS c ON c.id = j.value",
            (id_list(ids),),
        )
        found: dict[int, int] = dict(rows)
        return [found.get(at, 0) for at in range(len(ids))]

    def of_document(self, source: str) -> list[ChunkRow]:
        """Return the chunks of a document in their order; raises NotFoundError."""
        (document_id,) = self._snapshot.document_row("SELECT id FROM documents WHERE source = ?", (source,), source)
        rows = self._snapshot.rows(
            f"""SELECT {_CHUNK} FROM chunks AS c CROSS JOIN passages AS p ON p.chunk_id = c.id
            WHERE c.document_id = ? ORDER BY c.ordinal""",
            (document_id,),
        )
        return [decode_chunk(row) for row in rows]

    def all_chunk_ids(self) -> Ids:
        """Return the id of every chunk, ascending."""
        return self._snapshot.ids("SELECT id FROM chunks", ())

    def vectors(self, ids: Sequence[int] | Ids) -> Vectors:
        """Return the unit vectors (n, d) of chunks, in the order of `ids`; NotFoundError names an unknown id."""
        wanted = [int(item) for item in ids]
        rows = self._snapshot.rows(
            """SELECT c.id, v.vector FROM json_each(?) AS j CROSS JOIN chunks AS c ON c.id = j.value
            CROSS JOIN vectors AS v ON v.id = c.vector_id""",
            (json.dumps(wanted),),
        )
        found: dict[int, bytes] = dict(rows)
        check_known(wanted, found)
        return self._unit([found[item] for item in wanted])

    def iter_vectors(self, batch: int = 4096) -> Iterator[tuple[Ids, Vectors]]:
        """Yield (ids, unit vectors (n, d)) of all chunks by ascending id, `batch` at a time."""
        last = 0
        while rows := self._snapshot.rows(
            """SELECT c.id, v.vector FROM chunks AS c CROSS JOIN vectors AS v ON v.id = c.vector_id
            WHERE c.id > ? ORDER BY c.id LIMIT ?""",
            (last, batch),
        ):
            last = rows[-1][0]
            yield np.array([row[0] for row in rows], dtype=np.int64), self._unit([row[1] for row in rows])

    def stored_vectors(self, source: str) -> list[tuple[bytes, int, bytes]]:
        """Return key, CRC-32 and float16 bytes of the vectors of a document's chunks, as they are stored, unchecked."""
        return self._snapshot.rows(
            """SELECT v.hash, v.crc, v.vector FROM documents AS d JOIN chunks AS c ON c.document_id = d.id
            JOIN vectors AS v ON v.id = c.vector_id WHERE d.source = ? ORDER BY c.ordinal""",
            (source,),
        )

    def stored_units(self, source: str) -> list[tuple[int, int, bytes]]:
        """Return chunk id, CRC-32 and bytes of the unit vectors of a document's chunks that have any, unchecked."""
        return self._snapshot.rows(
            """SELECT c.id, u.crc, u.body FROM documents AS d JOIN chunks AS c ON c.document_id = d.id
            JOIN unit_vectors AS u ON u.vector_id = c.vector_id WHERE d.source = ? ORDER BY c.ordinal""",
            (source,),
        )

    def texts(self, ids: Sequence[int] | Ids) -> list[ChunkText]:
        """Return the searched texts of chunks, in the order of `ids`; raises NotFoundError."""
        wanted = [int(item) for item in ids]
        rows = self._snapshot.rows(
            """SELECT c.id, d.title, iif(p.context = '', p.heading, p.context), p.text, p.units
            FROM json_each(?) AS j CROSS JOIN chunks AS c ON c.id = j.value
            CROSS JOIN passages AS p ON p.chunk_id = c.id CROSS JOIN documents AS d ON d.id = c.document_id""",
            (json.dumps(wanted),),
        )
        found = {row[0]: decode_chunk_text(row) for row in rows}
        check_known(wanted, found)
        return [found[item] for item in wanted]

    def iter_texts(self, batch: int = 4096) -> Iterator[tuple[Ids, list[ChunkText]]]:
        """Yield ids and searched texts of all chunks by ascending id, `batch` at a time."""
        last = 0
        while rows := self._snapshot.rows(
            """SELECT c.id, d.title, iif(p.context = '', p.heading, p.context), p.text, p.units
            FROM chunks AS c CROSS JOIN passages AS p ON p.chunk_id = c.id
            CROSS JOIN documents AS d ON d.id = c.document_id WHERE c.id > ? ORDER BY c.id LIMIT ?""",
            (last, batch),
        ):
            last = rows[-1][0]
            yield np.array([row[0] for row in rows], dtype=np.int64), [decode_chunk_text(row) for row in rows]

    def unit_vectors(self, ids: Sequence[int] | Ids) -> tuple[Vectors, NDArray[np.intp]]:
        """Return the vectors (m, d) of all units of some chunks, and for each the index into `ids` of its chunk.

        They are rounded to 8 bits, for re-scoring. Chunks without units, and unknown ones, have no rows.
        """
        vectors, counts = decode_unit_vectors(self.unit_bodies(ids), self._snapshot.dimension)
        return vectors, np.repeat(np.arange(len(ids)), counts)

    def unit_cosines(self, query: Vectors, ids: Sequence[int] | Ids) -> tuple[Vectors, NDArray[np.int64]]:
        """Return the cosine of a query (d,) with every unit of some chunks, float32 (m,), and int64 (n + 1,) bounds.

        Those of chunk ids[i] are between bounds[i] and bounds[i + 1], in their order; ids must not repeat.
        """
        found, counts = unit_cosines(self.unit_bodies(ids), query)
        return found, np.concatenate([[0], np.cumsum(np.array(counts, dtype=np.int64))])

    def unit_bodies(self, ids: Sequence[int] | Ids) -> list[bytes]:
        """Return the stored vectors of each chunk's units, empty for a chunk without any.

        Those of a small collection are cached, which is safe because an id is never used for another chunk.
        """
        kept = self._units if self._snapshot.counts.chunks <= UNITS_KEPT else {}
        numbers = ids.tolist() if isinstance(ids, np.ndarray) else ids
        found = {number: body for number in numbers if (body := kept.get(number))}
        missing = [number for number in numbers if number not in found]
        if missing:
            rows = self._snapshot.rows(
                """SELECT c.id, u.body FROM json_each(?) AS j CROSS JOIN chunks AS c ON c.id = j.value
                CROSS JOIN unit_vectors AS u ON u.vector_id = c.vector_id""",
                (id_list(missing),),
            )
            found.update(rows)
            if len(kept) > 2 * UNITS_KEPT:  # most of these chunks were deleted
                kept.clear()
            kept.update(rows)
        return [found.get(number, b"") for number in numbers]

    def known_vectors(self, hashes: Sequence[bytes]) -> dict[bytes, Vectors]:
        """Return the unit vectors (d,) that are stored for this fingerprint, by the SHA-256 of `Chunk.embedded`."""
        if self._snapshot.fingerprint_id is None or self.fingerprint is None:
            return {}
        return known_vectors(
            self._snapshot.rows,
            hashes,
            fingerprint_id=self._snapshot.fingerprint_id,
            dimension=self.fingerprint.dimension,
        )

    def changes_since(self, revision: int) -> Changes | None:
        """Return the chunks that were added and deleted since a revision; None when it is not logged any more."""
        if not self._snapshot.floor <= revision <= self.revision:
            return None
        known = self._snapshot.rows("SELECT last_chunk FROM revisions WHERE revision = ?", (revision,))
        if not known:
            return None
        last = known[0][0]
        removed = self._snapshot.ids(
            "SELECT chunk_id AS id FROM removed_chunks WHERE revision > ? AND chunk_id <= ?", (revision, last)
        )
        added = self._snapshot.ids("SELECT id FROM chunks WHERE id > ?", (last,))
        return Changes(self.revision, self.generation, removed, added)

    def select(self, where: Filter) -> Ids:
        """Return the ids of the chunks that match a filter, ascending."""
        clause, bindings = filter_sql(where)
        sql = f"SELECT c.id AS id FROM documents AS d JOIN chunks AS c ON c.document_id = d.id WHERE {clause}"
        return self._selections.select(self.revision, clause, bindings, partial(self._snapshot.ids, sql, bindings))

    def count(self, where: Filter) -> int:
        """Return how many chunks match a filter; without a condition on pages no chunk is read."""
        clause, bindings = filter_sql(where)
        if is_about_chunks(where):
            tables = "SELECT count(*) FROM documents AS d JOIN chunks AS c ON c.document_id = d.id"
        else:
            tables = "SELECT coalesce(sum(d.chunks), 0) FROM documents AS d"
        return int(self._snapshot.rows(f"{tables} WHERE {clause}", bindings)[0][0])

    def holding(self, parts: Sequence[str], *, limit: int) -> Ids:
        """Return the ids of chunks whose text has any of some strings, as written: the first `limit`, ascending."""
        test = " OR ".join("instr(text, ?) > 0" for _ in parts) or "0"
        return self._snapshot.ids(
            f"SELECT chunk_id AS id FROM passages WHERE {test} ORDER BY chunk_id LIMIT ?", (*parts, limit)
        )

    def quantizer_number(self) -> int:
        """Return the number of the quantizer for the collection's model, 0 when there is none."""
        if self.fingerprint is None:
            return 0
        rows = self._snapshot.rows("SELECT id FROM quantizers WHERE fingerprint = ?", (self.fingerprint.id,))
        return int(rows[0][0]) if rows else 0

    def quantizer(self) -> Quantizer | None:
        """Return the quantizer for the collection's model, None when there is none; CorruptError by its checksum."""
        if self.fingerprint is None:
            return None
        rows = self._snapshot.rows(*quantizer_query(self.fingerprint))
        return decode_quantizer(rows[0], self.fingerprint.dimension) if rows else None

    def _unit(self, blobs: list[bytes]) -> Vectors:
        if self.fingerprint is None:
            return np.empty((len(blobs), 0), dtype=np.float32)
        return decode_vectors(blobs, self.fingerprint.dimension)


def known_vectors(
    query: Query, hashes: Sequence[bytes], *, fingerprint_id: int, dimension: int
) -> dict[bytes, Vectors]:
    """Return stored unit vectors by hash. `query` runs SQL and returns rows."""
    found: dict[bytes, Vectors] = {}
    for start in range(0, len(hashes), _LOOKED_UP):
        part = hashes[start : start + _LOOKED_UP]
        found.update(_some_vectors(query, part, fingerprint_id=fingerprint_id, dimension=dimension))
    return found


def _some_vectors(
    query: Query, hashes: Sequence[bytes], *, fingerprint_id: int, dimension: int
) -> dict[bytes, Vectors]:
    wanted = json.dumps([item.hex() for item in hashes])
    rows = query(
        """SELECT v.hash, v.vector FROM json_each(?) AS j CROSS JOIN vectors AS v
        ON v.fingerprint = ? AND v.hash = unhex(j.value)""",
        (wanted, fingerprint_id),
    )
    if not rows:  # mostly so: the texts of new documents
        return {}
    vectors = decode_vectors([row[1] for row in rows], dimension)
    return {row[0]: vector for row, vector in zip(rows, vectors, strict=True)}
