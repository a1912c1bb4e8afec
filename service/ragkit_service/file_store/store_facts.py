"""What clients of OpenAI's API say about a vector store: its name and metadata, beside the collection that it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol

from ragkit import SharedDatabase
from ragkit_service.file_store.stored_files import short_name, write_json
from ragkit_service.jobs.spool import storage_error


@dataclass(frozen=True, slots=True)
class StoreFacts:
    """The name and metadata of a vector store. name: "" for that of the collection. made: when the collection was made,
    so that a later collection of the same name does not have them."""

    name: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    made: str = ""


class FactStore(Protocol):
    """The facts of all vector stores. Every method blocks."""

    def read(self, collection: str, *, made: str) -> StoreFacts:
        """Return the facts of the collection that was made then; empty ones where there are none."""
        ...

    def write(self, collection: str, facts: StoreFacts) -> None:
        """Replace the facts of a collection. Raises StorageFullError, ConfigError, StoreError."""
        ...


class FactFolder:
    """Facts in the data folder, a file for each collection."""

    def __init__(self, data: Path) -> None:
        self._folder = data / "files" / "stores"

    def read(self, collection: str, *, made: str) -> StoreFacts:
        """Return the facts of the collection that was made then; empty ones where there are none."""
        with suppress(OSError):
            return _parsed(self._path(collection).read_text(encoding="utf-8"), made=made)
        return StoreFacts(made=made)

    def write(self, collection: str, facts: StoreFacts) -> None:
        """Replace the facts of a collection, by one rename. Raises StorageFullError, ConfigError."""
        path = self._path(collection)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_json(path, asdict(facts))
        except OSError as error:
            raise storage_error(error, path.parent) from error

    def _path(self, collection: str) -> Path:
        return self._folder / f"{short_name(collection)}.json"


class FactTable:
    """Facts in the database of a shared store; `prepare_files` makes the table."""

    def __init__(self, database: SharedDatabase) -> None:
        self._database = database

    def read(self, collection: str, *, made: str) -> StoreFacts:
        """Return the facts of the collection that was made then; empty ones where there are none."""
        with self._database.transaction() as statements:
            rows = statements.rows("SELECT facts FROM service_store_facts WHERE collection = $1", (collection,))
        return _parsed(str(rows[0][0]), made=made) if rows else StoreFacts(made=made)

    def write(self, collection: str, facts: StoreFacts) -> None:
        """Replace the facts of a collection."""
        with self._database.transaction() as statements:
            statements.changed(
                """INSERT INTO service_store_facts VALUES ($1, $2)
                ON CONFLICT (collection) DO UPDATE SET facts = excluded.facts""",
                (collection, json.dumps(asdict(facts))),
            )


def _parsed(text: str, *, made: str) -> StoreFacts:
    try:
        facts = StoreFacts(**json.loads(text))
    except (ValueError, TypeError):
        return StoreFacts(made=made)
    return facts if facts.made == made else StoreFacts(made=made)
