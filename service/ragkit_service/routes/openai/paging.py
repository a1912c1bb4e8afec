"""Pages of a listing, as OpenAI's clients walk through them: `after`, `before`, `limit` and `order`.

A cursor is a place: it still holds when its entry has been deleted, as by a client that deletes what it lists.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ragkit_service.schemas.openai.pages import PageQuery


@dataclass(frozen=True, slots=True)
class Window:
    """A page as a slice of the whole listing in its own order. reverse: the page shows it backwards. more: entries
    follow it in the direction of the walk."""

    start: int
    end: int
    reverse: bool
    more: bool

    def arranged(self, entries: list[Any]) -> list[Any]:
        """Return the entries of the slice in the order of the page."""
        return entries[::-1] if self.reverse else entries


def window(
    total: int, query: PageQuery, *, limit: int, ascending: bool = True, place: Callable[[str], tuple[int, int]]
) -> Window:
    """Return the slice that a request asks for.

    ascending: the listing's own order. place: returns for the id of an entry how many entries stand before it, and how
    many up to it and with it; both are the same for an entry that was deleted.
    """
    reverse = query.order is not None and (query.order == "asc") != ascending
    start, end = 0, total
    earlier, later = (query.before, query.after) if reverse else (query.after, query.before)
    if earlier:
        start = place(earlier)[1]
    if later:
        end = min(end, place(later)[0])
    length = max(end - start, 0)
    more = length > limit
    towards_end = bool(query.before and not query.after) != reverse  # the page is the end of what is left
    if more and towards_end:
        start = end - limit
    return Window(start, start + min(length, limit), reverse, more)


def page(entries: list[dict[str, Any]], *, more: bool) -> dict[str, Any]:
    """Return a page of entries as the clients read it."""
    first, last = (entries[0]["id"], entries[-1]["id"]) if entries else (None, None)
    return {"object": "list", "data": entries, "first_id": first, "last_id": last, "has_more": more}
