"""Who holds a collection's writer lock, in words that every back end uses."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

UNKNOWN: Final = "another process"
"""The words for a holder that left no name."""


def in_words(pid: int, command: str, *, host: str, since: str) -> str:
    """Return the holder of a writer lock in words. since: ISO 8601."""
    return f"process {pid} ({command}) on {host} since {since}"


def command_name() -> str:
    """Return the command that this process runs, at most 80 characters: a verb at most, never a path or a secret."""
    verb = [word for word in sys.argv[1:2] if word.isalpha()]
    return " ".join([Path(sys.argv[0] or "python").name, *verb])[:80] if sys.argv else "python"
