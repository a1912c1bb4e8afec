"""The HNSW index of a collection's vectors (Malkov and Yashunin 2016), as pgvector makes and searches it.

Its expression gives the column a dimension, which `vectors` does not fix, and its condition names one model of one
collection. The binary form keeps a bit a component, a sixteenth of the size, and proposes eight vectors for one that
is then compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ragkit.index.pgvector.sql import Sql

HNSW_FROM: Final = 10_000
"""Vectors from which on a collection has an index: comparing fewer with a question takes some milliseconds."""
WIDEST: Final = 4_000
"""Dimensions of a halfvec that an index takes."""
MOST_PROPOSED: Final = 20_000
"""Vectors that one search proposes at most."""
_LINKS: Final = 16
_EFFORT: Final = 64
"""pgvector's m and ef_construction, its defaults."""
_LEAST_SEARCHED: Final = 200
_MOST_SEARCHED: Final = 1_000
"""Bounds of hnsw.ef_search; pgvector takes no more than 1,000, and searches on where a query wants more."""
_BITS_PROPOSED: Final = 8


@dataclass(frozen=True, slots=True)
class Hnsw:
    """The index of one model's vectors. collection, fingerprint: ids of the database. dimension: of a vector.

    binary: whether it has one bit a component.
    """

    collection: int
    fingerprint: int
    dimension: int
    binary: bool = False

    @property
    def name(self) -> str:
        """Its name in the database."""
        return f"{'bits' if self.binary else 'hnsw'}_{self.collection}_{self.fingerprint}"

    def definition(self) -> str:
        """Return the statement that makes it; readers and writers go on meanwhile."""
        coded, distance = self._coded("vector"), "bit_hamming_ops" if self.binary else "halfvec_cosine_ops"
        return f"""CREATE INDEX CONCURRENTLY {self.name} ON vectors USING hnsw (({coded}) {distance})
            WITH (m = {_LINKS}, ef_construction = {_EFFORT}) WHERE {self._condition()}"""

    def nearest(self, count: int) -> str:
        """Return the query of ids and vectors of the chunks of the `count` nearest vectors; $2 is the vector as text.

        Without the index the server compares every vector. The numbers in its text are those of the index's condition,
        so that the server sees that it may use it.
        """
        asked, distance = f"$2::halfvec({self.dimension})", "<~>" if self.binary else "<=>"
        order = f"{self._coded('v.vector')} {distance} {self._coded(asked)}"
        wide = count * (_BITS_PROPOSED if self.binary else 1)
        return f"""WITH proposed AS MATERIALIZED (
              SELECT v.id, v.vector FROM vectors AS v WHERE {self._condition()} ORDER BY {order} LIMIT {wide:d}
            ), near AS MATERIALIZED (SELECT id, vector FROM proposed ORDER BY vector <=> {asked} LIMIT {count:d})
            SELECT c.id, near.vector FROM near JOIN chunks AS c ON c.collection = $1 AND c.vector_id = near.id"""

    def _coded(self, vector: str) -> str:
        half = f"({vector})::halfvec({self.dimension:d})"
        return f"(binary_quantize({half})::bit({self.dimension:d}))" if self.binary else f"({half})"

    def _condition(self) -> str:
        return f"collection = {self.collection:d} AND fingerprint = {self.fingerprint:d}"


def search_settings(count: int) -> tuple[str, tuple[str, str]]:
    """Return the statement, and its bound values, that lets this transaction's searches find `count` vectors."""
    sql = """SELECT set_config('hnsw.iterative_scan', 'relaxed_order', true),
        set_config('hnsw.ef_search', $2, true), set_config('hnsw.max_scan_tuples', $3, true)
        WHERE $1::integer IS NOT NULL"""
    effort = min(max(_LEAST_SEARCHED, count), _MOST_SEARCHED)
    return sql, (str(effort), str(MOST_PROPOSED * _BITS_PROPOSED))


def hnsw_indexes(sql: Sql) -> list[tuple[str, bool]]:
    """Return the names of a collection's HNSW indexes, and whether each was completed."""
    rows = sql.rows(
        """SELECT c.relname::text, i.indisvalid FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
        WHERE i.indrelid = 'vectors'::regclass AND c.relname::text ~ ('^(hnsw|bits)_' || $1::integer || '_[0-9]+$')"""
    )
    return [(str(name), bool(is_valid)) for name, is_valid in rows]


def drop_hnsw(sql: Sql, *, but: int | None = None) -> set[str]:
    """Drop a collection's HNSW indexes but those of one fingerprint; return the names of those that stay.

    One whose building broke off is dropped too.
    """
    stay = set()
    for name, is_valid in hnsw_indexes(sql):
        if is_valid and name.endswith(f"_{but}"):
            stay.add(name)
        else:
            sql.command(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
    return stay
