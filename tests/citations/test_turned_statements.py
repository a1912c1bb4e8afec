"""Statements that change one word, one part or one source of what documents say."""

from __future__ import annotations

import pytest

from ragkit.citations.meaning.synonyms import are_synonyms
from ragkit.citations.sources import Sources
from ragkit.citations.support import Passage
from ragkit.types.hits import Hit
from tests.support.prompt_fakes import make_hit

RULES = """Pool rules

Guests may bring unsealed food. The pool is open to members until 22:00, and to guests until 20:00.

A locker costs 3 euros a day, and 15 euros for keys that are lost. A lesson takes 45 minutes and is followed by 10
minutes of rest.

Children under six swim for nothing. Dogs are not admitted, except guide dogs. Towels can be hired, but robes cannot.

The first two visits are a trial with no fee. After that a visit costs 6 euros.

Sauna

The sauna is heated every 3 hours. It closes when any of the lamps is broken. Renting is possible inside the building.
"""
RIGHT = (
    "A locker costs 3 euros a day.",
    "The pool is open to guests until 20:00.",
    "A lesson takes 45 minutes.",
    "Towels can be hired.",
    "After the first two visits, a visit costs 6 euros.",
    "The sauna is heated every 3 hours.",
)
WRONG = {
    "Guests may bring sealed food.": "a prefix turned round",
    "The pool is open to guests until 22:00.": "the value of another part",
    "A locker costs 3 euros a month.": "another period",
    "A locker costs 15 euros a day.": "the value of a later part without its words",
    "A lesson takes 10 minutes.": "the value of another verb",
    "Dogs are admitted.": "a denial left out",
    "Robes can be hired.": "what a contrast denies",
    "Guide dogs are not admitted.": "the exception said as the rule",
    "The sauna is heated every 45 minutes.": "another interval",
    "The sauna closes when all of the lamps are broken.": "all for any",
    "Renting is possible outside the building.": "a relation turned round",
}


@pytest.mark.parametrize("statement", RIGHT)
def test_what_the_rules_say_is_supported(statement: str) -> None:
    support = Passage(RULES).support(statement)
    assert support.supported, support


@pytest.mark.parametrize("statement", WRONG)
def test_one_changed_word_is_not_supported(statement: str) -> None:
    support = Passage(RULES).support(statement)
    assert not support.supported, (WRONG[statement], RULES[support.start : support.end])


def _hits(*texts: str) -> list[Hit]:
    return [make_hit(text, source=f"{number}.md") for number, text in enumerate(texts, 1)]


def test_a_passage_that_says_otherwise_in_more_words_counts_against_one_with_fewer() -> None:
    hits = _hits(
        "The deposit for rented tents is 80 euros and is paid at the desk.",
        "Last year the deposit was raised to 50 euros.",
    )
    found = Sources(hits).best("The deposit for rented tents is 50 euros.")
    assert found is not None
    assert not found.supported
    right = Sources(hits).best("The deposit for rented tents is 80 euros.")
    assert right is not None
    assert right.supported
    assert right.number == 1


def test_a_word_of_another_passage_in_the_place_of_one_is_not_supported() -> None:
    hits = _hits("Canoes must be returned before sunset.", "Kayaks may be kept overnight.")
    swapped = Sources(hits).best("Kayaks must be returned before sunset.")
    assert swapped is not None
    assert not swapped.supported
    alone = Sources(hits[:1]).best("Canoes must be returned before sunset.")
    assert alone is not None
    assert alone.supported


def test_the_value_of_a_list_belongs_to_its_own_name() -> None:
    crew = "- Editor: Ana Prieto\n- Photographs: Ben Ohara\n- Layout: Ana Prieto"
    assert Passage(crew).support("The photographs are by Ben Ohara.").supported
    assert not Passage(crew).support("The translator is Ben Ohara.").supported


def test_below_a_title_in_the_passage_the_version_of_the_one_before_does_not_hold() -> None:
    notes = "2.5.0\n\n- New: dark mode.\n\n2.4.0\n\n- New: export of charts."
    passage = Passage(notes, first="Release notes › 2.5.0")
    assert passage.support("Dark mode came with 2.5.0.").supported
    assert not passage.support("Export of charts came with 2.5.0.").supported


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [("final", "last", True), ("told", "informed", False), ("fees", "charges", True), ("laptop", "badge", False)],
)
def test_synonyms(one: str, other: str, *, same: bool) -> None:
    assert are_synonyms(one, other) is same
