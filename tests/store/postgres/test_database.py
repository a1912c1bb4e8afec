"""Tables of other programs in the shared database: made once, migrated, in transactions, through lost connections."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

import ragkit
from ragkit import SharedDatabase, StoreError
from ragkit.errors import SchemaVersionError

FIRST = "CREATE TABLE service_shelf (name text PRIMARY KEY)"
SECOND = "ALTER TABLE service_shelf ADD COLUMN boards integer NOT NULL DEFAULT 3"


@pytest.fixture
def database(postgres: str) -> Iterator[SharedDatabase]:
    """The database of the tests, without tables of other programs."""
    shared = ragkit.shared_database(postgres)
    assert shared is not None
    with closing(shared):
        yield shared


def test_a_folder_is_shared_with_nobody(tmp_path: Path) -> None:
    assert ragkit.shared_database(tmp_path) is None


def test_tables_are_made_once_and_migrated(database: SharedDatabase) -> None:
    database.prepare("shelf", [FIRST])
    with database.transaction() as open_:
        assert open_.changed("INSERT INTO service_shelf VALUES ($1)", ("oak",)) == 1
    database.prepare("shelf", [FIRST])
    database.prepare("shelf", [FIRST, SECOND])
    with database.transaction() as open_:
        assert open_.rows("SELECT name, boards FROM service_shelf") == [("oak", 3)]
    with pytest.raises(SchemaVersionError, match="version 2"):
        database.prepare("shelf", [FIRST])


def test_an_error_rolls_all_back(database: SharedDatabase) -> None:
    database.prepare("shelf", [FIRST])
    with pytest.raises(StoreError, match="duplicate"), database.transaction() as open_:  # noqa: PT012 - the second one fails
        open_.changed("INSERT INTO service_shelf VALUES ($1)", ("ash",))
        open_.changed("INSERT INTO service_shelf VALUES ($1)", ("ash",))
    with database.transaction() as open_:
        assert open_.rows("SELECT name FROM service_shelf") == []


def test_a_connection_that_the_server_ended_is_replaced(database: SharedDatabase, postgres: str) -> None:
    database.prepare("shelf", [FIRST])
    with database.transaction() as open_:
        (session,) = open_.rows("SELECT pg_backend_pid()")
    other = ragkit.shared_database(postgres)
    assert other is not None
    with closing(other), other.transaction() as open_:
        open_.rows("SELECT pg_terminate_backend($1)", session)
    with database.transaction() as open_:
        assert open_.rows("SELECT pg_backend_pid()") != [session]


def test_a_closed_database_says_so(database: SharedDatabase) -> None:
    database.close()
    with pytest.raises(StoreError, match="closed"), database.transaction():
        pass
