"""Statement -> the same with its amounts in the units of its source: "half an hour" as "30 minutes".

Only exactly equal amounts are exchanged. English and German words, and the signs of the metric system.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from ragkit.text.content_terms import NUMBER_WORDS

_GROUPS: Final[tuple[tuple[str, tuple[tuple[str, str], ...]], ...]] = (
    (
        "time",
        (
            ("1", "seconds? secs? sekunden?"),
            ("60", "minutes? mins? minuten?"),
            ("3600", "hours? hrs? stunden?"),
            ("86400", "days? tage? tagen"),
            ("604800", "weeks? wochen?"),
        ),
    ),
    ("months", (("1", "months? monate? monaten"), ("12", "years? jahre? jahren"))),
    (
        "length",
        (
            ("1/1000", "mm millimet(?:re|er)s?"),
            ("1/100", "cm centimet(?:re|er)s?"),
            ("1", "m met(?:re|er)s?"),
            ("1000", "km kilomet(?:re|er)s?"),
        ),
    ),
    ("mass", (("1", "g grams? gramm"), ("1000", "kg kilos? kilograms? kilogramm"), ("1000000", "tonnes?"))),
    ("volume", (("1", "ml millilit(?:re|er)s?"), ("10", "cl centilit(?:re|er)s?"), ("1000", "l lit(?:re|er)s?"))),
)
_UNITS: Final = tuple(
    (re.compile(word, re.IGNORECASE), kind, Fraction(factor))
    for kind, units in _GROUPS
    for factor, words in units
    for word in words.split()
)
_UNIT: Final = "|".join(pattern.pattern for pattern, _, _ in _UNITS)
_COUNT: Final = rf"\d+(?:[.,]\d+)*|{'|'.join(word for word in NUMBER_WORDS if word not in ('null', 'zero'))}"
_AMOUNT: Final = re.compile(
    rf"(?<![\w.,$€£-])(?:(?P<part>half|a\s+quarter\s+of)\s+an?\s+(?P<of>{_UNIT})"
    rf"|(?P<count>{_COUNT})(?P<more>\s+and\s+a\s+half)?[\s-]?(?P<unit>{_UNIT})(?P<rest>\s+and\s+a\s+half)?"
    rf"|(?P<lead>(?:than|most|least|after|within|for|takes?|lasts?|about|only|every|up\s+to)\s+)an?\s+(?P<single>{_UNIT})"
    rf"(?P<half>\s+and\s+a\s+half)?)(?![\w²³/-])",
    re.IGNORECASE,
)
_GROUPED: Final = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")


@dataclass(frozen=True, slots=True)
class _Amount:
    """An amount of a text. kind: what it measures. value: in that kind's smallest unit that is here."""

    start: int
    end: int
    kind: str
    value: Fraction


def with_equal_amounts(statement: str, source: str) -> str:
    """Return a statement with each amount that its source does not have as the source writes an equal one."""
    ours = list(_amounts(statement))
    theirs = [(amount, source[amount.start : amount.end]) for amount in _amounts(source)] if ours else []
    written = {" ".join(text.lower().split()) for _, text in theirs}
    for own in reversed(ours):
        if " ".join(statement[own.start : own.end].lower().split()) in written:
            continue
        same = next((text for amount, text in theirs if (amount.kind, amount.value) == (own.kind, own.value)), None)
        if same is not None:
            statement = f"{statement[: own.start]}{same}{statement[own.end :]}"
    return statement


def _amounts(text: str) -> Iterator[_Amount]:
    for match in _AMOUNT.finditer(text):
        unit = match["of"] or match["unit"] or match["single"]
        if len(unit) <= len("mm") and not unit.islower():
            continue  # "5 M", "3 L"
        kind, factor = next((kind, factor) for pattern, kind, factor in _UNITS if pattern.fullmatch(unit))
        if match["part"]:
            value = Fraction(1, 2) if match["part"].lower() == "half" else Fraction(1, 4)
        else:
            halves = sum(bool(match[name]) for name in ("more", "rest", "half"))
            value = (_number(match["count"]) if match["count"] else Fraction(1)) + Fraction(halves, 2)
        yield _Amount(match.start() + len(match["lead"] or ""), match.end(), kind, value * factor)


def _number(written: str) -> Fraction:
    plain = NUMBER_WORDS.get(written.lower()) or _GROUPED.sub("", written).replace(",", ".")
    return Fraction(plain) if plain.count(".") <= 1 else Fraction(-1)
