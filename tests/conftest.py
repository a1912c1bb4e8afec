"""What all tests share: hypothesis judges what comes out, not how fast the machine of the day is; long files begin."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

LONG = ("test_faults_", "test_ingest_hostile", "test_compile", "test_embed.py")
"""Files that take a minute or more, and their like: begun last, they leave one of two processes without work."""

settings.register_profile("ragkit", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ragkit")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the long files; the order within a file stays."""
    items.sort(key=lambda item: not item.path.name.startswith(LONG))
