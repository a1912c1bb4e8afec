"""Members of a range that a source writes by its ends: grade 4 of "grades 3 to 6", E-210 of "codes from E-200 up"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import inf
from typing import Final

from ragkit.citations.amounts.counted import is_label
from ragkit.citations.prose.calendar import held_names
from ragkit.citations.tables.check import Fault
from ragkit.citations.tokens import Claim, tokens

_TO: Final = r"\s*(?:[–-]|\bto\b|\bthrough\b|\buntil\b|\bbis\b|\band\b)\s*"
_LABELLED: Final = re.compile(
    rf"\b(?P<label>[^\W\d]+)\s+(?P<first>\d{{1,4}}){_TO}(?P<last>\d{{1,4}})\b(?![:.,]\d|\s*%)"
)
_TIME: Final = r"\d{1,2}(?:[:.]\d\d)?\s*(?:[ap]\.?m\b\.?|uhr\b)?"
_HOURS: Final = re.compile(rf"(?<![\d.,:])(?P<first>{_TIME}){_TO}(?P<last>{_TIME})(?!\w)", re.IGNORECASE)
_AT: Final = re.compile(rf"\b(?:at|um)\s+(?P<time>{_TIME})(?!\w)", re.IGNORECASE)
_PARTS: Final = re.compile(r"(\d{1,2})(?:[:.](\d\d))?\s*([ap])?", re.IGNORECASE)
_CODE: Final = r"(?P<{0}>[^\W\d_]{{1,6}}-?)(?P<{0}_number>\d{{2,7}})(?![\w.]\d|-\w)"
_FIRST, _LAST = _CODE.format("first"), _CODE.format("last")
_CODE_SPANS: Final = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\b{_FIRST}{_TO}{_LAST}",
        rf"\b(?:from|starting (?:at|with|from)|at least|ab|à partir de|desde)\s+{_FIRST}(?!{_TO}[^\W\d_]{{1,6}}-?\d)",
        rf"\b{_FIRST}\s+(?:(?:and|or|und|oder)\s+)?(?:up|upwards?|onwards?|above|over|higher|greater|later|aufwärts)\b",
        rf"\b(?:up to|at most|until|bis)\s+{_LAST}",
        rf"\b{_LAST}\s+(?:and|or|und|oder)\s+(?:below|under|lower|less|smaller|earlier)\b",
    )
)
_ABOVE: Final = re.compile(rf"\b(?:above|over|(?:higher|greater) than|über)\s+{_FIRST}", re.IGNORECASE)
_BELOW: Final = re.compile(rf"\b(?:below|under|(?:lower|less|smaller) than|unter)\s+{_LAST}", re.IGNORECASE)
_ALONE: Final = re.compile(rf"\b{_FIRST}")
_ITEM: Final = re.compile(r"^\s*\(?(?P<number>\d{1,3})[.)]\s", re.MULTILINE)
_BETWEEN: Final = re.compile(r"\bbetween\s+$", re.IGNORECASE)
_CLOCK_TIME: Final = re.compile(r"(?<![\d.:,])(?:[01]?\d|2[0-4]):[0-5]\d(?![\d:]|\.\d)")
_NOON: Final = 12
_HOUR: Final = 60


@dataclass(frozen=True, slots=True)
class _Codes:
    """A range of codes, both ends included: their letters, as "e-", and numbers."""

    letters: str
    first: float = -inf
    last: float = inf


def implied_terms(claim: Claim, text: str) -> frozenset[str]:
    """Return the numbers and names of a claim that a range of a text includes: weekdays, months, labels, hours.

    A number belongs to a range of the same label ("grade 4"); a time of the day follows "at" and lies between two
    times, one of which is written with minutes or a.m. and p.m.
    """
    return held_names(claim, text) | _labelled(claim, text) | _hours(claim, text) | _items(claim, text)


def clock_fault(claim: Claim, text: str) -> Fault | None:
    """Return the fault when a claim names a time of the day ("11:45") that none of a text's times is."""
    held = {_minutes(match.group()): match.group() for match in _CLOCK_TIME.finditer(text)}
    for match in _CLOCK_TIME.finditer(claim.text) if held else ():
        named = {token.term for token in claim.tokens if match.start() <= token.start < match.end()}
        if _minutes(match.group()) not in held and not named <= claim.implied:
            return "contradicted", f"it says {min(held.values())}, not {match.group()}"
    return None


def code_fault(claim: Claim, text: str) -> Fault | None:
    """Return the fault when a claim is about codes outside of the ranges of codes that a text names.

    "Codes below E-5000" are not among those "from E-5000 up", and neither is E-4100; codes of other letters are not
    compared, nor is one that the text names itself.
    """
    held = _code_spans(text)
    if not held:
        return None
    spans = _code_spans(claim.text)
    said = spans or [
        _Codes(match["first"].lower(), int(match["first_number"]), int(match["first_number"]))
        for match in _ALONE.finditer(claim.text)
        if match.group().lower() not in text.lower()
    ]
    for ours in said:
        rivals = [theirs for theirs in held if theirs.letters == ours.letters]
        if rivals and not any(theirs.first <= ours.first and ours.last <= theirs.last for theirs in rivals):
            return "contradicted", "it says other codes"
    return None


def _code_spans(text: str) -> list[_Codes]:
    """Return the ranges of codes that a text names by one end or by both."""
    flat = " ".join(text.split())
    spans = [match.groupdict() for pattern in _CODE_SPANS for match in pattern.finditer(flat)]
    above = [_Codes(match["first"].lower(), int(match["first_number"]) + 1) for match in _ABOVE.finditer(flat)]
    below = [_Codes(match["last"].lower(), last=int(match["last_number"]) - 1) for match in _BELOW.finditer(flat)]
    return [*(_codes(ends) for ends in spans), *above, *below]


def _codes(ends: Mapping[str, str | None]) -> _Codes:
    letters = (ends.get("first") or ends.get("last") or "").lower()
    return _Codes(letters, float(ends.get("first_number") or -inf), float(ends.get("last_number") or inf))


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


def _items(claim: Claim, text: str) -> frozenset[str]:
    """Return the numbers by which a claim names the items of a list: the 3 of "step 3"."""
    marks = {match["number"] for match in _ITEM.finditer(text)}
    return frozenset(
        token.term
        for before, token in pairwise(claim.tokens)
        if token.word in marks and (is_label(before.word) or before.word == "rule")
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
        if " and " in match.group() and not _BETWEEN.search(text, 0, match.start()):
            continue  # two times, and no range
        yield _minutes(match["first"]), _minutes(match["last"])


def _minutes(time: str) -> int:
    hour, minute, half = _PARTS.findall(time)[0]
    if half:
        hour = int(hour) % _NOON + (_NOON if half.lower() == "p" else 0)
    return int(hour) * _HOUR + int(minute or 0)
