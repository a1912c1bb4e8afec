"""Pages of a listing: each entry once, in either order, forwards and backwards, also while entries are deleted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from ragkit import DocumentInfo, NotFoundError
from ragkit_service.document_ids import document_id
from ragkit_service.errors import Problem
from ragkit_service.listings.page_ends import PageEnds, Place
from ragkit_service.routes.openai.paging import listed, page
from ragkit_service.routes.openai.store_listing import Documents, list_files
from ragkit_service.schemas.openai.pages import PageQuery

NAMES = ["ant", "bee", "cow", "dog", "elk", "fox", "gnu"]
SECOND = {"ant": 1, "bee": 2, "cow": 2, "dog": 2, "elk": 3, "fox": 4, "gnu": 4}
"""When each entry was made; some at the same time, which then stand by name."""
NEWEST = ["fox", "gnu", "elk", "bee", "cow", "dog", "ant"]


@dataclass
class Shelf:
    """Entries that are documents or not; lists pages of them."""

    held: set[str]
    others: set[str] = field(default_factory=set)
    in_memory: bool = False
    ends: PageEnds = field(default_factory=PageEnds)

    def info(self, source: str) -> DocumentInfo:
        """Return a document, as a collection does."""
        if source not in self.held:
            raise NotFoundError("no such document", cure="none")
        return DocumentInfo(source, "", "", "", 1, 0, 1, 1, f"2026-01-01T00:00:0{SECOND[source]}Z", {})

    def documents(self, *, newest: bool, limit: int, offset: int) -> list[DocumentInfo]:
        """Return documents by time, as a collection does."""
        assert newest
        return [self.info(name) for name in NEWEST if name in self.held][offset : offset + limit]

    def page(self, query: PageQuery) -> tuple[list[str], bool]:
        """Return the names of a page, and whether more follow."""
        if self.in_memory:
            places: dict[str, Place] = {document_id(name): (-SECOND[name], name) for name in self.others}
            shown, more = listed(places, query, ends=self.ends, listing="x", hidden=frozenset())
            return [places[identifier][1] for identifier in shown], more
        documents = Documents(self, total=len(self.held))  # type: ignore[arg-type]  # it has what is used
        times = {name: moment(name) for name in self.others}
        found = list_files(documents, times, query, ends=self.ends, listing="x")
        return [entry if isinstance(entry, str) else entry.source for entry in found.entries], found.more

    def delete(self, names: Sequence[str]) -> None:
        """Delete entries."""
        self.held -= set(names)
        self.others -= set(names)


def moment(name: str) -> int:
    """Return when an entry was made, in milliseconds since 1970."""
    return (1_767_225_600 + SECOND[name]) * 1_000


SHELVES = [frozenset(NAMES), frozenset(), frozenset({"bee", "dog", "gnu"}), frozenset({"ant", "cow", "fox"})]


def shelf(documents: frozenset[str]) -> Shelf:
    """Return a shelf of all names, some of which are documents."""
    return Shelf(set(documents), set(NAMES) - documents, in_memory=not documents)


def query(limit: int = 20, *, order: str = "desc", after: str = "", before: str = "") -> PageQuery:
    """Return a request; cursors are names."""
    cursors = {"after": after and document_id(after), "before": before and document_id(before)}
    return PageQuery.model_validate({"limit": limit, "order": order, **cursors})


@pytest.mark.parametrize("limit", [1, 2, 3, 6, 7, 8])
@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("documents", SHELVES)
def test_a_walk_forwards_and_back_sees_each_entry_once(limit: int, order: str, documents: frozenset[str]) -> None:
    entries = shelf(documents)
    expected, _ = entries.page(query(order=order))
    times = [SECOND[name] for name in expected]
    assert (sorted(expected), times) == (NAMES, sorted(times, reverse=order == "desc"))
    seen, more = entries.page(query(limit, order=order))
    while more:
        names, more = entries.page(query(limit, order=order, after=seen[-1]))
        assert len(names) == limit or not more
        seen += names
    assert seen == expected

    back, more = [expected[-1]], True
    while more:
        names, more = entries.page(query(limit, order=order, before=back[0]))
        back = [*names, *back]
    assert back == expected


@pytest.mark.parametrize("documents", SHELVES)
def test_both_cursors_bound_a_page(documents: frozenset[str]) -> None:
    entries = shelf(documents)
    order, _ = entries.page(query())
    assert entries.page(query(after=order[1], before=order[6])) == (order[2:6], False)
    assert entries.page(query(2, after=order[1], before=order[6])) == (order[2:4], True)
    assert entries.page(query(after=order[6], before=order[1], order="asc")) == (order[5:1:-1], False)
    assert entries.page(query(after=order[6], before=order[1])) == ([], False)


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("limit", [1, 2, 3])
@pytest.mark.parametrize("documents", SHELVES)
def test_who_deletes_what_is_listed_reaches_the_end(limit: int, order: str, documents: frozenset[str]) -> None:
    entries = shelf(documents)
    cursor, deleted = "", []
    while True:
        names, more = entries.page(query(limit, order=order, after=cursor))
        deleted += names
        entries.delete(names)
        if not more:
            break
        cursor = names[-1]
    assert (sorted(deleted), entries.held | entries.others) == (NAMES, set())


@pytest.mark.parametrize("documents", SHELVES)
def test_a_cursor_that_is_not_of_the_listing_is_refused(documents: frozenset[str]) -> None:
    entries = shelf(documents)
    for cursors in ({"after": "yak"}, {"before": "yak"}, {"after": "ant", "before": "yak"}):
        with pytest.raises(Problem, match="no entry") as caught:
            entries.page(query(**cursors))
        assert caught.value.status == 400
    entries.delete(["dog"])  # it ended no page, so nobody can know where it stood
    with pytest.raises(Problem, match="no entry"):
        entries.page(query(after="dog"))


def test_an_entry_that_is_filtered_out_is_a_cursor() -> None:
    places: dict[str, Place] = {name: (-SECOND[name], name) for name in NAMES}
    asked = PageQuery(after="elk")
    found = listed(places, asked, ends=PageEnds(), listing="x", hidden=frozenset({"elk", "cow"}))
    assert found == (["bee", "dog", "ant"], False)


def test_places_are_remembered_for_each_listing_and_the_oldest_forgotten() -> None:
    ends = PageEnds(limit=2)
    for number, name in enumerate(["ant", "bee", "ant", "cow"]):
        ends.note("x", name, (-number, name))
    assert ends.find("x", "ant") == (-2, "ant")
    for listing, name in (("x", "bee"), ("y", "ant")):
        with pytest.raises(Problem):
            ends.find(listing, name)


def test_a_page_names_its_ends() -> None:
    assert page([], more=False) == {"object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False}
    entries = [{"id": name} for name in NAMES]
    assert (page(entries, more=True)["first_id"], page(entries, more=True)["last_id"]) == ("ant", "gnu")
