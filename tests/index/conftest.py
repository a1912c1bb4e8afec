"""The database server of these tests, one a process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.postgres_server import postgres_server


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The address of a running server."""
    with postgres_server() as address:
        yield address
