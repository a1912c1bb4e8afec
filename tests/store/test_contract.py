"""The contract of the store, run against every implementation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

pytest.register_assert_rewrite("tests.store.contract")

from ragkit.store.sqlite.backend import SqliteBackend  # noqa: E402
from ragkit.testing import MemoryBackend  # noqa: E402
from tests.store.contract import Place, StoreContract  # noqa: E402

IMPLEMENTATIONS: Final[dict[str, Callable[[Path], Place]]] = {
    "sqlite": lambda folder: Place(SqliteBackend(), str(folder / "data")),
    "memory": lambda folder: Place(MemoryBackend(), "memory://place"),
}


@pytest.fixture(params=IMPLEMENTATIONS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """An empty place of each implementation."""
    return IMPLEMENTATIONS[request.param](tmp_path)


class TestStore(StoreContract):
    """All tests of the contract."""
