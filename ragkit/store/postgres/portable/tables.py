"""Copy the rows of a collection between PostgreSQL and a SQLite file, whose tables are the same but for the owner."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any, Final

import apsw

from ragkit.store.filters import kind_of
from ragkit.store.metadata import decode_metadata
from ragkit.store.postgres.connection import Connection, HalfVector, half_bytes
from ragkit.store.postgres.encoding import acl_column, file_key, metadata_rows, source_key
from ragkit.store.postgres.reading.reader import Reader

Row = tuple[Any, ...]

_BATCH: Final = 1_000
_TABLES: Final[Mapping[str, str]] = {
    "fingerprints": "id, digest, body",
    "generations": """number, started_at, finished_at, kind, added, changed, removed, model, fingerprint, extractor,
        settings""",
    "revisions": "revision, last_chunk",
    "documents": """id, source, title, sha256, media_type, metadata, characters, pages, chunks, generation, updated_at,
        updated_us""",
    "texts": "document_id, digest, pages, headings, blocks, warnings, text",
    "vectors": "id, fingerprint, hash, crc, vector",
    "unit_vectors": "vector_id, crc, body",
    "chunks": 'id, document_id, ordinal, start, "end", page, page_end, tokens, vector_id',
    "passages": "chunk_id, context, heading, units, text",
    "removed_chunks": "revision, chunk_id",
    "files": "root, path, source, size, mtime_ns, ctime_ns, sha256, extractor, reason, detail",
    "adapters": "id, fingerprint, created_at, crc, evidence, matrix",
    "quantizers": "id, fingerprint, kind, count, probes, crc, centres",
}
"""The columns that both have, of each table before those that refer to it. Metadata is written from the documents."""
_STATE: Final = """identity, created_at, revision, generation, floor, documents, chunks, characters, pages, vectors,
    fingerprint, pinned"""
_COUNTED: Final = {
    "documents": "last_document",
    "chunks": "last_chunk",
    "adapters": "last_adapter",
    "quantizers": "last_quantizer",
}
"""Tables whose ids are never used twice, and the column that holds the last one."""
_MORE_COLUMNS: Final[Mapping[str, str]] = {"documents": ", source_key, acl", "files": ", file_key, source_key"}


def fill_file(reader: Reader, file: apsw.Connection) -> None:
    """Write one committed state into the empty tables of a SQLite file, in one transaction."""
    with file:
        state = reader.inspect(f"SELECT {_STATE}, {', '.join(_COUNTED.values())} FROM collections WHERE id = $1")[0]
        file.execute("DELETE FROM revisions")
        for table, columns in _TABLES.items():
            rows = reader.stream(f"SELECT {columns} FROM {table} WHERE collection = $1 ORDER BY 1, 2")
            file.executemany(f"INSERT INTO {table} ({columns}) VALUES ({_marks(columns)})", map(_to_file(table), rows))
        file.executemany(
            "INSERT OR IGNORE INTO metadata VALUES (?, ?, ?, ?)",
            _metadata(file.execute("SELECT id, metadata FROM documents")),
        )
        file.execute(f"UPDATE state SET ({_STATE}) = ({_marks(_STATE)})", state[: -len(_COUNTED)])
        file.execute("DELETE FROM sqlite_sequence")
        counted = zip(_COUNTED, state[-len(_COUNTED) :], strict=True)
        file.executemany("INSERT INTO sqlite_sequence VALUES (?, ?)", [item for item in counted if item[1]])


def fill_collection(connection: Connection, collection: int, file: apsw.Connection) -> None:
    """Write the rows of a SQLite file into a new collection, within a transaction; its identity stays."""
    connection.execute("DELETE FROM revisions WHERE collection = $1", (collection,))
    for table, columns in _TABLES.items():
        rows = map(_from_file(table), file.execute(f"SELECT {columns} FROM {table}"))
        _insert(connection, f"{table} (collection, {columns}{_MORE_COLUMNS.get(table, '')})", collection, rows)
    found = file.execute("SELECT id, metadata FROM documents")
    _insert(
        connection,
        "metadata (collection, document_id, key, kind, number, text)",
        collection,
        ((number, *row) for number, metadata in found for row in metadata_rows(metadata)),
    )
    kept = _STATE.split(",", 1)[1]  # all but the identity: no cache of another collection fits
    state = file.execute(f"SELECT {kept} FROM state").fetchall()[0]
    marks = ", ".join(f"${number + 2}" for number in range(len(state)))
    connection.execute(f"UPDATE collections SET ({kept}) = ({marks}) WHERE id = $1", (collection, *state))
    sequence: dict[str, int] = dict(file.execute("SELECT name, seq FROM sqlite_sequence"))
    last = [sequence.get(table, 0) for table in _COUNTED]
    connection.execute(
        """UPDATE collections SET last_document = $2, last_chunk = $3, last_adapter = $4, last_quantizer = $5,
        last_vector = (SELECT coalesce(max(id), 0) FROM vectors WHERE collection = $1) WHERE id = $1""",
        (collection, *last),
    )


def _insert(connection: Connection, into: str, collection: int, rows: Iterator[Row]) -> None:
    """Insert rows in batches; into: a table and its columns, the first of which is the collection."""
    marks = ", ".join(f"${number + 1}" for number in range(into.count(",") + 1))
    with connection.cursor() as cursor:
        while batch := [(collection, *row) for row in islice(rows, _BATCH)]:
            cursor.executemany(f"INSERT INTO {into} VALUES ({marks})", batch)


def _to_file(table: str) -> Callable[[Row], Row]:
    """Return what makes a row of PostgreSQL one of the file."""
    if table == "vectors":
        return lambda row: (*row[:-1], half_bytes(row[-1]))
    return lambda row: row


def _from_file(table: str) -> Callable[[Row], Row]:
    """Return what makes a row of the file one of PostgreSQL."""
    if table == "vectors":
        return lambda row: (*row[:-1], HalfVector(row[-1]))
    if table == "documents":
        return lambda row: (*row, source_key(row[1]), acl_column(row[5]))
    if table == "files":
        return lambda row: (*row, file_key(row[0], row[1]), source_key(row[2]))
    return lambda row: row


def _metadata(documents: Iterator[Row]) -> Iterator[Row]:
    """Yield key, kind, value and document of each value that a SQLite store finds documents by."""
    for number, stored in list(documents):
        for key, value in decode_metadata(stored).items():
            for item in value if isinstance(value, tuple) else (value,):
                yield (key, *kind_of(item), number)


def _marks(columns: str) -> str:
    return ", ".join("?" for _ in columns.split(","))
