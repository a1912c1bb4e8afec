"""What the tests of OpenAI's own client share: a server on loopback with a filled collection, and the client."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.live_service import KEY, WAIT, fill, live_service


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the filled collection."""
    folder = tmp_path_factory.mktemp("data")
    fill(folder)
    return folder


@pytest.fixture(scope="module")
def url(data: Path) -> Iterator[str]:
    """The address of a server over the data folder."""
    with live_service(data) as address:
        yield address


@pytest.fixture
def client(url: str) -> Iterator[Any]:
    """OpenAI's client, which does not try again."""
    openai = pytest.importorskip("openai", reason="the official client is not installed: pip install 'ragkit[openai]'")
    with openai.OpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=0, timeout=WAIT) as made:
        yield made
