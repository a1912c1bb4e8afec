"""Right statements about the sample documents are supported; twins that change one thing are not."""

from __future__ import annotations

import csv
import re
from functools import cache
from pathlib import Path

import pytest

from ragkit.citations.support import Passage

SAMPLES = Path(__file__).parents[2] / "sample_docs"


@cache
def text_of(name: str) -> str:
    path = SAMPLES / name
    if name.endswith(".csv"):
        with path.open(newline="", encoding="utf-8") as file:
            return "\n".join(" | ".join(row) for row in csv.reader(file))
    text = path.read_text(encoding="utf-8")
    if name.endswith(".html"):
        text = re.sub(r"</t[dh]>\s*<t[dh][^>]*>", " | ", text)
        text = re.sub(r"(?is)<(?:script|style|head).*?</(?:script|style|head)>", "", text)
        text = re.sub(r"</(?:tr|p|h\d|li|table)>", "\n\n", text).replace("</tr>\n\n", "\n")
        text = re.sub(r"<[^>]+>", "", text).replace("&nbsp;", " ")
        text = re.sub(r"\n\s*\n(?=[^\n]* \| )", "\n", text)
    return text


RIGHT = [
    ("price-list.csv", "The price of the HP-305 probe is 410.00 euros."),
    ("price-list.csv", "The turbidity probe HP-305 costs 410.00 EUR net."),
    ("price-list.csv", "HC-110 is a conductivity cell and costs 245.00."),
    ("price-list.csv", "The delivery time of the field case IP67 is 4 days."),
    ("price-list.csv", "The Aquila W2 Pro meter has a net price of 1,780 EUR."),
    ("travel-expenses.md", "The full day allowance for Portugal is 50 EUR."),
    ("travel-expenses.md", "In Germany, part of a day gives 16 EUR."),
    ("travel-expenses.md", "A hotel in London may cost up to 190 euros."),
    ("travel-expenses.md", "Finance pays on the 15th of each month."),
    ("travel-expenses.md", "Claims must be handed in within 30 days of the end of the trip."),
    ("security-policy.html", "Passwords have at least 14 characters."),
    ("security-policy.html", "Confidential data is kept for 3 years."),
    ("security-policy.html", "Secret data is kept for 10 years."),
    ("security-policy.html", "Laptops lock themselves after five minutes."),
    ("security-policy.html", "Authorities are told within 72 hours."),
    ("employee-handbook.md", "Everybody has 28 days of paid leave a year."),
    ("employee-handbook.md", "Parents have 26 weeks at full pay."),
    ("employee-handbook.md", "A doctor's note is needed from the fourth day on."),
    ("employee-handbook.md", "The training budget is 1,500 euros a year for each person."),
    ("employee-handbook.md", "Core time is from 10:00 to 15:00."),
    ("refund-policy.md", "The refund window for calibrated probes is 14 days."),
    (
        "refund-policy.md",
        "A restocking fee of 15 % of the net price is taken for goods without their original packaging.",
    ),
    ("release-notes.md", "Automatic switch-off comes after 15 minutes instead of 10."),
]
WRONG = [
    ("price-list.csv", "The price of the HP-305 probe is 189.00 euros."),  # another row's price
    ("price-list.csv", "The turbidity probe HP-305 costs 245.00 EUR net."),
    ("price-list.csv", "The delivery time of HP-305 is 2 days."),
    ("price-list.csv", "The net price of the field case IP67 is 24.00."),
    ("price-list.csv", "The Aquila W2 meter has a net price of 1,780 EUR."),
    ("travel-expenses.md", "The full day allowance for Portugal is 25 EUR."),  # another column's
    ("travel-expenses.md", "The full day allowance for Norway is 58 EUR."),
    ("travel-expenses.md", "In Germany, part of a day gives 32 EUR."),
    ("travel-expenses.md", "A hotel in London may cost up to 140 euros."),
    ("travel-expenses.md", "A gift to a customer may cost at least 35 euros."),
    ("travel-expenses.md", "Claims are handed in within 30 weeks of the end of the trip."),
    ("travel-expenses.md", "Gifts to public officials are allowed."),
    ("security-policy.html", "Passwords must be 10 years."),
    ("security-policy.html", "Passwords have at most 14 characters."),
    ("security-policy.html", "Confidential data is kept for 10 years."),
    ("security-policy.html", "Laptops lock themselves after 72 hours."),
    ("security-policy.html", "Sharing an account is allowed."),
    ("employee-handbook.md", "Everybody has 26 days of paid leave a year."),
    ("employee-handbook.md", "Parents have 26 days at full pay."),
    ("employee-handbook.md", "A doctor's note is needed from the first day on."),
    ("employee-handbook.md", "The training budget is 500 euros a year for each person."),
    ("employee-handbook.md", "Courses above 1,500 euros need the consent of your lead."),
    ("refund-policy.md", "The refund window for calibrated probes is 30 days."),
    ("refund-policy.md", "The return shipping is paid by the customer."),
    (
        "refund-policy.md",
        "A restocking fee of 15 % of the gross price is taken for goods without their original packaging.",
    ),
    ("refund-policy.md", "The workshop asks the customer for a return number."),
    ("refund-policy.md", "Opened reagent packs can be returned."),
    ("release-notes.md", "Automatic switch-off comes after 10 minutes instead of 15."),
    ("release-notes.md", "The turbidity probe HP-305 is supported from 3.4.0."),
]


@pytest.mark.parametrize(("name", "statement"), RIGHT)
def test_a_right_statement_is_supported(name: str, statement: str) -> None:
    support = Passage(text_of(name)).support(statement)
    assert support.supported, support


@pytest.mark.parametrize(("name", "statement"), WRONG)
def test_a_wrong_twin_is_not_supported(name: str, statement: str) -> None:
    support = Passage(text_of(name)).support(statement)
    assert not support.supported, text_of(name)[support.start : support.end]


def test_headings_over_the_beginning_do_not_name_a_table_further_down() -> None:
    text = text_of("security-policy.html")
    passage = Passage(text, around="Information security policy", first="Passwords and sign-in")
    assert not passage.support("Passwords must be 10 years.").supported
    assert passage.support("Passwords have at least 14 characters.").supported
    rows = "Oslo | 62 EUR\nBergen | 58 EUR"
    assert (
        Passage(rows, first="Travel › Daily allowance: City | Full day")
        .support("The daily allowance for a full day in Bergen is 58 EUR.")
        .supported
    )


def test_a_value_alone_names_no_row() -> None:
    table = "Class | Example | Kept for\nPublic | price list | no limit\nSecret | signing keys | 10 years"
    assert not Passage(table).support("Passwords must be 10 years.").supported
    assert Passage(table).support("Signing keys are kept for 10 years.").supported
