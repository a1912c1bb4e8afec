"""The tables of all collections of a database: their definition, their version, and the migrations between versions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from ragkit.errors import ConfigError, CorruptError, NotFoundError, SchemaVersionError
from ragkit.index.pgvector import sql as pgvector
from ragkit.store.filters import TEXT
from ragkit.store.postgres.connection import SCHEMA, Connection, register_vectors, rolled_back
from ragkit.store.postgres.location import Location
from ragkit.types.labels import ACL_KEY

SETUP_LOCK: Final = 0x52414731
"""Advisory lock, "RAG1": of the whole schema, while it is made or migrated."""

# The tables are those of the SQLite store, with the collection before each key: ids are those of a collection, so that
# a move between the stores keeps them. Text is compared by code point (COLLATE "C"). A B-tree takes at most some 2,700
# bytes, so that long sources and paths are found by a SHA-256 (source_key, file_key), and long metadata by their start.
KEY_START: Final = 64
TEXT_START: Final = 128
SOURCE_START: Final = 500
"""How many characters of a metadata key, a metadata text and a source the indexes hold."""
_C: Final = 'text COLLATE "C" NOT NULL'
_OWNER: Final = "collection integer NOT NULL REFERENCES collections (id)"
_TABLES: Final = f"""
CREATE TABLE version (number integer NOT NULL);
CREATE TABLE collections (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name {_C} UNIQUE, identity {_C}, created_at {_C},
  revision bigint NOT NULL, generation bigint NOT NULL, floor bigint NOT NULL,
  documents bigint NOT NULL, chunks bigint NOT NULL, characters bigint NOT NULL, pages bigint NOT NULL,
  vectors bigint NOT NULL, fingerprint bigint, pinned text COLLATE "C",
  last_document bigint NOT NULL DEFAULT 0, last_chunk bigint NOT NULL DEFAULT 0, last_vector bigint NOT NULL DEFAULT 0,
  last_adapter bigint NOT NULL DEFAULT 0, last_quantizer bigint NOT NULL DEFAULT 0
);
CREATE TABLE fingerprints (
  {_OWNER}, id bigint NOT NULL, digest {_C}, body {_C}, PRIMARY KEY (collection, id), UNIQUE (collection, digest)
);
CREATE TABLE generations (
  {_OWNER}, number bigint NOT NULL, started_at {_C}, finished_at {_C}, kind {_C}, added bigint NOT NULL,
  changed bigint NOT NULL, removed bigint NOT NULL, model {_C}, fingerprint {_C}, extractor {_C}, settings {_C},
  PRIMARY KEY (collection, number)
);
CREATE TABLE revisions (
  {_OWNER}, revision bigint NOT NULL, last_chunk bigint NOT NULL, PRIMARY KEY (collection, revision)
);
CREATE TABLE documents (
  {_OWNER}, id bigint NOT NULL, source_key bytea NOT NULL, source {_C}, title {_C}, sha256 {_C}, media_type {_C},
  metadata {_C}, characters bigint NOT NULL, pages bigint NOT NULL, chunks bigint NOT NULL,
  generation bigint NOT NULL, updated_at {_C}, updated_us bigint NOT NULL, acl text[] COLLATE "C",
  PRIMARY KEY (collection, id), UNIQUE (collection, source_key),
  FOREIGN KEY (collection, generation) REFERENCES generations (collection, number)
);
CREATE INDEX documents_source ON documents (collection, "left"(source, {SOURCE_START}));
CREATE INDEX documents_updated ON documents (collection, updated_us);
CREATE INDEX documents_generation ON documents (collection, generation);
CREATE INDEX documents_acl ON documents USING gin (acl);
CREATE TABLE texts (
  collection integer NOT NULL, document_id bigint NOT NULL, digest bytea NOT NULL, pages {_C}, headings {_C},
  blocks {_C}, warnings {_C}, text {_C}, PRIMARY KEY (collection, document_id),
  FOREIGN KEY (collection, document_id) REFERENCES documents (collection, id) ON DELETE CASCADE
);
CREATE TABLE metadata (
  collection integer NOT NULL, document_id bigint NOT NULL, key {_C}, kind smallint NOT NULL, number numeric NOT NULL,
  text {_C}, FOREIGN KEY (collection, document_id) REFERENCES documents (collection, id) ON DELETE CASCADE
);
CREATE INDEX metadata_value ON metadata
  (collection, "left"(key, {KEY_START}), kind, number, "left"(text, {TEXT_START}));
CREATE INDEX metadata_document ON metadata (collection, document_id);
CREATE TABLE vectors (
  {_OWNER}, id bigint NOT NULL, fingerprint bigint NOT NULL, hash bytea NOT NULL, crc bigint NOT NULL,
  vector halfvec NOT NULL, PRIMARY KEY (collection, id), UNIQUE (collection, fingerprint, hash),
  FOREIGN KEY (collection, fingerprint) REFERENCES fingerprints (collection, id)
);
CREATE TABLE unit_vectors (
  collection integer NOT NULL, vector_id bigint NOT NULL, crc bigint NOT NULL, body bytea NOT NULL,
  PRIMARY KEY (collection, vector_id),
  FOREIGN KEY (collection, vector_id) REFERENCES vectors (collection, id) ON DELETE CASCADE
);
CREATE TABLE chunks (
  collection integer NOT NULL, id bigint NOT NULL, document_id bigint NOT NULL, ordinal bigint NOT NULL,
  start bigint NOT NULL, "end" bigint NOT NULL, page bigint, page_end bigint, tokens bigint NOT NULL,
  vector_id bigint NOT NULL, PRIMARY KEY (collection, id), UNIQUE (collection, document_id, ordinal),
  FOREIGN KEY (collection, document_id) REFERENCES documents (collection, id) ON DELETE CASCADE,
  FOREIGN KEY (collection, vector_id) REFERENCES vectors (collection, id)
);
CREATE INDEX chunks_vector ON chunks (collection, vector_id);
CREATE TABLE passages (
  collection integer NOT NULL, chunk_id bigint NOT NULL, context {_C}, heading {_C}, units bytea NOT NULL, text {_C},
  PRIMARY KEY (collection, chunk_id),
  FOREIGN KEY (collection, chunk_id) REFERENCES chunks (collection, id) ON DELETE CASCADE
);
CREATE TABLE removed_chunks (
  {_OWNER}, revision bigint NOT NULL, chunk_id bigint NOT NULL, PRIMARY KEY (collection, revision, chunk_id)
);
CREATE TABLE files (
  {_OWNER}, file_key bytea NOT NULL, source_key bytea NOT NULL, root bytea NOT NULL, path bytea NOT NULL, source {_C},
  size bigint NOT NULL, mtime_ns bigint NOT NULL, ctime_ns bigint NOT NULL, sha256 {_C}, extractor {_C}, reason {_C},
  detail {_C}, PRIMARY KEY (collection, file_key)
);
CREATE INDEX files_source ON files (collection, source_key);
CREATE TABLE adapters (
  {_OWNER}, id bigint NOT NULL, fingerprint {_C}, created_at {_C}, crc bigint NOT NULL, evidence {_C},
  matrix bytea NOT NULL, PRIMARY KEY (collection, id)
);
CREATE TABLE quantizers (
  {_OWNER}, id bigint NOT NULL, fingerprint {_C}, kind {_C}, count bigint NOT NULL, probes bigint NOT NULL,
  crc bigint NOT NULL, centres bytea NOT NULL, PRIMARY KEY (collection, id)
);
"""
_OWN_FILES: Final = """
CREATE TABLE own_files (
  collection integer NOT NULL REFERENCES collections (id), path text COLLATE "C" NOT NULL, sha256 text NOT NULL,
  revision bigint NOT NULL, PRIMARY KEY (collection, path)
);
CREATE INDEX own_files_revision ON own_files (collection, revision);
CREATE TABLE own_file_pieces (
  collection integer NOT NULL, path text COLLATE "C" NOT NULL, number integer NOT NULL, body bytea NOT NULL,
  PRIMARY KEY (collection, path, number),
  FOREIGN KEY (collection, path) REFERENCES own_files (collection, path) ON DELETE CASCADE
);
"""
"""sha256: "" for a file that was deleted, so that other machines delete it too."""
EXTENSION: Final = "vector"
CHILDREN_FIRST: Final = (
    "own_file_pieces", "own_files",
    *pgvector.TABLE_NAMES,
    "passages", "chunks", "unit_vectors", "vectors", "texts", "metadata", "documents", "fingerprints", "generations",
    "revisions", "removed_chunks", "files", "adapters", "quantizers",
)  # fmt: skip
"""The tables that hold rows of a collection, each before those that it refers to."""

Migration = Callable[[Connection], None]


def _add_index_tables(connection: Connection) -> None:
    connection.execute(pgvector.TABLES)


def add_acl(connection: Connection) -> None:
    """Make a column of the access labels, which were among the metadata only."""
    connection.execute(
        f"""ALTER TABLE documents ADD COLUMN acl text[] COLLATE "C";
        UPDATE documents AS d SET acl = m.labels FROM (SELECT collection, document_id,
          coalesce(array_agg(text) FILTER (WHERE kind = {TEXT}), '{{}}') AS labels FROM metadata WHERE key = '{ACL_KEY}'
          GROUP BY collection, document_id) AS m WHERE m.collection = d.collection AND m.document_id = d.id;
        CREATE INDEX documents_acl ON documents USING gin (acl)"""
    )


def _add_own_files(connection: Connection) -> None:
    connection.execute(_OWN_FILES)


MIGRATIONS: Final[Sequence[Migration]] = (_add_index_tables, add_acl, _add_own_files)
"""Step i takes a database from version i + 1 to i + 2, inside the one transaction that `migrate` opens."""

SCHEMA_VERSION: Final = 1 + len(MIGRATIONS)


def has_tables(connection: Connection) -> bool:
    """Tell whether the database has ragkit's tables, of whatever version."""
    return bool(connection.execute("SELECT to_regclass($1) IS NOT NULL", (f"{SCHEMA}.version",)).fetchall()[0][0])


def create_tables(connection: Connection, location: Location) -> None:
    """Create the schema in one transaction; a database that has it is left as it is.

    Raises ConfigError when the database has no pgvector and this user may not install it.
    """
    if has_tables(connection):
        return
    with rolled_back(connection):
        connection.execute("SELECT pg_advisory_xact_lock($1)", (SETUP_LOCK,))
        if has_tables(connection):  # another process made them while this one waited
            return
        if not register_vectors(connection):
            _need_extension(connection, location)
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
        connection.execute(_TABLES)
        connection.execute(_OWN_FILES)
        connection.execute(pgvector.TABLES)
        connection.execute("INSERT INTO version VALUES ($1)", (SCHEMA_VERSION,))


def check_version(connection: Connection, location: Location, *, newest: int = SCHEMA_VERSION) -> int:
    """Return the schema version of a database.

    Raises NotFoundError for one without ragkit's tables, CorruptError for one without a version, SchemaVersionError
    for one that a newer version wrote.
    """
    if not has_tables(connection):
        raise NotFoundError(f"{location} holds no collections", cure="ingest a folder to make one")
    rows = connection.execute("SELECT number FROM version").fetchall()
    if len(rows) != 1:
        raise CorruptError(f"{location} does not say the version of its tables", cure="restore a backup elsewhere")
    if rows[0][0] > newest:
        raise SchemaVersionError(
            f"{location} has schema version {rows[0][0]} and this ragkit knows {newest}",
            cure="upgrade ragkit (pip install -U ragkit), or use another database",
        )
    return int(rows[0][0])


def migrate(connection: Connection, location: Location, *, steps: Sequence[Migration] = MIGRATIONS) -> int:
    """Bring a database to the newest version, all steps in one transaction; return the version it had."""
    newest = 1 + len(steps)
    version = check_version(connection, location, newest=newest)
    if version < newest:
        with rolled_back(connection):
            connection.execute("SELECT pg_advisory_xact_lock($1)", (SETUP_LOCK,))
            version = check_version(connection, location, newest=newest)
            for step in steps[version - 1 :]:
                step(connection)
            connection.execute("UPDATE version SET number = $1", (newest,))
    return version


def _need_extension(connection: Connection, location: Location) -> None:
    """Install pgvector, where the server has it and the user may; ConfigError says who must do what."""
    rows = connection.execute(
        "SELECT default_version FROM pg_available_extensions WHERE name = $1", (EXTENSION,)
    ).fetchall()
    if not rows:
        raise ConfigError(
            f"the server of {location} has no pgvector",
            cure="install it there (Debian: apt install postgresql-16-pgvector), then: CREATE EXTENSION vector",
        )
    known = connection.execute("SELECT extversion FROM pg_extension WHERE extname = 'vector'").fetchall()
    if known:
        raise ConfigError(
            f"{location} has pgvector {known[0][0]}, which has no halfvec",
            cure="run there: ALTER EXTENSION vector UPDATE",
        )
    may = connection.execute(
        """SELECT r.rolsuper OR (v.trusted AND has_database_privilege(current_database(), 'CREATE'))
        FROM pg_roles AS r, pg_available_extension_versions AS v
        WHERE r.rolname = current_user AND v.name = 'vector' AND v.version = $1""",
        rows[0],
    ).fetchall()
    if not may or not may[0][0]:
        raise ConfigError(
            f"{location} does not have pgvector yet", cure="have a superuser run there: CREATE EXTENSION vector"
        )
    connection.execute("CREATE EXTENSION vector SCHEMA public")
    connection.execute("SELECT set_config('search_path', $1, false)", (f"{SCHEMA}, public",))
    register_vectors(connection)
