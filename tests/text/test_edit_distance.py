"""Edit distances: one for a letter left out, added, replaced or swapped with its neighbour; bounded by a limit."""

from __future__ import annotations

import pytest

from ragkit.text.edit_distance import edit_distance


@pytest.mark.parametrize(
    ("left", "right", "distance"),
    [
        ("ferry", "ferry", 0),
        ("ferry", "fery", 1),
        ("ferry", "ferrys", 1),
        ("ferry", "berry", 1),
        ("ferry", "efrry", 1),
        ("harbour", "habrou", 2),
        ("naïve", "naive", 1),
        ("", "ab", 2),
        ("timetable", "vegetable", 3),
        ("ferry", "lighthouse", 4),
        ("quay", "dock", 4),
    ],
)
def test_edits_are_counted_up_to_one_more_than_the_limit(left: str, right: str, distance: int) -> None:
    assert edit_distance(left, right, limit=3) == distance
    assert edit_distance(right, left, limit=3) == distance
    assert edit_distance(left, right, limit=1) == min(distance, 2)
