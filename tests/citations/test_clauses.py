"""Statements that join what different clauses, sentences, items or columns say of different things."""

from __future__ import annotations

import pytest

from ragkit.citations.clauses.split import clauses
from ragkit.citations.meaning.notations import as_noted
from ragkit.citations.support import Passage

FERRY = """Ferry Line 7

The purser sells the tickets; the mate loads the cars. The jury praised the blue ferry and criticised the red one.
Cyclists board at the bow and leave at the stern. Bikes are not carried, but folding bikes are welcome.
Lifejackets are required; a helmet is not needed. A pass of five trips is valid for nine weeks.
Cabins may be booked by travellers who hold a pass. Nobody may smoke on board, except on the open deck.
Deck A holds 40 cars, Deck B holds 25.

Children under 5: free

Cars up to 4 metres: 30 euros a crossing
"""
RIGHT = (
    "The mate loads the cars.",
    "The jury criticised the red ferry.",
    "Folding bikes are welcome.",
    "No helmet is required.",
    "A pass of five trips is valid for 9 weeks.",
    "Cabins can be booked by travellers who hold a pass.",
    "Smoking is allowed on the open deck.",
    "Deck B holds 25 cars.",
    "Children under 5 are free.",
)
WRONG = {
    "The mate sells the tickets.": "the subject of another clause",
    "The jury praised the red ferry.": "the verb of another clause",
    "Cyclists board at the stern.": "the place of another verb",
    "Bikes are welcome.": "the subject of another clause, without its adjective",
    "Folding bikes are not carried.": "the denial of another clause",
    "A helmet is required.": "the denial is left out",
    "Lifejackets are not needed.": "the denial of another clause",
    "A pass of nine trips is valid for five weeks.": "numbers of other nouns",
    "Cabins can be booked by all travellers.": "a restriction is left out",
    "Smoking is allowed on board.": "the exception is taken for the rule",
    "Deck A holds 25 cars.": "the number of another label",
    "Deck C holds 40 cars.": "another label",
}


@pytest.mark.parametrize("statement", RIGHT)
def test_statement_of_one_clause(statement: str) -> None:
    """A statement that repeats one clause of a sentence is supported."""
    found = Passage(FERRY).support(statement)
    assert found.supported, found


@pytest.mark.parametrize("statement", WRONG)
def test_statement_joined_of_two_clauses(statement: str) -> None:
    """A statement that joins two clauses, or leaves out what restricts one, is not supported."""
    assert not Passage(FERRY).support(statement).supported, WRONG[statement]


def test_clauses_share_subject_label_and_adverbial() -> None:
    """A clause has the subject of the one before it; the label and the adverbial at the beginning hold for both."""
    found = clauses("Trams: in winter, the driver checks the doors and heats the cabin.")
    assert [clause.text for clause in found] == [
        "Trams: in winter, the driver checks the doors",
        "Trams: in winter, the driver heats the cabin.",
    ]
    assert {clause.subject for clause in found} == {"the driver"}


@pytest.mark.parametrize(
    "sentence",
    [
        "The salt, the sugar and the flour are weighed.",
        "Trains that leave at night and arrive in the morning have beds.",
        "The fee is up to 10 euros, but no more than 50 euros a year.",
    ],
)
def test_lists_and_relative_clauses_are_not_split(sentence: str) -> None:
    """Nouns, relative clauses and additions without a verb of their own stay with their clause."""
    assert len(clauses(sentence)) == 1


def test_respectively_pairs_two_series() -> None:
    """Each member of the first series goes with the member of the second at the same place."""
    passage = Passage("Ann and Ben play the harp and the drum respectively.")
    assert passage.support("Ann plays the harp.").supported
    assert not passage.support("Ann plays the drum.").supported


CHANGES = """2.6.0 (2026-04-09)

- The cache holds 64 pages (was 16).
- Support for tape drives is dropped.
"""


@pytest.mark.parametrize(
    ("statement", "right"),
    [
        ("The cache holds 64 pages since 2.6.0.", True),
        ("The cache holds 16 pages since 2.6.0.", False),
        ("Before 2.6.0 the cache held 64 pages.", False),
        ("Tape drives are no longer supported.", True),
        ("Tape drives are supported.", False),
        ("Version 2.6.0 was released on 9 April 2026.", True),
        ("Version 2.6.0 was released on 9 May 2026.", False),
    ],
)
def test_heading_and_former_value(statement: str, right: bool) -> None:
    """A version in a heading holds for its items; a value in a bracket with "was" is a former one."""
    assert Passage(CHANGES).support(statement).supported is right


TABLE = """Paint | Coverage (m²) > Wood | Coverage (m²) > Stone | Sealer
--- | --- | --- | ---
Gloss | 12 | 7 | none
Matt | 14 | 9 | yes
"""


@pytest.mark.parametrize(
    ("statement", "right"),
    [
        ("Gloss covers 7 m² of stone.", True),
        ("Gloss covers 7 m² of wood.", False),
        ("Gloss has no sealer.", True),
        ("Gloss has a sealer.", False),
        ("All paints have a sealer.", False),
    ],
)
def test_stacked_columns_and_empty_cells(statement: str, right: bool) -> None:
    """A column under stacked headings is named by the last of them; "none" denies its column."""
    assert Passage(TABLE).support(statement).supported is right


@pytest.mark.parametrize(
    ("statement", "source", "noted"),
    [
        ("It opens at 7:45.", "It opens at 7.45.", "It opens at 7.45."),
        ("It closes at 9 p.m. on Mondays.", "closes at 21:00", "It closes at 21:00 on Mondays."),
        ("Issued on March 5, 2024.", "1.2 (2024-03-05)", "Issued on 2024-03-05."),
        ("Stir it two times.", "Stir twice.", "Stir it twice."),
        ("Mix it 1:20.", "Mix it 1:20.", "Mix it 1:20."),
        ("It opens at 8:15.", "It opens at 8.50.", "It opens at 8:15."),
    ],
)
def test_notation_of_the_source(statement: str, source: str, noted: str) -> None:
    """Only what says the same is written as the source writes it."""
    assert as_noted(statement, source) == noted
