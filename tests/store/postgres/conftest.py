"""The server of these tests, one a process, and a database without collections for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.postgres_server import postgres_server


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The address of a running server."""
    with postgres_server() as address:
        yield address


@pytest.fixture
def postgres(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a database without collections; its local files are in the test's own folder."""
    psycopg = pytest.importorskip("psycopg", reason="pip install ragkit[postgres]")
    from ragkit.store.postgres.schema import CHILDREN_FIRST

    monkeypatch.setenv("RAGKIT_LOCAL", str(tmp_path / "local"))
    yield server
    with psycopg.connect(server, autocommit=True) as connection:
        if connection.execute("SELECT to_regclass('ragkit.collections') IS NOT NULL").fetchall()[0][0]:
            connection.execute(";".join(f"DELETE FROM ragkit.{table}" for table in (*CHILDREN_FIRST, "collections")))
        others = "SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace('ragkit') AND relkind = 'r' AND "
        for (table,) in connection.execute(others + "(relname LIKE 'service%' OR relname = 'shared_versions')"):
            connection.execute(f"DROP TABLE ragkit.{table} CASCADE")
