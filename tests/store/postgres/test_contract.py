"""The contract of the store, run against a real PostgreSQL."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite(
    "tests.store.contract_documents",
    "tests.store.contract_runs",
    "tests.store.contract_places",
    "tests.store.contract_writers",
)

from ragkit.store.postgres.backend import PostgresBackend  # noqa: E402
from tests.store.contract import Place  # noqa: E402
from tests.store.contract_documents import DocumentContract  # noqa: E402
from tests.store.contract_places import PlaceContract  # noqa: E402
from tests.store.contract_runs import RunContract  # noqa: E402
from tests.store.contract_writers import ManyWritersContract  # noqa: E402


@pytest.fixture
def place(postgres: str) -> Place:
    """An empty database."""
    return Place(PostgresBackend(), postgres)


class TestDocuments(DocumentContract):
    """Documents, chunks and vectors."""


class TestRuns(RunContract):
    """Transactions, generations, the lock and the model."""


class TestPlaces(PlaceContract):
    """Filters, files and collections."""


class TestWriters(ManyWritersContract):
    """Several runs at once."""
