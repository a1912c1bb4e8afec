"""What all tests of the service share: no file leaves a process behind."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

_OURS = ("ragkit_ingest.workers.child", "ragkit_service.jobs.worker")


def _children() -> set[str]:
    """Return ragkit's processes that this one has started and not yet ended, as "number module"."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = (folder / "stat").read_text(encoding="latin-1").rpartition(")")[2].split()[1]
            command = (folder / "cmdline").read_text(encoding="latin-1")
        except OSError:
            continue  # it has ended
        if parent == str(os.getpid()):
            found |= {f"{folder.name} {module}" for module in _OURS if module in command}
    return found


@pytest.fixture(scope="module", autouse=True)
def no_process_is_left() -> Iterator[None]:
    """Fail the last test of a file that leaves a child process, as a service that does not end its readers does."""
    before = _children()
    yield
    assert _children() - before == set()
