"""Members of a range that a source writes by its ends: grade 4 of "grades 3 to 6", 12:00 of "8:00 to 17:00"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from ragkit.citations.prose.calendar import held_names
from ragkit.citations.prose.counted import is_label
from ragkit.citations.tokens import Claim, tokens

_TO: Final = r"\s*(?:[–-]|\bto\b|\bthrough\b|\buntil\b|\bbis\b|\band\b)\s*"
_LABELLED: Final = re.compile(
    rf"\b(?P<label>[^\W\d]+)\s+(?P<first>\d{{1,4}}){_TO}(?P<last>\d{{1,4}})\b(?![:.,]\d|\s*%)"
)
_TIME: Final = r"\d{1,2}(?:[:.]\d\d)?\s*(?:[ap]\.?m\b\.?|uhr\b)?"
_HOURS: Final = re.compile(rf"(?<![\d.,:])(?P<first>{_TIME}){_TO}(?P<last>{_TIME})(?!\w)", re.IGNORECASE)
_AT: Final = re.compile(rf"\b(?:at|um)\s+(?P<time>{_TIME})(?!\w)", re.IGNORECASE)
_PARTS: Final = re.compile(r"(\d{1,2})(?:[:.](\d\d))?\s*([ap])?", re.IGNORECASE)
_NOON: Final = 12
_HOUR: Final = 60


def implied_terms(claim: Claim, text: str) -> frozenset[str]:
    """Return the numbers and names of a claim that a range of a text includes: weekdays, months, labels, hours.

    A number belongs to a range of the same label ("grade 4"); a time of the day follows "at" and lies between two
    times, one of which is written with minutes or a.m. and p.m.
    """
    return held_names(claim, text) | _labelled(claim, text) | _hours(claim, text)


def _labelled(claim: Claim, text: str) -> frozenset[str]:
    ranges = [match for match in _LABELLED.finditer(text) if is_label(match["label"].lower())]
    return frozenset(
        token.term
        for at, token in enumerate(claim.tokens)
        if at and token.word.isdecimal()
        for match in ranges
        if claim.tokens[at - 1].term in {item.term for item in tokens(match["label"], language=claim.language)}
        and int(match["first"]) <= int(token.word) <= int(match["last"])
    )


def _hours(claim: Claim, text: str) -> frozenset[str]:
    spans = list(_open_hours(text))
    found = set[str]()
    for match in _AT.finditer(claim.text):
        minutes = _minutes(match["time"])
        if any(start <= minutes <= end for start, end in spans):
            found |= {token.term for token in claim.tokens if match.start("time") <= token.start < match.end("time")}
    return frozenset(found)


def _open_hours(text: str) -> Iterator[tuple[int, int]]:
    """Yield the ranges of hours of a text, in minutes since midnight."""
    for match in _HOURS.finditer(text):
        if not any(re.search(r"[:.]\d\d|[ap]\.?m|uhr", match[side], re.IGNORECASE) for side in ("first", "last")):
            continue
        yield _minutes(match["first"]), _minutes(match["last"])


def _minutes(time: str) -> int:
    hour, minute, half = _PARTS.findall(time)[0]
    if half:
        hour = int(hour) % _NOON + (_NOON if half.lower() == "p" else 0)
    return int(hour) * _HOUR + int(minute or 0)
