"""What readers share in a process: only of the newest revision, and bounded."""

from __future__ import annotations

import numpy as np
import pytest

import ragkit
from ragkit import Document
from ragkit.store.postgres.reading import kept as module
from ragkit.store.postgres.reading.kept import Kept
from ragkit.testing import HashEmbedder


def ids(*numbers: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array(numbers, dtype=np.int64)


def test_selections_are_those_of_the_newest_revision() -> None:
    kept = Kept()
    kept.keep_selection(4, "a", ids(1, 2))
    assert kept.selection(4, "a") is not None
    assert kept.selection(4, "b") is kept.selection(3, "a") is kept.selection(5, "a") is None
    kept.keep_selection(3, "a", ids(9))
    assert kept.selection(3, "a") is None
    kept.keep_selection(5, "b", ids(3))
    assert kept.selection(4, "a") is kept.selection(5, "a") is None


def test_the_oldest_selections_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SELECTION_BYTES", 40)
    kept = Kept()
    for name in "abc":
        kept.keep_selection(1, name * 4, ids(1, 2))
    assert [kept.selection(1, name * 4) is not None for name in "abc"] == [False, True, True]
    kept.keep_selection(1, "d" * 100, ids())
    assert kept.selection(1, "d" * 100) is None


def test_a_filter_is_answered_for_each_commit(postgres: str) -> None:
    with (
        ragkit.open(postgres, embedder=HashEmbedder()) as writing,
        ragkit.open(postgres, embedder=HashEmbedder()) as asked,
    ):

        def put(number: int, team: str) -> None:
            text = f"The pump of number {number} needs oil."
            writing.add(Document.from_text(f"{number}.md", text, metadata={"team": team}))

        def found(team: str) -> set[str]:
            return {hit.source for hit in asked.search("pump", where={"type": "eq", "key": "team", "value": team})}

        put(1, "a")
        put(2, "b")
        for _ in range(2):
            assert [found(team) for team in "abc"] == [{"1.md"}, {"2.md"}, set()]
        put(2, "a")
        assert [found(team) for team in "ab"] == [{"1.md", "2.md"}, set()]
