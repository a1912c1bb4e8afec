"""Clauses that leave out their verb, what follows a preposition, and how often something happens."""

from __future__ import annotations

import pytest

from ragkit.citations.clauses.split import clauses
from ragkit.citations.support import Passage


@pytest.mark.parametrize(
    ("sentence", "parts"),
    [
        (
            "The mill in Ash Lane opens on Tuesdays and the mill in Elm Lane on Fridays.",
            ["The mill in Ash Lane opens on Tuesdays", "the mill in Elm Lane opens on Fridays."],
        ),
        ("Crane A lifts at 12 m and crane B at 20 m.", ["Crane A lifts at 12 m", "crane B lifts at 20 m."]),
        ("It needs three eggs and two onions.", ["It needs three eggs and two onions."]),
        (
            "The owner, Ada Kern, signs leases, while the agent, Rolf Bly, collects keys.",
            ["The owner, Ada Kern, signs leases", "the agent, Rolf Bly, collects keys."],
        ),
        ("The shop sells maps, but not stamps.", ["The shop sells maps", "The shop not sells stamps."]),
    ],
)
def test_a_clause_has_what_it_leaves_out(sentence: str, parts: list[str]) -> None:
    assert [clause.text for clause in clauses(sentence)] == parts


RULES = """\
The mill in Ash Lane opens on Tuesdays and the mill in Elm Lane on Fridays.

The owner, Ada Kern, signs leases, while the agent, Rolf Bly, collects keys.

The shop sells maps, but not stamps. Millers need a licence in handling of grain.

The stones are dressed every quarter. Pumps are turned on in May and turned off in October.
"""


@pytest.mark.parametrize(
    ("statement", "right"),
    [
        ("The mill in Elm Lane opens on Fridays.", True),
        ("The mill in Elm Lane opens on Tuesdays.", False),
        ("Ada Kern signs leases.", True),
        ("Rolf Bly signs leases.", False),
        ("The agent is Ada Kern.", False),
        ("The shop sells maps.", True),
        ("The shop sells stamps.", False),
        ("The shop does not sell maps.", False),
        ("Millers need a licence in handling of grain.", True),
        ("Millers need a licence in welding.", False),
        ("The stones are dressed every quarter.", True),
        ("The stones are dressed every month.", False),
        ("Pumps are turned off in October.", True),
        ("Pumps are turned off in May.", False),
    ],
)
def test_parts_of_two_clauses_are_not_mixed(statement: str, right: bool) -> None:
    assert Passage(RULES, "The mills").support(statement).supported is right
