"""Pages of a listing, as OpenAI's clients walk through them: `after`, `before`, `limit` and `order`.

Every listing is newest first. A cursor is the id of an entry; it still holds when the entry has been deleted, as by a
client that deletes what it lists, because the places of entries that ended a page are remembered.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

from ragkit_service.listings.page_ends import PageEnds, Place
from ragkit_service.schemas.openai.pages import PageQuery

Ranks = Callable[[str], tuple[int, int]]
"""Returns for the id of an entry how many entries stand before it, and how many up to it and with it."""


@dataclass(frozen=True, slots=True)
class Window:
    """A page as a slice of the whole listing, newest first. reverse: the page shows it backwards. more: entries
    follow it in the direction of the walk."""

    start: int
    end: int
    reverse: bool
    more: bool

    def arranged(self, entries: list[Any]) -> list[Any]:
        """Return the entries of the slice in the order of the page."""
        return entries[::-1] if self.reverse else entries


def window(total: int, query: PageQuery, *, ranks: Ranks) -> Window:
    """Return the slice that a request asks for. Raises what `ranks` raises for an unknown cursor."""
    reverse = query.order == "asc"
    start, end = 0, total
    earlier, later = (query.before, query.after) if reverse else (query.after, query.before)
    if earlier:
        start = ranks(earlier)[1]
    if later:
        end = min(end, ranks(later)[0])
    length = max(end - start, 0)
    more = length > query.limit
    towards_end = bool(query.before and not query.after) != reverse  # the page is the end of what is left
    if more and towards_end:
        start = end - query.limit
    return Window(start, start + min(length, query.limit), reverse, more)


def listed(
    places: Mapping[str, Place], query: PageQuery, *, ends: PageEnds, listing: Hashable, hidden: frozenset[str]
) -> tuple[list[str], bool]:
    """Return the ids of a page of a listing that is held in memory, and whether more follow.

    places: of all entries by id, in any order. listing: names it. hidden: entries that the request filters out; their
    ids are cursors too.
    """
    shown = sorted(places.keys() - hidden, key=places.__getitem__)
    order = [places[identifier] for identifier in shown]

    def ranks(identifier: str) -> tuple[int, int]:
        place = places.get(identifier) or ends.find(listing, identifier)
        return bisect_left(order, place), bisect_right(order, place)

    part = window(len(shown), query, ranks=ranks)
    for identifier in {*shown[part.start : part.end][:1], *shown[part.start : part.end][-1:]}:
        ends.note(listing, identifier, places[identifier])
    return part.arranged(shown[part.start : part.end]), part.more


def page(entries: list[dict[str, Any]], *, more: bool) -> dict[str, Any]:
    """Return a page of entries as the clients read it."""
    first, last = (entries[0]["id"], entries[-1]["id"]) if entries else (None, None)
    return {"object": "list", "data": entries, "first_id": first, "last_id": last, "has_more": more}
