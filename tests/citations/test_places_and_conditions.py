"""Statements about things in a series with brackets, other conditions, ranges of codes, destinations."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from ragkit.citations.support import Passage

HARBOUR = """Harbour rules

We run ferries from Lysekil (freight), Marstrand (passengers) and Smögen (night boats).

Berths: Small (up to 8 metres), Medium (up to 12 metres) and Large (up to 20 metres).

During the winter season, a berth costs 40 euros a week. After that a berth costs 90 euros a week.

If the tank was emptied on shore, washing is free of charge. Otherwise washing costs 25 euros.

Alarms from K-300 up are answered by the harbour master. Alarms below K-100 are only logged.

The skipper brings the logbook to the customs house in Lysekil. Fuel is delivered to the pier.

| Item | Price | Delivery | Note |
| --- | --- | --- | --- |
| Shore power cable | 85.00 | 12 days | needs plug type B |
| Mooring rope | 30.00 | 3 days | a pair |
"""
RIGHT = (
    "The ferries from Lysekil carry freight.",
    "Passengers take the ferries from Marstrand.",
    "Lysekil is for freight and Marstrand for passengers.",
    "A large berth is up to 20 metres.",
    "During the winter season a berth costs 40 euros a week.",
    "After the winter season a berth costs 90 euros a week.",
    "Washing is free of charge if the tank was emptied on shore.",
    "Alarms from K-300 up are answered by the harbour master.",
    "Alarm K-350 is answered by the harbour master.",
    "The skipper brings the logbook to the customs house.",
    "Fuel is delivered to the pier.",
    "The shore power cable needs plug type B.",
)
WRONG = {
    "Freight ferries run from Smögen.": "the bracket of another member",
    "Night boats run from Marstrand.": "the bracket of a later member",
    "A small berth is up to 20 metres.": "the value in the bracket of another member",
    "During the winter season a berth costs 90 euros a week.": "the value for what comes after the condition",
    "Washing costs 25 euros if the tank was emptied on shore.": "the value for all but the condition",
    "Alarms below K-300 are answered by the harbour master.": "the other side of a bound of codes",
    "Alarms from K-100 up are only logged.": "the other side of an upper bound of codes",
    "Alarm K-250 is answered by the harbour master.": "a code outside of the range",
    "The skipper brings the logbook to the pier.": "another destination",
    "Fuel is delivered to the customs house.": "the destination of something else",
}


LIBRARY = """Library guide

Our branches are Westgate (children's books), Millbrook (newspapers and maps) and Harrow Lane (music).

Cards: Junior (5 loans), Adult (15 loans), Senior (25 loans).

Books are lent for four weeks. During the summer holidays they are lent for eight weeks. Afterwards the usual four
weeks apply again.

If a reservation is collected within five days, nothing is charged. Otherwise a fee of 2 euros is due.

For the first hour parking is free of charge; after that it costs 3 euros an hour.

Shelf marks from B-700 upwards are in the cellar, and shelf marks up to B-250 are on the ground floor.

Readers return books to the desk in the entrance hall. Lost cards are reported to the office.
Donations are brought to the loading bay.

Printing is possible without charge for members.

| Room | Seats | Opens | Notes |
| Blue room | 12 | 09:00 | needs a booking |
| Garden room | 30 | 10:00 | 2 days in advance |
"""
RIGHT_OF_LIBRARY = (
    "Westgate has the children's books.",
    "Newspapers and maps are in Millbrook.",
    "Music is in Harrow Lane.",
    "An adult card allows 15 loans.",
    "During the summer holidays books are lent for eight weeks.",
    "Parking is free of charge for the first hour.",
    "After the first hour, parking costs 3 euros an hour.",
    "Shelf marks from B-700 upwards are in the cellar.",
    "Shelf mark B-710 is in the cellar.",
    "Shelf marks up to B-250 are on the ground floor.",
    "Shelf marks from B-800 up are in the cellar.",
    "Shelf marks below B-200 are on the ground floor.",
    "Books are returned to the desk.",
    "Donations are brought to the loading bay.",
    "Lost cards are reported to the office.",
    "Members can print without charge.",
    "The blue room has 12 seats.",
    "The blue room needs a booking.",
    "The Garden room opens at 10:00.",
)
WRONG_OF_LIBRARY = (
    "Westgate has the newspapers.",
    "Music is in Millbrook.",
    "The children's books are in Harrow Lane.",
    "A junior card allows 25 loans.",
    "A senior card allows 15 loans.",
    "If a reservation is collected within five days, a fee of 2 euros is due.",
    "For the first hour parking costs 3 euros.",
    "Shelf marks below B-700 are in the cellar.",
    "Shelf mark B-410 is in the cellar.",
    "Shelf marks above B-250 are on the ground floor.",
    "Shelf mark B-260 is on the ground floor.",
    "Readers return books to the office.",
    "Donations are brought to the desk.",
    "Lost cards are reported to the loading bay.",
    "Members pay for printing.",
    "Members are charged for printing.",
    "The blue room has 30 seats.",
)


def _cases(harbour: Iterable[str], library: Iterable[str]) -> list[tuple[str, str]]:
    return [*((HARBOUR, statement) for statement in harbour), *((LIBRARY, statement) for statement in library)]


@pytest.mark.parametrize(("text", "statement"), _cases(RIGHT, RIGHT_OF_LIBRARY))
def test_what_the_rules_say_is_supported(text: str, statement: str) -> None:
    support = Passage(text).support(statement)
    assert support.supported, support


@pytest.mark.parametrize(("text", "statement"), _cases(WRONG, WRONG_OF_LIBRARY))
def test_what_the_rules_say_of_another_place_or_case_is_not_supported(text: str, statement: str) -> None:
    support = Passage(text).support(statement)
    assert not support.supported, (WRONG.get(statement, ""), text[support.start : support.end])
