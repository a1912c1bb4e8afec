"""Statements that say more than their source: of everyone, for a reason, by another agent, under other dates."""

from __future__ import annotations

import pytest

from ragkit.citations.support import Passage

ACCEPTED = (
    ("Parking in the yard is free of charge for tenants.", "Tenants do not pay for parking in the yard."),
    ("Delivery inside the city costs nothing.", "Delivery inside the city is free of charge."),
    ("The chapel was founded in 1820 and enlarged in 1890.", "The chapel was enlarged in 1890 and founded in 1820."),
    ("The rota is drawn up by the head nurse.", "The head nurse draws up the rota."),
    ("The trip was cancelled because of the storm.", "The trip was cancelled because of a storm."),
    ("All interns receive a badge.", "All interns receive a badge."),
    ("Every guest gets a towel.", "All guests get a towel."),
)
REFUSED = (
    ("The sauna is open to residents.", "The sauna is open to everyone."),
    ("The copper kettles need descaling.", "All kettles need descaling."),
    ("The north gate is locked; all other gates are open at night.", "All gates are open at night."),
    ("The rota is drawn up by the head nurse.", "The rota is drawn up by the personnel office."),
    ("The kiosk closed in May.", "The kiosk closed in May because the rent was too high."),
    ("Lost keys are replaced for 20 euros.", "Lost keys are replaced for 20 euros even if they were stolen."),
    ("The chapel was founded in 1820 and enlarged in 1890.", "The chapel was founded in 1890 and enlarged in 1820."),
    ("The fee was raised from 12 to 15 euros on 1 May.", "The fee is 12 euros from 1 May."),
    ("Trainees may drive the forklift after passing the test.", "Trainees may drive the forklift."),
)


@pytest.mark.parametrize(("source", "statement"), ACCEPTED)
def test_the_same_in_other_words_is_supported(source: str, statement: str) -> None:
    assert Passage(source).support(statement).supported


@pytest.mark.parametrize(("source", "statement"), REFUSED)
def test_what_says_more_than_its_source_is_refused(source: str, statement: str) -> None:
    assert not Passage(source).support(statement).supported


@pytest.mark.parametrize(
    ("source", "statement"),
    [
        ("The levy is waived for pensioners.", "Pensioners do not have to pay the levy."),
        ("Dogs are allowed in the garden except on the terrace.", "Dogs are not allowed on the terrace."),
        ("Strong cleaners should be avoided on the oak floor.", "Do not use strong cleaners on the oak floor."),
    ],
)
def test_a_denial_by_another_word_is_not_called_a_contradiction(source: str, statement: str) -> None:
    assert Passage(source).support(statement).verdict != "contradicted"
