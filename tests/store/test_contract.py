"""The contract of the store, run against every implementation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

pytest.register_assert_rewrite(
    "tests.store.contract_documents",
    "tests.store.contract_runs",
    "tests.store.contract_places",
    "tests.store.contract_writers",
)

from ragkit.store.sqlite.backend import SqliteBackend  # noqa: E402
from ragkit.testing import MemoryBackend  # noqa: E402
from tests.store.contract import Place  # noqa: E402
from tests.store.contract_documents import DocumentContract  # noqa: E402
from tests.store.contract_places import PlaceContract  # noqa: E402
from tests.store.contract_runs import RunContract  # noqa: E402
from tests.store.contract_writers import OneWriterContract  # noqa: E402

IMPLEMENTATIONS: Final[dict[str, Callable[[Path], Place]]] = {
    "sqlite": lambda folder: Place(SqliteBackend(), str(folder / "data")),
    "memory": lambda folder: Place(MemoryBackend(), "memory://place"),
}


@pytest.fixture(params=IMPLEMENTATIONS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """An empty place of each implementation."""
    return IMPLEMENTATIONS[request.param](tmp_path)


class TestDocuments(DocumentContract):
    """Documents, chunks and vectors."""


class TestRuns(RunContract):
    """Transactions, generations, the lock and the model."""


class TestPlaces(PlaceContract):
    """Filters, files and collections."""


class TestWriters(OneWriterContract):
    """One run at a time."""
