"""Where the pages of listings ended, so that a client may delete the entries that it lists."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Final

from ragkit import show
from ragkit_service.errors import Problem

Place = tuple[int, str]
"""Where an entry stands in a listing, which ascends by it: minus its time, in any unit, then a name of its own."""

_REMEMBERED: Final = 10_000


class PageEnds:
    """The places of entries that ended a page of some listing; the least recently shown are forgotten. Thread-safe."""

    def __init__(self, limit: int = _REMEMBERED) -> None:
        self._limit = limit
        self._places: OrderedDict[tuple[Hashable, str], Place] = OrderedDict()
        self._lock = threading.Lock()

    def note(self, listing: Hashable, identifier: str, place: Place) -> None:
        """Remember the place of an entry of a listing."""
        with self._lock:
            self._places[listing, identifier] = place
            self._places.move_to_end((listing, identifier))
            while len(self._places) > self._limit:
                self._places.popitem(last=False)

    def find(self, listing: Hashable, identifier: str) -> Place:
        """Return the place of an entry; raises a 400 for one that did not end a page of this listing."""
        with self._lock:
            place = self._places.get((listing, identifier))
        if place is None:
            raise unknown_cursor(identifier)
        return place


def unknown_cursor(identifier: str) -> Problem:
    """Return the error of a cursor that is no id of the listing."""
    return Problem(
        400,
        "cursor",
        "The cursor is unknown",
        f"the listing has no entry {show(identifier, 80)!r}",
        cure="send the id of an entry of the same listing as `after` or `before`, or neither for the first page",
    )
