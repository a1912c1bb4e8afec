"""A value of another row is reported as such: the citation shows the row of the subject and its own value."""

from __future__ import annotations

import pytest

from ragkit.citations.support import Passage

PUMPS = """| Pump | Code | Flow | Warranty |
| --- | --- | --- | --- |
| Garden pump | GP-40 | 40 l/min | 2 years |
| Cellar pump | CP-75 | 75 l/min | 5 years |
| Well pump | WP-120 | 120 l/min | 3 years |
"""
LINES = "Opening hours\n\n- Library: 9 to 17\n- Pool: 7 to 21\n- Archive: 10 to 14\n"


@pytest.mark.parametrize(
    ("statement", "row", "reason"),
    [
        ("The flow of the CP-75 is 40 l/min.", "Cellar pump", "'75 l/min' is its Flow, not '40 l/min'"),
        ("The cellar pump has a warranty of 3 years.", "Cellar pump", "'5 years' is its Warranty, not '3 years'"),
        ("WP-120: warranty 2 years", "Well pump", "'3 years' is its Warranty, not '2 years'"),
    ],
)
def test_the_row_of_the_subject_is_shown(statement: str, row: str, reason: str) -> None:
    found = Passage(PUMPS).support(statement)
    assert (found.verdict, found.reason) == ("contradicted", reason)
    assert PUMPS[found.start : found.end].strip("| ").startswith(row)
    assert "Warranty" in found.header


def test_a_value_of_no_row_keeps_the_row_that_is_named() -> None:
    found = Passage(PUMPS).support("The warranty of the garden pump is 9 years.")
    assert found.verdict == "contradicted"
    assert "Garden pump" in PUMPS[found.start : found.end]


def test_lines_of_a_name_and_a_value_are_told_alike() -> None:
    found = Passage(LINES).support("The pool: 10 to 14")
    assert found.verdict == "contradicted"
    assert "Pool" in LINES[found.start : found.end]


def test_a_right_statement_is_as_before() -> None:
    found = Passage(PUMPS).support("The flow of the CP-75 is 75 l/min.")
    assert (found.verdict, found.reason) == ("supported", "")


FERRY = (
    "The night ferry sails at 22:40, and bicycles travel free of charge if they are booked by noon, on weekdays only."
)


@pytest.mark.parametrize(
    ("statement", "verdict"),
    [
        ("Bicycles travel free of charge.", "unclear"),
        ("Bicycles travel free of charge if they are booked by noon.", "supported"),
        ("The night ferry sails at 22:40.", "supported"),
    ],
)
def test_a_clause_without_its_condition_is_not_decided(statement: str, verdict: str) -> None:
    assert Passage(FERRY).support(statement).verdict == verdict


NOTES = "- New: the crane brake CB-7 is supported.\n- Moved: lifts stop after 20 seconds.\n- Reception: 9 to 17\n"


@pytest.mark.parametrize(
    ("statement", "verdict"),
    [
        ("The crane brake CB-7 is supported.", "supported"),  # a sentence behind a label has a subject of its own
        ("The opening hours are 9 to 17.", "contradicted"),  # whose?
    ],
)
def test_a_label_is_needed_where_its_value_is_no_sentence(statement: str, verdict: str) -> None:
    assert Passage(NOTES, "Opening hours and changes").support(statement).verdict == verdict


TARIFF = "| Code | Service | Price |\n| --- | --- | --- |\n| R-1 | Towing inside the harbour | 90 EUR |\n"


def test_a_row_that_says_the_opposite_does_not_support() -> None:
    assert Passage(TARIFF).support("Towing inside the harbour costs 90 EUR.").supported
    assert not Passage(TARIFF).support("Towing outside the harbour costs 90 EUR.").supported


def test_a_subject_that_stands_elsewhere_is_not_that_of_the_quote() -> None:
    text = "Stolen cards are blocked by the desk within 24 hours. Dealers are told within 72 hours."
    assert not Passage(text).support("Dealers block stolen cards within 24 hours.").supported
    assert Passage(text).support("Stolen cards are blocked within 24 hours.").supported
