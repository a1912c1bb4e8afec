"""The tables of a collection: their definition, their version, and the migrations between versions."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import apsw

from ragkit.errors import CorruptError, NotFoundError, SchemaVersionError
from ragkit.store.sqlite.connection import one, rolled_back

APPLICATION_ID: Final = 0x52414731  # "RAG1"
FILE_NAME: Final = "collection.sqlite"

# chunks is narrow on purpose (filters, joins and id scans read nothing else); the texts are in passages.
# In texts the page table comes before the text, so that a label is read without reading the text.
# metadata holds one row a value (a list has one row an element), so that filters are index look-ups.
# unit_vectors is a table of its own, so that a scan of all vectors stays narrow.
# adapters and quantizers have at most one row; their large columns come last, so that a look-up reads none of them.
# removed_chunks and revisions let a cache catch up: chunk ids ascend with revisions and are never used twice.
_TABLES: Final = """
CREATE TABLE fingerprints (
  id INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, body TEXT NOT NULL
) STRICT;
CREATE TABLE state (
  id INTEGER PRIMARY KEY CHECK (id = 1), identity TEXT NOT NULL, created_at TEXT NOT NULL,
  revision INTEGER NOT NULL, generation INTEGER NOT NULL, floor INTEGER NOT NULL,
  documents INTEGER NOT NULL, chunks INTEGER NOT NULL, characters INTEGER NOT NULL, pages INTEGER NOT NULL,
  vectors INTEGER NOT NULL, fingerprint INTEGER REFERENCES fingerprints (id), pinned TEXT
) STRICT;
CREATE TABLE generations (
  number INTEGER PRIMARY KEY, started_at TEXT NOT NULL, finished_at TEXT NOT NULL, kind TEXT NOT NULL,
  added INTEGER NOT NULL, changed INTEGER NOT NULL, removed INTEGER NOT NULL, model TEXT NOT NULL,
  fingerprint TEXT NOT NULL, extractor TEXT NOT NULL, settings TEXT NOT NULL
) STRICT;
CREATE TABLE revisions (revision INTEGER PRIMARY KEY, last_chunk INTEGER NOT NULL) STRICT;
CREATE TABLE documents (
  id INTEGER PRIMARY KEY AUTOINCREMENT, source TEXT NOT NULL UNIQUE, title TEXT NOT NULL, sha256 TEXT NOT NULL,
  media_type TEXT NOT NULL, metadata TEXT NOT NULL, characters INTEGER NOT NULL, pages INTEGER NOT NULL,
  chunks INTEGER NOT NULL, generation INTEGER NOT NULL REFERENCES generations (number), updated_at TEXT NOT NULL,
  updated_us INTEGER NOT NULL
) STRICT;
CREATE INDEX documents_updated ON documents (updated_us);
CREATE INDEX documents_generation ON documents (generation);
CREATE TABLE texts (
  document_id INTEGER PRIMARY KEY REFERENCES documents (id) ON DELETE CASCADE, digest BLOB NOT NULL,
  pages TEXT NOT NULL, headings TEXT NOT NULL, blocks TEXT NOT NULL, warnings TEXT NOT NULL, text TEXT NOT NULL
) STRICT;
CREATE TABLE metadata (
  key TEXT NOT NULL, kind INTEGER NOT NULL, value ANY NOT NULL,
  document_id INTEGER NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
  PRIMARY KEY (key, kind, value, document_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX metadata_document ON metadata (document_id);
CREATE TABLE vectors (
  id INTEGER PRIMARY KEY, fingerprint INTEGER NOT NULL REFERENCES fingerprints (id), hash BLOB NOT NULL,
  crc INTEGER NOT NULL, vector BLOB NOT NULL, UNIQUE (fingerprint, hash)
) STRICT;
CREATE TABLE unit_vectors (
  vector_id INTEGER PRIMARY KEY REFERENCES vectors (id) ON DELETE CASCADE, crc INTEGER NOT NULL, body BLOB NOT NULL
) STRICT;
CREATE TABLE chunks (
  id INTEGER PRIMARY KEY AUTOINCREMENT, document_id INTEGER NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
  ordinal INTEGER NOT NULL, start INTEGER NOT NULL, "end" INTEGER NOT NULL, page INTEGER, page_end INTEGER,
  tokens INTEGER NOT NULL, vector_id INTEGER NOT NULL REFERENCES vectors (id), UNIQUE (document_id, ordinal)
) STRICT;
CREATE INDEX chunks_vector ON chunks (vector_id);
CREATE TABLE passages (
  chunk_id INTEGER PRIMARY KEY REFERENCES chunks (id) ON DELETE CASCADE, context TEXT NOT NULL,
  heading TEXT NOT NULL, units BLOB NOT NULL, text TEXT NOT NULL
) STRICT;
CREATE TABLE removed_chunks (
  revision INTEGER NOT NULL, chunk_id INTEGER NOT NULL, PRIMARY KEY (revision, chunk_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE files (
  root BLOB NOT NULL, path BLOB NOT NULL, source TEXT NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
  ctime_ns INTEGER NOT NULL, sha256 TEXT NOT NULL, extractor TEXT NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL,
  PRIMARY KEY (root, path)
) STRICT, WITHOUT ROWID;
CREATE INDEX files_source ON files (source);
CREATE TABLE adapters (
  id INTEGER PRIMARY KEY AUTOINCREMENT, fingerprint TEXT NOT NULL, created_at TEXT NOT NULL, crc INTEGER NOT NULL,
  evidence TEXT NOT NULL, matrix BLOB NOT NULL
) STRICT;
"""
_QUANTIZERS: Final = """
CREATE TABLE quantizers (
  id INTEGER PRIMARY KEY AUTOINCREMENT, fingerprint TEXT NOT NULL, kind TEXT NOT NULL, count INTEGER NOT NULL,
  probes INTEGER NOT NULL, crc INTEGER NOT NULL, centres BLOB NOT NULL
) STRICT;
"""

Migration = Callable[[apsw.Connection], None]


def _add_quantizers(connection: apsw.Connection) -> None:
    connection.execute(_QUANTIZERS)


MIGRATIONS: Final[Sequence[Migration]] = (_add_quantizers,)
"""Step i takes a database from version i + 1 to i + 2, inside the one transaction that `migrate` opens."""

SCHEMA_VERSION: Final = 1 + len(MIGRATIONS)


def create_tables(connection: apsw.Connection) -> None:
    """Create the tables in an empty database, in one transaction; a database that has them is left as it is."""
    with rolled_back(connection):
        if _is_unborn(connection):
            now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            connection.execute(_TABLES + _QUANTIZERS)
            connection.execute(
                "INSERT INTO state VALUES (1, ?, ?, 0, 0, 0, 0, 0, 0, 0, 0, NULL, NULL)", (uuid.uuid4().hex, now)
            )
            connection.execute("INSERT INTO revisions VALUES (0, 0)")
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def check_version(connection: apsw.Connection, path: Path, *, newest: int = SCHEMA_VERSION) -> int:
    """Return the schema version of an open database.

    Raises NotFoundError for one whose creation was interrupted, CorruptError for a database of another program,
    SchemaVersionError for one that a newer version wrote.
    """
    if _is_unborn(connection):
        raise NotFoundError(f"{path} is an empty database", cure="create the collection again")
    application = int(one(connection, "PRAGMA application_id")[0])
    version = int(one(connection, "PRAGMA user_version")[0])
    if application != APPLICATION_ID or version < 1:
        raise CorruptError(
            f"{path} is not a collection of ragkit", cure="restore a backup, or delete it and ingest again"
        )
    if version > newest:
        raise SchemaVersionError(
            f"{path} has schema version {version} and this ragkit knows {newest}",
            cure="upgrade ragkit (pip install -U ragkit), or use another data folder",
        )
    return version


def migrate(connection: apsw.Connection, path: Path, *, steps: Sequence[Migration] = MIGRATIONS) -> int:
    """Bring a database to the newest version, all steps in one transaction; return the version it had.

    The caller holds the writer lock. A step that fails leaves the old version as it was.
    """
    newest = 1 + len(steps)
    version = check_version(connection, path, newest=newest)
    if version < newest:
        with rolled_back(connection):
            version = check_version(connection, path, newest=newest)
            for step in steps[version - 1 :]:
                step(connection)
            connection.execute(f"PRAGMA user_version = {newest}")
    return version


def _is_unborn(connection: apsw.Connection) -> bool:
    """Tell whether nothing was ever committed but, perhaps, the journal mode."""
    return (
        not one(connection, "SELECT count(*) FROM sqlite_schema")[0] and not one(connection, "PRAGMA user_version")[0]
    )
