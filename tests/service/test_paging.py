"""Pages of a listing: each entry once, in either order, forwards and backwards, also while entries are deleted."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Any

import pytest

from ragkit_service.routes.openai.paging import page, window
from ragkit_service.schemas.openai.pages import PageQuery

NAMES = ["ant", "bee", "cow", "dog", "elk", "fox", "gnu"]


def listed(names: list[str], limit: int, *, ascending: bool = True, **query: Any) -> tuple[list[str], bool]:
    """Return a page of names; the listing's own order is that of the names, or the opposite."""
    own = sorted(names, reverse=not ascending)

    def place(name: str) -> tuple[int, int]:
        if ascending:
            return bisect_left(own, name), bisect_right(own, name)
        after = len(own) - bisect_left(sorted(names), name)
        return len(own) - bisect_right(sorted(names), name), after

    part = window(len(own), PageQuery(**query), limit=limit, ascending=ascending, place=place)
    return part.arranged(own[part.start : part.end]), part.more


@pytest.mark.parametrize("limit", [1, 2, 3, 6, 7, 8])
@pytest.mark.parametrize("order", ["asc", "desc", None])
@pytest.mark.parametrize("ascending", [True, False])
def test_a_walk_forwards_and_back_sees_each_entry_once(limit: int, order: str | None, ascending: bool) -> None:
    expected = sorted(NAMES, reverse=(order or ("asc" if ascending else "desc")) == "desc")
    seen, more = listed(NAMES, limit, ascending=ascending, order=order)
    while more:
        names, more = listed(NAMES, limit, ascending=ascending, order=order, after=seen[-1])
        assert len(names) == limit or not more
        seen += names
    assert seen == expected

    back, more = [expected[-1]], True
    while more:
        names, more = listed(NAMES, limit, ascending=ascending, order=order, before=back[0])
        back = [*names, *back]
    assert back == expected


def test_both_cursors_bound_a_page() -> None:
    assert listed(NAMES, 10, after="bee", before="fox") == (["cow", "dog", "elk"], False)
    assert listed(NAMES, 2, after="bee", before="fox") == (["cow", "dog"], True)
    assert listed(NAMES, 10, after="fox", before="bee", order="desc") == (["elk", "dog", "cow"], False)
    assert listed(NAMES, 10, after="fox", before="bee") == ([], False)


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_who_deletes_what_is_listed_reaches_the_end(order: str) -> None:
    left, cursor, deleted = list(NAMES), "", []
    while True:
        names, more = listed(left, 2, order=order, after=cursor)
        deleted += names
        left = [name for name in left if name not in names]
        if not more:
            break
        cursor = names[-1]
    assert (sorted(deleted), left) == (NAMES, [])


def test_a_page_names_its_ends() -> None:
    assert page([], more=False) == {"object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False}
    entries = [{"id": name} for name in NAMES]
    assert (page(entries, more=True)["first_id"], page(entries, more=True)["last_id"]) == ("ant", "gnu")
