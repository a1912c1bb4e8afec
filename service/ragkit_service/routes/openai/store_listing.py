"""The listing of a collection's files, newest first: its documents, and between them files that are not documents.

The documents stay in the store: a place among them is found by bisection, so that a page costs the same in a
collection of any size.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragkit import DocumentInfo, NotFoundError
from ragkit_service.document_ids import document_id, source_of_id
from ragkit_service.listings.page_ends import PageEnds, Place
from ragkit_service.listings.times import unix_milliseconds
from ragkit_service.routes.openai.paging import Window, window
from ragkit_service.schemas.openai.pages import PageQuery

if TYPE_CHECKING:
    from ragkit import KnowledgeView


@dataclass(frozen=True, slots=True)
class ListedFiles:
    """A page of a listing in its order: documents, and the sources of other files. more: entries follow."""

    entries: list[DocumentInfo | str]
    more: bool


class Documents:
    """The documents of a view, newest first, by their number in this order."""

    def __init__(self, knowledge: KnowledgeView, *, total: int) -> None:
        self._knowledge = knowledge
        self.total = total
        self._times: dict[int, int] = {}

    def between(self, start: int, end: int) -> list[DocumentInfo]:
        """Return the documents from number `start` to before `end`."""
        return self._knowledge.documents(newest=True, limit=end - start, offset=start) if end > start else []

    def place(self, identifier: str) -> Place | None:
        """Return the place of a document by its id, None when there is none."""
        try:
            return place_of(self._knowledge.info(source_of_id(identifier)))
        except NotFoundError:
            return None

    def ranks(self, place: Place) -> tuple[int, int]:
        """Return how many documents stand before a place, and how many up to it and with it.

        Times are known to the millisecond. Where a document has been deleted and others have its time, they count as
        behind a place that a page begins after, and as before one that it ends with: a walk meets them, maybe twice.
        """
        low = bisect_left(range(self.total), place[0], key=self._time)
        high = bisect_right(range(self.total), place[0], lo=low, key=self._time)
        for number, info in enumerate(self.between(low, high), low):
            if info.source == place[1]:
                return number, number + 1
        return high, low

    def _time(self, number: int) -> int:
        if number not in self._times:
            found = self.between(number, number + 1)
            self._times[number] = place_of(found[0])[0] if found else 0  # deleted in between: behind all others
        return self._times[number]


def place_of(info: DocumentInfo) -> Place:
    """Return the place of a document in the listing of its collection."""
    return -unix_milliseconds(info.updated_at), info.source


def list_files(
    documents: Documents, others: Mapping[str, int], query: PageQuery, *, ends: PageEnds, listing: Hashable
) -> ListedFiles:
    """Return a page of the documents and the other files of a collection; raises a 400 for an unknown cursor.

    others: when each file that is no document was stored, in milliseconds since 1970, by its source.
    """
    places = sorted((-moment, source) for source, moment in others.items())
    below = [min(documents.ranks(place)) for place in places]  # documents that stand before each of the other files
    positions = [count + number for number, count in enumerate(below)]
    numbers = {document_id(place[1]): position for place, position in zip(places, positions, strict=True)}

    def ranks(identifier: str) -> tuple[int, int]:
        if identifier in numbers:
            return numbers[identifier], numbers[identifier] + 1
        before, upto = documents.ranks(documents.place(identifier) or ends.find(listing, identifier))
        return before + bisect_right(below, before), upto + bisect_left(below, upto)

    part = window(documents.total + len(places), query, ranks=ranks)
    entries = _slice(documents, dict(zip(positions, places, strict=True)), part)
    for entry in (*entries[:1], *entries[-1:]):
        place = (-others[entry], entry) if isinstance(entry, str) else place_of(entry)
        ends.note(listing, document_id(place[1]), place)
    return ListedFiles(part.arranged(entries), part.more)


def _slice(documents: Documents, others: Mapping[int, Place], part: Window) -> list[DocumentInfo | str]:
    """Return the entries of a slice; others: files that are no documents, by their position in the whole listing."""
    start = part.start - sum(position < part.start for position in others)
    end = part.end - sum(position < part.end for position in others)
    found = iter(documents.between(start, end))
    merged = (others[at][1] if at in others else next(found, None) for at in range(part.start, part.end))
    return [entry for entry in merged if entry is not None]  # None: documents were deleted in between
