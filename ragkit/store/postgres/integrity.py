"""Check the rows of a collection against each other and its totals, and measure it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, Final, Protocol

from ragkit.errors import RagkitError
from ragkit.store.audit import count_problems
from ragkit.store.filters import TEXT
from ragkit.store.postgres.reading.reader import Reader
from ragkit.store.postgres.schema import CHILDREN_FIRST
from ragkit.types.labels import ACL_KEY

_TOTALS: Final = {
    "documents": "SELECT count(*) FROM documents WHERE collection = $1",
    "chunks": "SELECT count(*) FROM chunks WHERE collection = $1",
    "characters": "SELECT coalesce(sum(characters), 0)::bigint FROM documents WHERE collection = $1",
    "pages": "SELECT coalesce(sum(pages), 0)::bigint FROM documents WHERE collection = $1",
    "stored_vectors": "SELECT count(*) FROM vectors WHERE collection = $1",
}
_VECTORS: Final = """SELECT count(*) FROM chunks AS c JOIN vectors AS v
  ON v.collection = c.collection AND v.id = c.vector_id WHERE c.collection = $1"""
_UNUSED: Final = """SELECT count(*) FROM vectors AS v WHERE v.collection = $1 AND NOT EXISTS (
  SELECT 1 FROM chunks AS c WHERE c.collection = v.collection AND c.vector_id = v.id)"""
_ORPHANS: Final = {
    "document without text": """SELECT source FROM documents AS d WHERE d.collection = $1 AND NOT EXISTS (
        SELECT 1 FROM texts AS t WHERE t.collection = d.collection AND t.document_id = d.id)""",
    "chunk without passage": """SELECT id FROM chunks AS c WHERE c.collection = $1 AND NOT EXISTS (
        SELECT 1 FROM passages AS p WHERE p.collection = c.collection AND p.chunk_id = c.id)""",
    "document with another number of chunks": """SELECT source FROM documents AS d WHERE d.collection = $1
        AND chunks <> (SELECT count(*) FROM chunks AS c WHERE c.collection = d.collection AND c.document_id = d.id)""",
    "document with labels that are not those of its metadata": f"""SELECT source FROM documents AS d
        WHERE d.collection = $1 AND (SELECT array_agg(m.text ORDER BY m.text) FROM metadata AS m
        WHERE m.collection = d.collection AND m.document_id = d.id AND m.key = '{ACL_KEY}' AND m.kind = {TEXT})
        IS DISTINCT FROM (SELECT array_agg(label ORDER BY label) FROM unnest(d.acl) AS label)""",
    "chunk with a vector of another model": """SELECT c.id FROM chunks AS c
        JOIN vectors AS v ON v.collection = c.collection AND v.id = c.vector_id JOIN collections AS s ON s.id = $1
        WHERE c.collection = $1 AND v.fingerprint IS DISTINCT FROM s.fingerprint""",
}
_SIZE: Final = f"""SELECT (size.bytes * (s.documents + s.chunks) / greatest(every.rows, 1))::bigint
  FROM collections AS s,
  (SELECT sum(pg_total_relation_size(name::regclass)) AS bytes FROM unnest('{{{", ".join(CHILDREN_FIRST)}}}'::text[])
   AS name) AS size, (SELECT sum(documents + chunks) AS rows FROM collections) AS every WHERE s.id = $1"""


class Readable(Protocol):
    """A PostgreSQL store, as far as checks need it."""

    def read(self) -> AbstractContextManager[Reader]:
        """Open one committed state."""


def doctor_store(store: Readable) -> dict[str, Any]:
    """Check a collection against itself; return the findings as JSON, what is wrong under "problems".

    The server itself checks references between rows; its data checksums, where they are on, find damaged pages.
    """
    problems: list[str] = []
    report: dict[str, Any] = {}
    try:
        with store.read() as reader:
            report.update(_server(reader))
            counts = reader.counts()
            vectors, unused = (reader.inspect(sql)[0][0] for sql in (_VECTORS, _UNUSED))
            report.update(documents=counts.documents, chunks=counts.chunks, revision=reader.revision)
            report.update(vectors=vectors, unused_vectors=unused)
            problems.extend(count_problems(reader, vectors=vectors, totals=_TOTALS, orphans=_ORPHANS))
    except RagkitError as error:
        problems.append(str(error))
    report["problems"] = problems
    return report


def collection_size(reader: Reader) -> int:
    """Return a collection's share, by its documents and chunks, of the bytes of ragkit's tables and their indexes.

    An estimate where a database has several collections: the rows of one cannot be measured without reading them.
    """
    return int(reader.inspect(_SIZE)[0][0])


def _server(reader: Reader) -> dict[str, str]:
    row = reader.inspect(
        """SELECT current_setting('server_version'), coalesce((SELECT extversion FROM pg_extension
        WHERE extname = 'vector'), ''), current_setting('data_checksums'), current_setting('fsync')
        WHERE $1::integer IS NOT NULL"""
    )[0]
    return dict(zip(("postgresql", "pgvector", "data_checksums", "fsync"), row, strict=True))
