"""What all tests of the service share: no file leaves a process behind."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest


def _children() -> set[str]:
    """Return the processes that this one has started and not yet ended, as "number command"."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = (folder / "stat").read_text(encoding="latin-1").rpartition(")")[2].split()[1]
            if parent == str(os.getpid()):
                found.add(f"{folder.name} {(folder / 'cmdline').read_text(encoding='latin-1')[:200]}")
        except OSError:
            continue  # it has ended
    return found


@pytest.fixture(scope="module", autouse=True)
def no_process_is_left() -> Iterator[None]:
    """Fail the last test of a file that leaves a child process, as a service that does not end its readers does."""
    before = _children()
    yield
    assert _children() - before == set()
