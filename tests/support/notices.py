"""Made notices about places, and questions that two indexes of the same collection must answer alike."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from ragkit import Document, KnowledgeBase

PLACES = ["Lisbon", "Ghent", "Oslo", "Turin", "Graz", "Leeds", "Porto", "Malmö"]
THINGS = ["ferry", "tram", "archive", "orchard", "viaduct", "lighthouse", "brewery", "observatory", "greenhouse"]
VERBS = ["opens", "closes", "moves", "reopens", "expands", "shrinks"]
QUESTIONS = [
    "When does the ferry of Oslo open?",
    "observatry in Turin",  # misspelt
    "lighthouse Malmo",
    "What is it that was to be there?",  # stop words only
    "reopening of the viaduct in Graz, 14th",
    "greenhouse greenhouse brewery Ghent Leeds Porto archive tram",
    "something that is nowhere",
    "'; DROP TABLE postings; --",
]


def made(number: int, *, seed: int = 3) -> Document:
    """Return a notice of one to nine sentences, the same for the same numbers."""
    chance = random.Random(seed * 10_000 + number)
    pick = chance.choice
    lines = [
        f"The {pick(THINGS)} of {pick(PLACES)} {pick(VERBS)} on {chance.randint(1, 28)} May."
        for _ in range(chance.randint(1, 9))
    ]
    text = f"# {pick(PLACES)}\n\n" + "\n\n".join(lines)
    return Document(f"{number}.md", text, title=f"Notice {number}", metadata={"year": 2000 + number % 3})


def found(base: KnowledgeBase, question: str, **options: Any) -> list[tuple[str, int, float]]:
    """Return what a search finds, in its order."""
    return [(hit.source, hit.start, round(hit.score, 3)) for hit in base.search(question, **options)]


def assert_same(pair: tuple[KnowledgeBase, KnowledgeBase], questions: Sequence[str] = QUESTIONS) -> None:
    """Compare the answers of the local indexes, the first of the pair, with those of an engine."""
    local, engine = pair
    for question in questions:
        assert found(engine, question, k=8) == found(local, question, k=8), question
    where = {"type": "eq", "key": "year", "value": 2001}
    assert found(engine, questions[0], where=where) == found(local, questions[0], where=where) != []
    assert engine.search("observatry in Turin").corrected == local.search("observatry in Turin").corrected
