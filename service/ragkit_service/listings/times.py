"""Times of the library, which are ISO 8601, as the numbers of other APIs."""

from __future__ import annotations

from datetime import datetime


def unix_milliseconds(moment: str) -> int:
    """Return a time in milliseconds since 1970."""
    return round(datetime.fromisoformat(moment).timestamp() * 1_000)


def unix_seconds(moment: str) -> int:
    """Return a time in whole seconds since 1970."""
    return unix_milliseconds(moment) // 1_000
