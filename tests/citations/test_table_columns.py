"""Values below another column than the named one, answers of yes and no, and lines of a name and its value."""

from __future__ import annotations

import pytest

from ragkit.citations.support import Passage

SHIPS = """\
| Ship | Crew (winter) | Crew (summer) | Speed empty (kn) | Speed laden (kn) | Sauna | Bar | Departure |
| --- | --- | --- | --- | --- | --- | --- | --- |
| Aurora | 41 | 58 | 19 | 16 | yes | no | 7:30-8:15 |
| Borealis | 33 | 47 | 22 | 18 | no | yes | 9:00-9:40 |
"""
EDITIONS = """\
| Function | Home | Studio | Archive |
| --- | --- | --- | --- |
| Tracks | 12 | 48 | 200 |
| Scripting | no | yes | yes |
"""
NOTES = """\
- Duty officer: Nadia Fell
- Harbour pilot: Capt. Owen Strand
- Radio channel: 14
- Berth of the tug: 3
"""
SHEET = """\
Model: KV-7
Weight: 310 g
Battery: 9 hours
"""


@pytest.mark.parametrize(
    ("statement", "right"),
    [
        ("The Aurora has a crew of 41 in winter.", True),
        ("The Aurora has a crew of 58 in winter.", False),
        ("In summer the crew of the Borealis is 33.", False),
        ("Laden, the Aurora makes 16 kn.", True),
        ("Laden, the Aurora makes 19 kn.", False),
        ("The Aurora makes 19 kn when empty and 16 kn when laden.", True),
        ("The Aurora makes 16 kn when empty and 19 kn when laden.", False),
    ],
)
def test_columns_that_share_words_are_told_apart(statement: str, right: bool) -> None:
    assert (Passage(SHIPS, "Ships").support(statement).verdict == "supported") is right


@pytest.mark.parametrize(
    ("statement", "right"),
    [
        ("The Aurora has a sauna.", True),
        ("The Aurora has no sauna.", False),
        ("The Borealis has a sauna.", False),
        ("The Aurora has a sauna but no bar.", True),
        ("The Borealis has a bar but no sauna.", True),
        ("The Aurora has a bar but no sauna.", False),
    ],
)
def test_a_yes_or_no_is_the_answer_of_its_own_column(statement: str, right: bool) -> None:
    assert (Passage(SHIPS, "Ships").support(statement).verdict == "supported") is right


@pytest.mark.parametrize(
    ("statement", "right"),
    [
        ("The Studio edition has 48 tracks.", True),
        ("The Home edition has 48 tracks.", False),
        ("The Home edition has scripting.", False),
        ("The Archive edition has scripting.", True),
    ],
)
def test_a_column_can_be_the_subject(statement: str, right: bool) -> None:
    assert (Passage(EDITIONS, "Editions").support(statement).verdict == "supported") is right


@pytest.mark.parametrize(
    ("statement", "right"),
    [
        ("The departure of the Aurora is from 7:30 to 8:15.", True),
        ("The departure of the Aurora is from 9:00 to 9:40.", False),
    ],
)
def test_the_ends_of_a_range_of_times_stand_for_themselves(statement: str, right: bool) -> None:
    assert (Passage(SHIPS, "Ships").support(statement).verdict == "supported") is right


@pytest.mark.parametrize(
    ("statement", "right"),
    [
        ("The duty officer is Nadia Fell.", True),
        ("The duty officer is Owen Strand.", False),
        ("Nadia Fell is the harbour pilot.", False),
        ("The radio channel is 14.", True),
        ("The radio channel is 3.", False),
    ],
)
def test_a_line_keeps_its_own_value(statement: str, right: bool) -> None:
    assert (Passage(NOTES, "Harbour").support(statement).verdict == "supported") is right


def test_a_first_line_says_what_the_others_are_about() -> None:
    sheet = Passage(SHEET, "Recorder")
    assert sheet.support("The KV-7 has a weight of 310 g.").verdict == "supported"
    assert sheet.support("The KV-8 has a weight of 310 g.").verdict != "supported"


@pytest.mark.parametrize(
    ("statement", "right"),
    [
        ("The draught must not exceed 4.2 m.", True),
        ("The draught must not be below 4.2 m.", False),
        ("The draught exceeds 4.2 m.", False),
    ],
)
def test_a_denied_bound_is_the_opposite_one(statement: str, right: bool) -> None:
    assert (
        Passage("Draught: at most 4.2 m\nLength: at most 30 m\n", "Limits").support(statement).verdict == "supported"
    ) is right
