"""References of the source ("[1]", "[citation needed]") are no part of what it says, and no number of it."""

from __future__ import annotations

from pathlib import Path

import pytest

import ragkit
from ragkit import Document
from ragkit.citations.bare_text import without_references
from ragkit.testing import HashEmbedder

_TOWN = """# Ostheim

Ostheim has 4,120 inhabitants.[1] The town hall was built in 1912[2] and burned down in 1944.[2][3] Its market is held
every second Sunday. [citation needed] The river Elz is 12 km long [a] within the town.[4, 5]

| year | visitors |
| --- | --- |
| 2023 | 1,250[6] |
| 2024 | 1,410[7] |
"""


@pytest.mark.parametrize(
    ("statement", "verdicts"),
    [
        ("Ostheim has 4,120 inhabitants.", {"quoted"}),
        ("The town hall was built in 1912 and burned down in 1944.", {"quoted"}),
        ("The market of Ostheim is held every second Sunday.", {"supported"}),
        ("In 2024, there were 1,410 visitors.", {"supported"}),
        ("Ostheim has 4,121 inhabitants.", {"contradicted", "unclear"}),
        ("The town hall was built in 1944.", {"contradicted", "unclear"}),
        ("In 2024, there were 1,250 visitors.", {"contradicted", "unclear"}),
        ("In 2024, there were 7 visitors.", {"contradicted", "unclear"}),
    ],
)
def test_a_statement_is_checked_without_the_references_of_its_source(
    statement: str, verdicts: set[str], tmp_path: Path
) -> None:
    with ragkit.open(tmp_path / "data", embedder=HashEmbedder(16)) as kb:
        kb.add([Document.from_text("ostheim.md", _TOWN, media_type="text/markdown")])
        (sentence,) = kb.check(statement).sentences
    assert sentence.verdict in verdicts


def test_an_index_in_code_stays_and_offsets_are_kept() -> None:
    code = "Call rows[0] first, then rows[1] and x = values[2]"
    assert without_references(code) == code
    text = "It is new.[12] So is this[a], and 45%[b] of it."
    bare = without_references(text)
    assert len(bare) == len(text)
    assert bare.split() == ["It", "is", "new.", "So", "is", "this", ",", "and", "45%", "of", "it."]
