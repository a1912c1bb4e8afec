"""What a filter selects while another handle of the collection commits: the same check for each store."""

from __future__ import annotations

from pathlib import Path

import ragkit
from ragkit import Document
from ragkit.testing import HashEmbedder


def check_filter_after_commits(address: str | Path) -> None:
    """Add, replace and remove documents in one handle, and filter in another one before and after each."""
    with (
        ragkit.open(address, embedder=HashEmbedder()) as writing,
        ragkit.open(address, embedder=HashEmbedder()) as asked,
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
        writing.remove("1.md")
        assert found("a") == {"2.md"}
