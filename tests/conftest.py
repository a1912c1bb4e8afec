"""What all tests share: hypothesis judges what comes out, not how fast; long files begin; files are in memory."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

LONG = (
    "test_fault_points.py",
    "test_loader_fuzz.py",
    "test_hostile.py",
    "test_compiled_cache.py",
    "test_ray.py",
    "test_caches_damaged.py",
    "test_power_cuts.py",
    "test_openapi_requests.py",
    "test_model_state.py",
    "test_embedders.py",
    "test_pdf.py",
    "test_small_model.py",
)
"""Files that take long, the longest first: begun last, one would leave the other of two processes without work."""

MEMORY = "/dev/shm"
ROOM = 6 << 30
"""Bytes; the tests of a run write 2 GiB."""

settings.register_profile("ragkit", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ragkit")


def pytest_configure() -> None:
    """Keep the tests' folders in memory where there is room: each commit of SQLite would wait for the disk."""
    if not os.access(MEMORY, os.W_OK):
        return
    place = os.statvfs(MEMORY)
    runs_programs = not place.f_flag & os.ST_NOEXEC  # some tests install what they run
    if runs_programs and place.f_bavail * place.f_frsize >= ROOM:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", MEMORY)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the long files; the order within a file stays."""
    items.sort(key=lambda item: LONG.index(item.path.name) if item.path.name in LONG else len(LONG))
