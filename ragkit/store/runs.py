"""What the transactions of a run carry, in every back end: changes of the totals, and the stamp of a document row."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

Stamp = tuple[int, str, int]
"""Generation, time as ISO 8601, time as microseconds since 1970: the values that a document row is stamped with."""

LOG_SLACK: Final = 1_000
"""The log of deleted chunks is kept while it is at most this much longer than the collection: a cache that is farther
behind is rebuilt faster than it catches up."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Change:
    """Changes of one transaction to the totals. `touched`: documents changed, so the commit makes a new revision."""

    def __init__(self) -> None:
        self.touched = False
        self.documents = self.chunks = self.characters = self.pages = self.vectors = 0
        self.added = self.changed = self.removed = 0
        self.forgets_log = False

    def include(self, inner: Change) -> None:
        """Add the changes of a savepoint, once it is released."""
        for name, value in vars(inner).items():
            before = getattr(self, name)
            setattr(self, name, before or value if isinstance(value, bool) else before + value)


def stamp_of(generation: int, moment: datetime) -> Stamp:
    """Return the stamp of a document that a run stores at a moment."""
    return generation, iso(moment), (moment - _EPOCH) // timedelta(microseconds=1)


def iso(moment: datetime) -> str:
    """Return a moment as ISO 8601 in UTC, to the millisecond."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
