"""What readers share in a process is of the newest revision only."""

from __future__ import annotations

import ragkit
from ragkit import Document
from ragkit.testing import HashEmbedder


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
