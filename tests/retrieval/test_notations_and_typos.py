"""Questions whose words are not written as the documents write them: typos, dates, numbers, operators, compounds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import ragkit
from ragkit.testing import HashEmbedder
from ragkit.types.documents import Document

FILLER = [
    f"Note {number}: the {word} of the {other} was looked at by the committee, and nothing had to be changed."
    for number, (word, other) in enumerate(
        (word, other)
        for word in ("roof", "garden", "lamp", "bridge", "cellar", "window")
        for other in ("school", "library", "museum", "harbour", "station")
    )
]
TEXTS = {
    "iso.md": "The audit of the pump took place on 2026-03-17.",
    "german.md": "Die Prüfung der Anlage erfolgte am 09.04.2026.",
    "words.md": "The inspection of the crane happened on 23rd October 2024.",
    "us.md": "The valve was replaced on 11/28/2025.",
    "stamp.md": "The log says 2023-07-01T08:30 valve opened.",
    "population.md": "The island has 1 284 500 inhabitants.",
    "budget.md": "The budget of the opera is 73,250.00 francs.",
    "operator.md": "The sign ~= means a compatible release of the package.",
    "equal.md": "The sign == means exactly this release of the package.",
    "option.md": "With --autosquash the commits are moved on their own.",
    "plain.md": "An autosquash of commits is planned for the workshop next year.",
    "refund.md": "The reimbursement of travel expenses is paid within three weeks.",
    "bees.md": "Honey is harvested when the combs are capped.",
}


@pytest.fixture(scope="module")
def kb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ragkit.KnowledgeBase]:
    with ragkit.open(tmp_path_factory.mktemp("kb"), embedder=HashEmbedder()) as made:
        made.add([Document(source=name, text=text, title="") for name, text in TEXTS.items()])
        made.add([Document(source=f"filler{at}.md", text=text, title="") for at, text in enumerate(FILLER)])
        yield made


def first(kb: ragkit.KnowledgeBase, question: str) -> str:
    return kb.search(question, k=3)[0].source


@pytest.mark.parametrize(
    ("question", "source"),
    [
        ("what happened on 17 March 2026", "iso.md"),
        ("what happened on March 17th, 2026?", "iso.md"),
        ("17.03.2026", "iso.md"),
        ("3/17/2026", "iso.md"),
        ("What happened on 9 April 2026?", "german.md"),
        ("2026-04-09", "german.md"),
        ("2024-10-23", "words.md"),
        ("23.10.2024", "words.md"),
        ("October 23, 2024", "words.md"),
        ("28 November 2025", "us.md"),
        ("what happened on 1 July 2023", "stamp.md"),
        ("1,284,500", "population.md"),
        ("1284500", "population.md"),
        ("1.284.500", "population.md"),
        ("73250", "budget.md"),
        ("73 250", "budget.md"),
    ],
)
def test_dates_and_numbers_are_found_in_any_notation(kb: ragkit.KnowledgeBase, question: str, source: str) -> None:
    assert first(kb, question) == source


@pytest.mark.parametrize(
    ("question", "source"),
    [
        ("What does ~= mean?", "operator.md"),
        ("~=", "operator.md"),
        ("What does `==` mean?", "equal.md"),
        ("What does --autosquash do?", "option.md"),
    ],
)
def test_operators_are_found_as_written(kb: ragkit.KnowledgeBase, question: str, source: str) -> None:
    assert first(kb, question) == source


@pytest.mark.parametrize(
    ("question", "typed", "used"),
    [
        ("When is the rembursement paid?", "rembursement", "reimbursement"),
        ("When is the reimburesmnet paid?", "reimburesmnet", "reimbursement"),
        ("hravested hoeny", "hravested", "harvested"),
        ("the inhabitnats of the isalnd", "inhabitnats", "inhabitants"),
    ],
)
def test_a_typo_is_corrected_and_told(kb: ragkit.KnowledgeBase, question: str, typed: str, used: str) -> None:
    hits = kb.search(question, k=2)
    assert hits.corrected[typed] == used
    assert f'searched for "{used}" instead of "{typed}"' in hits.warnings
    assert used in hits[0].text.lower()


@pytest.mark.parametrize(
    "question",
    [
        "When is the reimbursement paid?",
        "When is the reimbursment paid?",
        "error E1047 of pump XK-200",
        "What does NASSA say?",
        "Which pumpkins are planned?",
        "Quelles sont les conditions de remboursement des frais?",
        "honney7",
    ],
)
def test_known_words_codes_names_and_other_languages_stay(kb: ragkit.KnowledgeBase, question: str) -> None:
    hits = kb.search(question, k=2)
    assert hits.corrected == {}
    assert hits.warnings == ()


def test_an_answer_says_what_was_searched(kb: ragkit.KnowledgeBase) -> None:
    answer = kb.ask("When is the rembursement paid?")
    assert answer.as_dict()["warnings"] == ['searched for "reimbursement" instead of "rembursement"']


GERMAN = {
    "frist.md": "Die Frist für die Aufbewahrung der Rechnungen ist zehn Jahre.",
    "urlaub.md": "Der Urlaubsanspruch der Mitarbeiter beträgt dreißig Tage.",
    "haus.md": "Das Haus hat einen Keller und einen Garten mit alten Bäumen.",
    "rad.md": "Ein Fahrrad darf im Hof stehen und wird dort angeschlossen.",
}


@pytest.mark.parametrize(
    ("question", "source"),
    [
        ("Wie lang ist die Aufbewahrungsfrist?", "frist.md"),
        ("Wie viel Urlaub haben die Leute?", "urlaub.md"),
        ("Was ist mit dem Kellergarten?", "haus.md"),
    ],
)
def test_german_compounds_meet_their_parts(tmp_path: Path, question: str, source: str) -> None:
    with ragkit.open(tmp_path, embedder=HashEmbedder()) as kb:
        kb.add([Document(source=name, text=text, title="") for name, text in GERMAN.items()])
        hits = kb.search(question, k=2)
    assert hits[0].source == source
    assert hits.corrected == {}
