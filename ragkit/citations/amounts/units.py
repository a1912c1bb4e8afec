"""The units of the numbers in a text, and statements whose number has another unit than in the source."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ragkit.citations.tables.check import Fault
from ragkit.citations.tokens import Claim, Token, tokens

_UNIT_REACH: Final = 2  # content words after a number that may be its unit: "14 working days"
_SIGNS: Final = {"%": "percent", "€": "euro", "$": "dollar", "£": "pound", "¥": "yen", "°": "degree"}
_SIGNED: Final = re.compile(r"(?P<before>[€$£¥])?\s?(?P<number>\d+(?:[.,'’]\d+)*)\s?(?P<after>[%€$£¥°])?")
_UNIT_GROUPS: Final = (
    "percent prozent pct per-cent",
    "euro eur euros",
    "dollar dollars usd",
    "pound pounds gbp",
    "cent cents",
    "second seconds sec s sekunde sekunden",
    "minute minutes min minuten",
    "hour hours h hr hrs stunde stunden",
    "day days tag tage tagen",
    "week weeks woche wochen",
    "month months monat monate monaten",
    "year years yr jahr jahre jahren",
    "character characters zeichen",
    "word words",
    "kilogram kilograms kg kilogramm",
    "gram grams g gramm",
    "tonne tonnes ton tons",
    "metre metres meter meters m",
    "kilometre kilometres kilometer kilometers km",
    "centimetre centimetres cm",
    "millimetre millimetres mm",
    "mile miles",
    "foot feet ft",
    "inch inches",
    "litre litres liter liters l",
    "millilitre millilitres ml",
    "volt volts v",
    "watt watts w",
    "kilowatt kw",
    "ampere amperes amps a",
    "bar",
    "pascal pa",
    "kelvin k",
    "celsius",
    "fahrenheit",
    "byte bytes",
    "kilobyte kb",
    "megabyte mb",
    "gigabyte gb",
    "terabyte tb",
    "thousand",
    "million millionen mio",
    "billion milliarden mrd",
)
_UNITS: Final = {word: group.split()[0] for group in _UNIT_GROUPS for word in group.split()}
_PER: Final = frozenset(("a", "an", "per", "each", "every", "the", "pro", "je", "im", "par", "por", "al", "/"))
_EVERY: Final = re.compile(
    r"\b(?:every|alle|jede[nrs]?)\s+(\d+|two|three|four|five|six|seven|eight|nine|ten|twelve|zwei|drei|vier|fünf|sechs"
    r"|sieben|acht|neun|zehn|zwölf)(?=\s)",
    re.IGNORECASE,
)
_PERIODS: Final = frozenset(("second", "minute", "hour", "day", "week", "month", "year"))
_SPELT_PERIODS: Final = {
    word: period
    for period, words in {
        "year": "annual annually yearly jährlich",
        "month": "monthly monatlich",
        "week": "weekly wöchentlich",
        "day": "daily täglich",
        "hour": "hourly stündlich",
    }.items()
    for word in words.split()
}


@dataclass(frozen=True, slots=True)
class _Unit:
    """The unit of a number. names: its units, a sign and a word. period: the time that it is for ("euros a year")."""

    names: frozenset[str]
    period: str


def is_unit(word: str) -> bool:
    """Return whether a word in lower case is the name of a unit."""
    return word in _UNITS


def period_of(word: str) -> str:
    """Return the period that a word in lower case names: "year" for "years" and "annually", "" for none."""
    unit = _UNITS.get(word, "") if len(word) > 1 else ""
    return unit if unit in _PERIODS else _SPELT_PERIODS.get(word, "")


def is_period(said: Sequence[Token], at: int) -> bool:
    """Return whether a token is the period of a rate: "night" in "140 euros a night"."""
    return at > 1 and said[at - 1].word in _PER and is_unit(said[at - 2].word)


def unit_fault(claim: Claim, text: str) -> Fault | None:
    """Return the fault when a claim gives a number another unit than the text, or another period ("a month")."""
    often, ours = _EVERY.findall(text), _EVERY.findall(claim.text)
    if often and ours and not {number.lower() for number in ours} & {number.lower() for number in often}:
        return "contradicted", f"it is every {often[0]}, not every {ours[0]}"
    held: dict[str, list[_Unit]] = {}
    for number, unit in _read(text, claim.language):
        held.setdefault(number, []).append(unit)
    for number, wanted in _read(claim.text, claim.language):
        there = held.get(number, [])
        named = set[str]().union(*(unit.names for unit in there))
        if wanted.names and named and not wanted.names & named:
            return "contradicted", f"{number} is in {min(named)}, not in {min(wanted.names)}"
        periods = {unit.period for unit in there if unit.period}
        if wanted.period and periods and wanted.period not in periods:
            return "contradicted", f"{number} is for a {min(periods)}, not for a {wanted.period}"
    return None


def _read(text: str, language: str) -> list[tuple[str, _Unit]]:
    """Return each number of a text with its unit, in order."""
    said = tokens(text, language=language)
    return [(token.term, _unit_at(text, said, at)) for at, token in enumerate(said) if token.is_number]


def _unit_at(text: str, said: Sequence[Token], at: int) -> _Unit:
    token = said[at]
    names = set[str]()
    match = _SIGNED.match(text, max(0, token.start - 1)) or _SIGNED.match(text, token.start)
    if match and match.start("number") in (token.start, token.start + 1):
        names.update(_SIGNS[sign] for sign in (match["before"], match["after"]) if sign)
    reach, place = 0, at
    for place in range(at + 1, len(said)):
        after = said[place]
        if after.is_number or reach == _UNIT_REACH or "|" in text[token.start : after.start]:
            break
        if after.word in _UNITS and not _is_letter(text, after):
            names.add(_UNITS[after.word])
            return _Unit(frozenset(names), _period(said, place + 1))
        reach += not after.stop
    return _Unit(frozenset(names), _period(said, at + 1) if names else "")


def _is_letter(text: str, token: Token) -> bool:
    """Return whether a one-letter unit is not a unit: an article ("14 a day"), or a letter in the wrong case."""
    return len(token.word) == 1 and (text[token.start] in "avwkAVWK") != text[token.start].isupper()


def _period(said: Sequence[Token], at: int) -> str:
    """Return the period that follows a unit ("… a year", "… monthly"), "" for none."""
    if at < len(said) and said[at].word in _SPELT_PERIODS:
        return _SPELT_PERIODS[said[at].word]
    if at + 1 < len(said) and said[at].word in _PER:
        unit = _UNITS.get(said[at + 1].word, "")
        return unit if unit in _PERIODS else ""
    return ""
