"""Series of which one thing has one member: seasons, parts of the day, periods, places in order.

A statement that names another member of the series than its source says something else, however alike they are.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from ragkit.citations.amounts.units import period_of
from ragkit.citations.tables.check import Fault
from ragkit.citations.tokens import Claim, tokens

_SERIES: Final = (
    ("spring frühling frühjahr", "summer sommer", "autumn herbst", "winter"),
    ("morning mornings vormittag", "afternoon afternoons nachmittag", "evening evenings abend", "night nights nacht"),
    (
        "north northern northerly norden",
        "south southern southerly süden",
        "east eastern easterly osten",
        "west western westerly westen",
    ),
    (
        "first erste ersten erster",
        "second zweite zweiten zweiter",
        "third dritte dritten",
        "fourth",
        "fifth",
        "sixth",
        "seventh",
        "eighth",
        "ninth",
        "tenth",
    ),
    ("beginning begin begins anfang", "end ends ende"),
)
_MEMBERS: Final = {
    word: (at, place)
    for at, series in enumerate(_SERIES)
    for place, member in enumerate(series)
    for word in member.split()
}
_PERIODS: Final = len(_SERIES)  # the series of second, minute, hour and so on
_CLOCK: Final = re.compile(r"(?<![^\W\d_])([ap])\.?m\b", re.IGNORECASE)
_HALVES: Final = _PERIODS + 1  # a.m. and p.m.

Member = tuple[int, str]
"""The number of a series, and one of its members."""


def series_fault(claim: Claim, quote: Sequence[str]) -> Fault | None:
    """Return what is wrong when a claim names a member of a series that its quote lacks, and the quote names another.

    The other member may not be in the claim: a claim that names both compares them.
    """
    said = _members(claim.text, claim.language)
    held = [member for text in quote for member in _members(text, claim.language)]
    for series, member in said:
        if (series, member) in held:
            continue
        others = [other for at, other in held if at == series and (at, other) not in said]
        if others:
            return "contradicted", f"it says {others[0]}, not {member}"
    return None


def _members(text: str, language: str) -> list[Member]:
    """Return the members of series that a text names, in its order; "second" after a number is a period."""
    found = list[Member]()
    read = tokens(text, language=language)
    for at, token in enumerate(read):
        period = period_of(token.word)
        if period and not (period == "second" and not (at and read[at - 1].is_number)):
            found.append((_PERIODS, period))
        elif token.word in _MEMBERS and not (at and read[at - 1].word == "a"):  # "a tenth" is a share
            series, place = _MEMBERS[token.word]
            found.append((series, _SERIES[series][place].split()[0]))
    found.extend((_HALVES, f"{match.group(1).lower()}.m.") for match in _CLOCK.finditer(text))
    return found
