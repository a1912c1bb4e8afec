"""The ids that filters select are kept: only those of the newest revision, and bounded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ragkit.store.pool import Selections
from tests.support.filters_for_commits import check_filter_after_commits


class Asked:
    """A store that counts how often it is asked."""

    def __init__(self, *ids: int) -> None:
        self.ids = ids
        self.times = 0

    def __call__(self) -> NDArray[np.int64]:
        self.times += 1
        return np.array(self.ids, dtype=np.int64)


def test_a_filter_is_asked_once_for_each_revision() -> None:
    selections, store = Selections(), Asked(1, 2)
    for _ in range(3):
        assert selections.select(4, "a = ?", [1], store).tolist() == [1, 2]
    assert store.times == 1
    selections.select(4, "a = ?", [2], store)
    selections.select(4, "b = ?", [1], store)
    selections.select(5, "a = ?", [1], store)
    assert store.times == 4


def test_a_reader_of_an_older_revision_gets_its_own_and_leaves_the_newer() -> None:
    selections, older, newer = Selections(), Asked(1), Asked(1, 2)
    selections.select(5, "a", [], newer)
    assert selections.select(4, "a", [], older).tolist() == [1]
    assert selections.select(5, "a", [], older).tolist() == [1, 2]


def test_the_oldest_are_dropped() -> None:
    selections, store = Selections(most_bytes=60), Asked(1, 2)
    for name in "abc":
        selections.select(1, name * 4, [], store)
    selections.select(1, "cccc", [], store)
    selections.select(1, "bbbb", [], store)
    assert store.times == 3
    selections.select(1, "aaaa", [], store)
    assert store.times == 4
    for _ in range(2):
        selections.select(1, "d" * 100, [], store)
    assert store.times == 6


def test_what_is_shared_cannot_be_changed() -> None:
    found = Selections().select(1, "a", [], Asked(3))
    with pytest.raises(ValueError, match="read-only"):
        found[0] = 4


def test_a_filter_is_answered_for_each_commit(tmp_path: Path) -> None:
    check_filter_after_commits(tmp_path)
