"""Statements that cross two clauses, widen a bound, add a reason, or say an amount in another unit."""

from __future__ import annotations

import pytest

from ragkit.citations.amounts.equal_amounts import with_equal_amounts
from ragkit.citations.support import Passage

BRIDGE = "The Kessel bridge was opened in 1931 and widened in 1974. It carries trams and lorries of up to 18 tonnes."
GYM = (
    "Showers are free for members, and visitors pay 3 euros. Lockers may be used for two hours. The sauna closes 45 "
    "minutes before the gym. The trainer draws up a plan within 48 hours. Music was turned down in the weights room."
)


@pytest.mark.parametrize(
    ("passage", "statement", "right"),
    [
        (BRIDGE, "The Kessel bridge was widened in 1974, and it was opened in 1931.", True),
        (BRIDGE, "The Kessel bridge was opened in 1974 and widened in 1931.", False),
        (BRIDGE, "It carries lorries of as much as 18 tonnes.", True),
        (BRIDGE, "It carries lorries of any weight.", False),
        (BRIDGE, "The Kessel bridge was widened in 1974 because of the heavy traffic from Ostheim.", False),
        (GYM, "Lockers may always be used.", False),
        (GYM, "The sauna closes three quarters of an hour before the gym.", False),  # not understood: no amount is "3"
        (GYM, "The trainer draws up a plan within two days.", True),
        (GYM, "The trainer draws up a plan within three days.", False),
        (GYM, "Music was turned down in the weights room due to complaints by neighbours.", False),
    ],
)
def test_statements_of_two_clauses_bounds_and_reasons(passage: str, statement: str, right: bool) -> None:
    assert Passage(passage).support(statement).supported is right


@pytest.mark.parametrize(
    ("statement", "source", "noted"),
    [
        ("It waits a minute and a half.", "after 90 s or 90 seconds", "It waits a minute and a half."),
        ("It takes a minute and a half.", "It takes 90 seconds.", "It takes 90 seconds."),
        ("The path is 2.5 km long.", "a path of 2,500 m", "The path is 2,500 m long."),
        ("Add half a litre.", "Add 500 ml of water.", "Add 500 ml."),
        ("It lasts 18 months.", "It lasts one and a half years.", "It lasts one and a half years."),
        ("It is due in 2 weeks.", "It is due in 10 days.", "It is due in 2 weeks."),
        ("Twice a day.", "every 24 hours", "Twice a day."),
        ("60 minutes or 3 hours", "60 minutes, that is an hour", "60 minutes or 3 hours"),
        ("5 M users", "5,000 km", "5 M users"),
    ],
)
def test_equal_amounts_are_written_as_the_source_writes_them(statement: str, source: str, noted: str) -> None:
    assert with_equal_amounts(statement, source) == noted


def test_a_denial_beside_an_exception_is_undecided() -> None:
    passage = Passage("Bicycles may be taken on all trains, except on the 7:12 to Bramley.")
    assert passage.support("Bicycles may not be taken on the 7:12 to Bramley.").verdict != "contradicted"
    plain = Passage("Bicycles may be taken on all trains to Bramley.")
    assert plain.support("Bicycles may not be taken on all trains to Bramley.").verdict == "contradicted"
