"""What a writer keeps of the terms of chunks, in the transaction that writes or deletes the chunks themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from ragkit.index.lexical.chunk_terms import CONTENT_FIELDS, Terms, analyse_chunk
from ragkit.index.pgvector.postings import POSTING, encode
from ragkit.index.pgvector.sql import Sql
from ragkit.types.documents import ChunkText

_ADD_TERMS: Final = """INSERT INTO chunk_terms SELECT $1::integer, * FROM unnest($2::bigint[], $3::bytea[])"""
_ADD_POSTINGS: Final = """INSERT INTO postings
SELECT $1::integer, * FROM unnest($2::smallint[], $3::text[], $4::integer[], $5::bigint[], $6::bytea[])"""
_ADD_TOTALS: Final = """INSERT INTO term_totals
SELECT $1::integer, * FROM unnest($2::text[], $3::bigint[], $4::bigint[], $5::bigint[])"""


def add_terms(sql: Sql, ids: Sequence[int], texts: Sequence[ChunkText]) -> None:
    """Analyse new chunks and insert their terms."""
    analysed = [analyse_chunk(*text) for text in texts]
    sql.run(_ADD_TERMS, (list(ids), [terms.packed for terms in analysed]))
    rows = encode(ids, analysed)
    fields, terms, highs, bodies = (list(column) for column in zip(*rows, strict=True)) if rows else ([], [], [], [])
    sizes = [len(body) // POSTING.itemsize for body in bodies]
    sql.run(_ADD_POSTINGS, (fields, terms, highs, sizes, bodies))
    _add_totals(sql, analysed, sign=1)


def drop_terms(sql: Sql, document_id: int) -> None:
    """Take the chunks of a document, which are deleted next, off the counts of their terms."""
    rows = sql.rows(
        """SELECT t.packed FROM chunk_terms AS t JOIN chunks AS c ON c.collection = t.collection AND c.id = t.chunk_id
        WHERE c.collection = $1 AND c.document_id = $2""",
        (document_id,),
    )
    if not rows:
        return
    analysed = [Terms.unpacked(row[0]) for row in rows]
    counts: Counter[tuple[int, str]] = Counter()
    for item in analysed:
        counts.update((at, term) for at, name in enumerate(CONTENT_FIELDS) for term in set(item.of_field(name).split()))
    fields, terms = [field for field, _ in counts], [term for _, term in counts]
    nothing = len(counts)
    sizes = [-count for count in counts.values()]
    sql.run(_ADD_POSTINGS, (fields, terms, [0] * nothing, sizes, [b""] * nothing))
    _add_totals(sql, analysed, sign=-1)


def drop_all_terms(sql: Sql) -> None:
    """Delete the terms of all chunks; writers go on keeping those of new ones."""
    for table in ("chunk_terms", "postings", "term_totals"):
        sql.run(f"DELETE FROM {table} WHERE collection = $1")


def _add_totals(sql: Sql, analysed: Iterable[Terms], *, sign: int) -> None:
    """Add chunks and their lengths to the totals, or, with a sign of -1, take them off."""
    totals: dict[str, Counter[str]] = {}
    for terms in analysed:
        totals.setdefault(terms.language, Counter()).update({"chunks": 1, **terms.lengths()})
    columns = [[sign * total[name] for total in totals.values()] for name in ("chunks", *CONTENT_FIELDS)]
    sql.run(_ADD_TOTALS, (list(totals), *columns))
