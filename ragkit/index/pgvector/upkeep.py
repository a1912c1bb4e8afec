"""Build, merge and renew the terms of a collection in PostgreSQL, and the HNSW index of its vectors."""

from __future__ import annotations

import logging
from typing import Final

import numpy as np

from ragkit.errors import ConfigError
from ragkit.index.pgvector.hnsw import WIDEST, Hnsw, drop_hnsw
from ragkit.index.pgvector.sql import Session, Sql
from ragkit.index.pgvector.writing import add_terms, drop_all_terms
from ragkit.index.policy import BATCH

_OLDEST: Final = (0, 8)
"""pgvector from 0.8 on searches on under a filter until it has enough (hnsw.iterative_scan)."""
_MERGE_FROM: Final = 256
"""Rows of totals, one a document that was written, from which on postings are merged."""

_HNSW_CLASS: Final = 0x52414748
"""First key of the advisory locks of those who make or drop HNSW indexes, "RAGH"; the second is the collection's id."""

_NEXT: Final = """SELECT id FROM chunks WHERE collection = $1 AND id > $2::bigint AND id <= $3::bigint
ORDER BY id LIMIT $4::bigint"""

_log = logging.getLogger("ragkit")

_LEVEL: Final = "floor(log(8, greatest(size, 1)::numeric))"
_MERGE: Final = f"""WITH due AS (
  SELECT field, term, high, {_LEVEL} AS level FROM postings WHERE collection = $1 GROUP BY 1, 2, 3, 4
  HAVING count(*) >= 8
), merged AS (
  DELETE FROM postings AS p USING due WHERE p.collection = $1 AND p.field = due.field AND p.term = due.term
  AND p.high = due.high AND {_LEVEL.replace("size", "p.size")} = due.level RETURNING p.*
) INSERT INTO postings SELECT collection, field, term, high, sum(size)::bigint, string_agg(body, ''::bytea)
  FROM merged GROUP BY 1, 2, 3, 4"""
_MERGE_TOTALS: Final = """WITH merged AS (DELETE FROM term_totals WHERE collection = $1 RETURNING *)
INSERT INTO term_totals SELECT collection, language, sum(chunks)::bigint, sum(body)::bigint, sum(context)::bigint
FROM merged GROUP BY 1, 2"""


def check_engine(session: Sql) -> None:
    """Raise ConfigError for a pgvector that is too old for the searches of this index."""
    rows = session.rows("SELECT extversion FROM pg_extension WHERE extname = 'vector' AND $1::integer IS NOT NULL")
    version = str(rows[0][0]) if rows else "0"
    if tuple(int(part) for part in version.split(".")[:2] if part.isdigit()) < _OLDEST:
        raise ConfigError(
            f"the index pgvector needs pgvector 0.8 or newer, and the database has {version}",
            cure="update it there and run: ALTER EXTENSION vector UPDATE",
        )


def build(session: Session) -> None:
    """Write the terms of the chunks that have none yet; at once when all have.

    From the first transaction on, writers keep those of new chunks. The earlier ones follow, some thousand in each
    transaction, so that writers wait for a batch at most; a build that breaks off is taken up again by the next.
    """
    if _begin_lexicon(session):
        return
    while True:
        with session.begin():
            built, last = session.rows("SELECT built, last FROM lexicons WHERE collection = $1")[0]
            ids = np.array(
                [row[0] for row in session.rows(_NEXT, (built, last, BATCH))],
                dtype=np.int64,
            )
            if len(ids):
                add_terms(session, ids.tolist(), session.source().texts(ids))
            reached = int(ids[-1]) if len(ids) else last
            session.run("UPDATE lexicons SET built = $2 WHERE collection = $1", (reached,))
        if reached >= last:
            break
    session.command("ANALYZE postings")


def _begin_lexicon(session: Session) -> bool:
    """Let writers keep terms from now on; return whether all earlier chunks have theirs."""
    rows = session.rows("SELECT built >= last FROM lexicons WHERE collection = $1")
    if not rows:
        with session.begin():
            session.run(
                """INSERT INTO lexicons SELECT id, 0, last_chunk FROM collections WHERE id = $1
                ON CONFLICT DO NOTHING"""
            )
        rows = session.rows("SELECT built >= last FROM lexicons WHERE collection = $1")
    return bool(rows[0][0])


def renew(session: Session) -> None:
    """Delete the terms of all chunks and write them again, in one transaction."""
    with session.begin():
        drop_all_terms(session)
        for ids, texts in session.source().iter_texts(BATCH):
            add_terms(session, ids.tolist(), texts)
        session.run("DELETE FROM lexicons WHERE collection = $1")
        session.run("INSERT INTO lexicons SELECT id, last_chunk, last_chunk FROM collections WHERE id = $1")
    session.command("ANALYZE postings")


def merge(session: Session) -> None:
    """Join the postings of each term that were written document by document, rows of like sizes with each other.

    As in a log-structured merge tree, a posting is copied once for each factor of eight that its row grows by.
    """
    if session.rows("SELECT count(*) FROM term_totals WHERE collection = $1")[0][0] >= _MERGE_FROM:
        with session.begin():
            session.run(_MERGE)
            session.run(_MERGE_TOTALS)


def build_hnsw(session: Session, *, binary: bool, least: int) -> None:
    """Make the HNSW index of the collection's model where it has `least` vectors, and drop those of other models.

    An index whose building broke off is made again. Does nothing while another session is at it: the index that it is
    making would look like one that broke off.
    """
    if not session.rows("SELECT pg_try_advisory_lock($2::integer, $1)", (_HNSW_CLASS,))[0][0]:
        return
    try:
        _build_hnsw(session, binary=binary, least=least)
    finally:
        session.rows("SELECT pg_advisory_unlock($2::integer, $1)", (_HNSW_CLASS,))


def _build_hnsw(session: Session, *, binary: bool, least: int) -> None:
    source = session.source()
    fingerprint, number = source.fingerprint, source.fingerprint_id
    stay = drop_hnsw(session, but=number)
    if fingerprint is None or number is None:
        return
    wanted = Hnsw(source.collection, number, fingerprint.dimension, binary=binary)
    if wanted.name in stay:
        return
    if fingerprint.dimension > WIDEST:
        _log.warning("HNSW takes %s dimensions at most: every search compares all vectors", f"{WIDEST:,}")
        return
    sql = "SELECT count(*) FROM vectors WHERE collection = $1 AND fingerprint = $2::bigint"
    if session.rows(sql, (number,))[0][0] >= least:
        session.command(wanted.definition())
