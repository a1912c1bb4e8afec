"""A value of before is no fact of today."""

from __future__ import annotations

import pytest

from ragkit import Document
from ragkit.knowledge.document_passages import check_against

TEXT = (
    "# Terms\n\nThe notice period was extended from 4 to 6 weeks in May. "
    "Parking costs 55 euros instead of 40 euros a month. "
    "The speed limit on site is no longer 30 km/h but 20 km/h. Der Zuschuss stieg von 80 auf 95 Euro. "
    "The office is open from 9 to 17 hours. The team grew from 12 people in 2024 to 19 people.\n"
)
FILE = Document.from_text("terms.md", TEXT, title="Terms")


def verdict(statement: str) -> str:
    return check_against(statement, [FILE]).sentences[0].verdict


@pytest.mark.parametrize(
    "statement",
    [
        "The notice period is 4 weeks.",
        "Parking costs 40 euros a month.",
        "The speed limit on site is 30 km/h.",
        "Der Zuschuss beträgt 80 Euro.",
        "The team has 12 people.",
    ],
)
def test_the_old_value_is_contradicted(statement: str) -> None:
    assert verdict(statement) == "contradicted"


@pytest.mark.parametrize(
    "statement",
    [
        "The notice period is 6 weeks.",
        "Parking costs 55 euros a month.",
        "The speed limit on site is 20 km/h.",
        "The notice period was extended from 4 to 6 weeks.",
        "The notice period was 4 weeks.",
        "The office opens at 9 hours.",
        "The team has 19 people.",
    ],
)
def test_the_new_value_and_the_change_itself_stand(statement: str) -> None:
    assert verdict(statement) in ("supported", "quoted")
