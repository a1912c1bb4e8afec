"""The tables of the own files of collections: prompts, examples, chains, feedback, traces and originals."""

from __future__ import annotations

from typing import Final

TABLES: Final = """
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
TABLE_NAMES: Final = ("own_file_pieces", "own_files")
