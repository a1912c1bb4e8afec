"""Other days, swapped sides, opposites and wider scope; a statement about something else is no contradiction."""

from __future__ import annotations

import pytest

from ragkit.citations.support import Passage

NOTES = """Boat house

The boat house is open on weekdays from 9:00 to 18:00. The slipway is used from April to September. Grades 5 to 7 row
on Wednesdays.

Keel 3.2 replaced keel 3.1. The winch depends on the pump. The long jetty is wider than the short jetty. Mr Okafor
reports to Ms Lind.

Damaged oars are repaired within five working days. We lend boats within the Baltic Sea. Most rowers train in pairs.
Mooring fees were raised by the harbour board. Fishing is allowed from the pier. Wetsuits are included in the hire.
"""


@pytest.mark.parametrize(
    "statement",
    [
        "The boat house is open on Thursday.",
        "The boat house is open at 11:30.",
        "The slipway is used in July.",
        "Grade 6 rows on Wednesdays.",
        "Keel 3.1 was replaced by keel 3.2.",
        "The short jetty is narrower than the long jetty.",
        "Fishing is not forbidden from the pier.",
        "Damaged oars are repaired within five working days.",
    ],
)
def test_members_of_a_range_converses_and_denied_opposites_are_supported(statement: str) -> None:
    found = Passage(NOTES).support(statement)
    assert found.supported, found


@pytest.mark.parametrize(
    "statement",
    [
        "The boat house is open every day.",
        "The boat house is open on Saturdays.",
        "The boat house is open around the clock from 9:00 to 18:00.",
        "The slipway is used in December.",
        "Keel 3.1 replaced keel 3.2.",
        "Keel 3.2 was replaced by keel 3.1.",
        "The pump depends on the winch.",
        "The short jetty is wider than the long jetty.",
        "Ms Lind reports to Mr Okafor.",
        "Mooring fees were cut by the harbour board.",
        "Fishing is forbidden from the pier.",
        "Wetsuits are excluded from the hire.",
    ],
)
def test_another_day_the_other_side_and_the_opposite_are_contradicted(statement: str) -> None:
    found = Passage(NOTES).support(statement)
    assert found.verdict == "contradicted", found


@pytest.mark.parametrize(
    "statement",
    [
        "Damaged oars are repaired within five days.",
        "We lend boats worldwide.",
        "All rowers train in pairs.",
        "Grade 9 rows on Wednesdays in the gym.",
        "The boat house is closed on Sundays.",
    ],
)
def test_wider_scope_and_what_is_left_open_are_not_supported(statement: str) -> None:
    assert not Passage(NOTES).support(statement).supported


@pytest.mark.parametrize(
    "statement",
    [
        "The café by the lake has 40 seats and was opened in 1998.",
        "Ms Torvald trains the juniors, but she does not go to regattas.",
        "A sail costs 120 euros when it is bought from the shop in Malmö.",
    ],
)
def test_a_statement_about_another_subject_is_unclear(statement: str) -> None:
    assert Passage(NOTES).support(statement).verdict == "unclear"
