"""The term that a misspelt word means is the one that comparing with every term of the dictionary finds."""

from __future__ import annotations

import random
from collections.abc import Iterable

import pytest

from ragkit.index.lexical.spelling import nearest_term
from ragkit.text.edit_distance import edit_distance

_SYLLABLES = ("bar", "ten", "lor", "mi", "sal", "qu", "ra", "dent", "vo", "kel")


def _dictionary(chance: random.Random) -> dict[str, int]:
    words = ("".join(chance.choices(_SYLLABLES, k=chance.randint(3, 5))) for _ in range(400))
    return {word: chance.randint(1, 50) for word in words}


def _mistyped(word: str, chance: random.Random) -> str:
    """Return a word with two typing errors behind its first letter."""
    for _ in range(2):
        at = chance.randrange(1, len(word) - 1)
        word = chance.choice(
            (
                word[:at] + word[at + 1 :],
                word[:at] + chance.choice("abcxyz") + word[at:],
                word[:at] + chance.choice("abcxyz") + word[at + 1 :],
                word[:at] + word[at + 1] + word[at] + word[at + 2 :],
            )
        )
    return word


@pytest.mark.parametrize("seed", range(3))
def test_two_errors_are_found_as_by_comparing_with_every_term(seed: int) -> None:
    chance = random.Random(seed)
    counts = _dictionary(chance)

    def beginning(prefix: str) -> Iterable[tuple[str, int]]:
        return [(term, count) for term, count in counts.items() if term.startswith(prefix)]

    def held(terms: Iterable[str]) -> dict[str, int]:
        return {term: counts[term] for term in terms if term in counts}

    found = 0
    for word in chance.sample(sorted(counts), 40):
        typed = _mistyped(word, chance)
        nearest = nearest_term(typed, stems=[str], frequencies=held, terms=beginning)
        distances = {term: edit_distance(typed, term, limit=2) for term, _ in beginning(typed[:1])}
        least = min(distances.values())
        if len(typed) < 8 or least in {0, 3}:
            continue
        found += 1
        best = max((counts[term], term) for term, distance in distances.items() if distance == least)
        assert nearest is not None
        assert (edit_distance(typed, nearest, limit=2), counts[nearest]) == (least, best[0]), typed
    assert found > 20
