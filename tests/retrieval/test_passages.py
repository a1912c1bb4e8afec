"""Neighbouring chunks become one passage, and no text comes back twice."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.retrieval.passages import GAP_LIMIT, MERGE_LIMIT, Ranked, passages, to_hits
from ragkit.store.rows import ChunkRow
from tests.support.store_fakes import cut, new_store, writing


def row(ordinal: int, *, document: int = 1, gap: int = 1) -> ChunkRow:
    start = ordinal * (10 + gap)
    return ChunkRow(document * 100 + ordinal, document, ordinal, start, start + 10, "x" * 10, "", "", None, None, 3)


def ranked(*rows: ChunkRow) -> list[Ranked]:
    return [Ranked(item, 1 - at / 100, {}) for at, item in enumerate(rows)]


def ordinals(found: object) -> list[list[int]]:
    assert isinstance(found, list)
    return [[item.ordinal for item in passage.rows] for passage in found]


def test_neighbours_join_on_both_sides_in_text_order() -> None:
    assert ordinals(passages(ranked(row(5), row(7), row(6), row(4)), k=5, merge=True)) == [[4, 5, 6], [7]]
    assert ordinals(passages(ranked(row(5), row(6), row(4)), k=5, merge=True)) == [[4, 5, 6]]


def test_what_does_not_adjoin_stays_apart() -> None:
    assert ordinals(passages(ranked(row(1), row(3)), k=5, merge=True)) == [[1], [3]]
    assert ordinals(passages(ranked(row(1), row(2, document=2)), k=5, merge=True)) == [[1], [2]]
    far = GAP_LIMIT + 1
    assert ordinals(passages(ranked(row(1, gap=far), row(2, gap=far)), k=5, merge=True)) == [[1], [2]]
    assert ordinals(passages(ranked(row(1), row(2)), k=5, merge=False)) == [[1], [2]]


def test_a_passage_has_a_longest_length() -> None:
    found = passages(ranked(*(row(at) for at in range(10))), k=9, merge=True)
    assert max(map(len, ordinals(found))) == MERGE_LIMIT


def test_places_that_joined_chunks_leave_free_are_filled_from_the_chunks_that_come_next() -> None:
    assert ordinals(passages(ranked(row(1), row(5), row(9), row(2)), k=3, merge=True)) == [[1], [5], [9]]
    assert ordinals(passages(ranked(row(1), row(2), row(5)), k=3, merge=True)) == [[1, 2], [5]]
    assert ordinals(passages(ranked(row(1), row(2), row(5), row(9)), k=3, merge=True)) == [[1, 2], [5], [9]]
    assert ordinals(passages(ranked(row(1), row(2), row(5), row(6), row(9)), k=3, merge=True)) == [[1, 2], [5, 6], [9]]
    assert ordinals(passages(ranked(row(1), row(2), row(5), row(9)), k=3, merge=False)) == [[1], [2], [5]]


@given(
    places=st.lists(st.tuples(st.integers(1, 3), st.integers(0, 8)), unique=True, max_size=20),
    k=st.integers(1, 6),
    merge=st.booleans(),
)
def test_no_chunk_is_in_two_passages(places: list[tuple[int, int]], k: int, merge: bool) -> None:
    found = passages(ranked(*(row(at, document=document) for document, at in places)), k=k, merge=merge)
    ids = [item.id for passage in found for item in passage.rows]
    assert len(ids) == len(set(ids))
    assert len(found) <= k
    assert len(ids) >= min(k, len(places))
    assert merge or len(ids) == min(k, len(places))
    for passage in found:
        numbers = [item.ordinal for item in passage.rows]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        assert passage.best.row in passage.rows
    scores = [passage.best.score for passage in found]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("paged", [True, False])
def test_hits_are_slices_of_the_document_with_its_pages(tmp_path: Path, paged: bool) -> None:
    item = cut("a.txt", ("first é", "second 😀", "third", "fourth"), paged=paged)
    with new_store(tmp_path) as store:
        with writing(store) as writer:
            item.put(writer)
        with store.read() as reader:
            rows = reader.chunks.of_document("a.txt")
            (hit, other) = to_hits(reader, ranked(rows[2], rows[1], rows[0]), k=3, merge=True) + to_hits(
                reader, ranked(rows[3]), k=1, merge=True
            )
    text = item.document.text
    assert hit.text == text[hit.start : hit.end] == "first é\nsecond 😀\nthird"
    assert other.text == text[other.start : other.end] == "fourth"
    assert (hit.page, hit.page_end) == ((1, 3) if paged else (None, None))
    assert (other.page, other.page_end) == ((4, 4) if paged else (None, None))
    assert len(hit.page_starts) == (2 if paged else 0)
    assert (hit.rank, hit.source, hit.score) == (1, "a.txt", 1.0)
