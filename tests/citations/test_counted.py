"""Numbers that count nothing ("Resolv 9", "no one"), members of series ("Tuesday"), and bounds in words."""

from __future__ import annotations

import pytest

from ragkit.citations.amounts.counted import named_numbers
from ragkit.citations.quantities import comparisons
from ragkit.citations.support import Passage

HANDBOOK = """The Ferrant 40 is a tile saw for indoor work.

The blade is changed within an hour by one person. The tank holds 6 litres of water and is filled every morning on
Tuesdays. Filters are replaced once a month. Up to four blades are delivered with the saw.

Stage 2 of the course is held in the first week of spring. Nobody may use the saw without gloves.
"""
RIGHT = {
    "With the Ferrant 40, the tank holds 6 litres of water.": "the number of a name that only the opening has",
    "The blade of the saw is changed within one hour by one person.": "an article, said as a number",
    "Filters are replaced every month.": "a period in another form",
    "The Ferrant 40 is a tile saw for indoor work.": "word for word",
}
WRONG = {
    "With the Ferrant 50, the tank holds 6 litres of water.": "the number of another name",
    "The blade is changed within one day by one person.": "another period after an article",
    "The tank is filled every evening on Tuesdays.": "another part of the day",
    "The tank is filled every morning on Thursdays.": "another weekday",
    "Filters are replaced once a year.": "another period",
    "At least four blades are delivered with the saw.": "another bound, in words",
    "Stage 2 of the course is held in the first week of autumn.": "another season",
    "Stage 2 of the course is held in the last week of spring.": "another place in order",
    "Stage 3 of the course is held in the first week of spring.": "another label",
}


@pytest.mark.parametrize("statement", RIGHT)
def test_numbers_of_names_and_articles_are_no_amounts(statement: str) -> None:
    support = Passage(HANDBOOK).support(statement)
    assert support.supported, support.reason


@pytest.mark.parametrize("statement", WRONG)
def test_another_name_number_or_member_of_a_series_is_not_supported(statement: str) -> None:
    assert not Passage(HANDBOOK).support(statement).supported, WRONG[statement]


def test_a_word_with_several_numbers_tells_things_apart() -> None:
    text = "Line 3 ends at the harbour. Line 5 ends at the mill. Gate 7 is closed. Pipes cost 12 euros."
    assert named_numbers(text, language="en") == {("gate", "7")}


def test_a_statement_about_another_version_needs_its_own_sentence() -> None:
    text = "Version 3 keeps logs for ten days. Version 4 keeps logs for twenty days."
    assert not Passage(text).support("Version 4 keeps logs for ten days.").supported
    assert Passage(text).support("Version 4 keeps its logs for twenty days.").supported


@pytest.mark.parametrize(
    ("text", "bound", "number"),
    [
        ("more than three rooms", "over", "3"),
        ("at least one signature", "min", "1"),
        ("no more than twelve guests", "max", "12"),
        ("mindestens zwei Tage", "min", "2"),
    ],
)
def test_bounds_in_words(text: str, bound: str, number: str) -> None:
    assert [(item.bound, item.number) for item in comparisons(text)] == [(bound, number)]


NOTICE = """Parental leave can be split into at
most four parts, and pumps need firmware 3.10. Deliveries take no
more than 3 days.

At least 5 people must take part, and 12 seats or fewer are free. The fee is 5.50 euros.
"""


@pytest.mark.parametrize(
    ("statement", "verdict"),
    [
        ("Parental leave can be split into more than four parts.", "contradicted"),  # the bound is over a line break
        ("Parental leave can be split into four parts or more.", "contradicted"),
        ("Parental leave can be split into exactly four parts.", "contradicted"),
        ("Parental leave can be split into up to four parts.", "supported"),
        ("Deliveries take 3+ days.", "contradicted"),
        ("Deliveries take at most 3 days.", "supported"),
        ("5 people or fewer must take part.", "contradicted"),
        ("5 or more people must take part.", "supported"),
        ("At least 12 seats are free.", "contradicted"),
        ("Up to 12 seats are free.", "supported"),
        ("Pumps need firmware 3.1.", "contradicted"),
        ("The fee is 5.5 euros.", "supported"),
    ],
)
def test_bounds_behind_numbers_over_line_breaks_and_zeros_of_versions(statement: str, verdict: str) -> None:
    support = Passage(NOTICE).support(statement)
    assert support.verdict == verdict, support.reason
