"""Dates and numbers of a question in the notations that documents may use: "5 March 2026" is also 2026-03-05.

Nothing is stored for it: a question is searched and scored by every notation that the index holds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Final

from ragkit.text.analyzer import analyse

Sequences = tuple[tuple[str, ...], ...]

_MONTHS: Final = {
    "en": "january february march april may june july august september october november december",
    "de": "januar februar märz april mai juni juli august september oktober november dezember",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "nl": "januari februari maart april mei juni juli augustus september oktober november december",
    "pt": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
}
_SHORT: Final = "jan feb mar apr may jun jul aug sep oct nov dec", "_ _ mrz _ mai _ _ _ sept okt _ dez"
_NAMES: Final = {
    name: number
    for names in (*_MONTHS.values(), *_SHORT)
    for number, name in enumerate(names.split(), 1)
    if name != "_"
}
_MONTH: Final = "|".join(sorted(_NAMES, key=len, reverse=True))
_DAY: Final = r"(?P<day>\d{1,2})(?:st|nd|rd|th|er|º|\.)?"
_DATES: Final = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"(?<![\w./-])(?P<year>\d{4})(?P<mark>[-/.])(?P<month>\d{1,2})(?P=mark)(?P<day>\d{1,2})(?![\w/-]|\.\d)",
        r"(?<![\w./-])(?P<day>\d{1,2})(?P<mark>[.-])(?P<month>\d{1,2})(?P=mark)(?P<year>\d{4})(?![\w/-]|\.\d)",
        r"(?<![\w./-])(?P<first>\d{1,2})/(?P<second>\d{1,2})/(?P<year>\d{4})(?![\w/-]|\.\d)",
        rf"(?<![\w.]){_DAY}\s+(?:of\s+|de\s+)?(?P<name>{_MONTH})\b\.?,?\s+(?:de\s+)?(?P<year>\d{{4}})\b",
        rf"\b(?P<name>{_MONTH})\b\.?\s+{_DAY},?\s+(?P<year>\d{{4}})\b",
    )
)
_MONTH_OF_YEAR: Final = re.compile(rf"\b(?P<name>{_MONTH})\b\.?,?\s+(?:de\s+)?(?P<year>\d{{4}})\b", re.IGNORECASE)
_NUMBER: Final = re.compile(
    r"(?<![\w.,'’/:-])\d{1,3}(?:[ \u00a0\u202f]\d{3})+(?:[.,]\d+)?(?![\w/:-]|[.,]\d)"
    r"|(?<![\w.,'’/:-])\d[\d.,'’_]*\d(?![\w/:-])"
)
_CANONICAL: Final = re.compile(r"(\d{4,15})(?:\.(\d{1,6}))?")
_YEARS: Final = range(1_900, 2_101)


@dataclass(frozen=True, slots=True)
class Notation:
    """Other ways to write a part of a question. owners: the terms of that part; forms: sequences of adjacent terms."""

    owners: frozenset[str]
    forms: Sequences


def notations(
    text: str, *, languages: Sequence[str], known: Callable[[Iterable[str]], Iterable[str]]
) -> list[Notation]:
    """Return the dates and numbers of a text in the other notations that an index holds.

    languages: those of the index. known: returns those of some terms that the index has.
    """
    if not any(map(str.isdigit, text)):
        return []
    found: list[tuple[str, list[tuple[str, ...]]]] = []
    rest = text
    for surface, day in _dates(text):
        found.append((surface, _forms_of_day(day, tuple(languages))))
        rest = rest.replace(surface, " ")
    for match in _MONTH_OF_YEAR.finditer(rest):
        month, year = _NAMES[match["name"].lower()], int(match["year"])
        found.append((match.group(), [(form,) for form in _months(year, month)]))
    found += [(match.group(), _forms_of_number(match.group())) for match in _NUMBER.finditer(rest)]
    return [item for surface, forms in found if (item := _held(surface, forms, languages, known))]


def _held(
    surface: str, forms: Sequence[tuple[str, ...]], languages: Sequence[str], known: Callable[..., Iterable[str]]
) -> Notation | None:
    owners = frozenset(term for language in languages for term in analyse(surface, language=language))
    there = set(known(dict.fromkeys(term for form in forms for term in form)))
    kept = [
        form for form in dict.fromkeys(forms) if there.issuperset(form) and not (len(form) == 1 and form[0] in owners)
    ]
    return Notation(owners, tuple(kept)) if kept else None


# ------------------------------------------------------------------ dates


def _dates(text: str) -> Iterable[tuple[str, date]]:
    """Yield the dates of a text as written and as dates; "3/5/2026" is March or May, so it is none."""
    for pattern in _DATES:
        for match in pattern.finditer(text):
            parts = match.groupdict()
            month = _NAMES[parts["name"].lower()] if parts.get("name") else int(parts.get("month") or 0)
            day = int(parts.get("day") or 0)
            if parts.get("first"):
                low, high = sorted((int(parts["first"]), int(parts["second"])))
                if low > 12 or (high <= 12 and low != high):
                    continue
                month, day = low, high
            try:
                yield match.group(), date(int(parts["year"]), month, day)
            except ValueError:
                continue


@cache
def _forms_of_day(day: date, languages: tuple[str, ...]) -> list[tuple[str, ...]]:
    figures = [f"{day:%Y-%m-%d}", f"{day:%Y%m%d}"]
    days, months = dict.fromkeys((str(day.day), f"{day:%d}")), dict.fromkeys((str(day.month), f"{day:%m}"))
    for one in days:
        for month in months:
            figures += [f"{one}{mark}{month}{mark}{day.year}" for mark in ".-"]
            figures += [f"{day.year}{mark}{month}{mark}{one}" for mark in "-/."]
            if day.day > 12 or day.day == day.month:
                figures += [f"{one}/{month}/{day.year}", f"{month}/{one}/{day.year}"]
    forms: list[tuple[str, ...]] = [(analyse(figure, language="en")[0],) for figure in figures]
    forms.append((str(day.year), f"{day:%m}", f"{day:%d}"))
    ending = "th" if day.day in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(day.day % 10, "th")
    for name in _month_terms(day.month, languages):
        for one in (*days, f"{day.day}{ending}"):
            forms += [(one, name, str(day.year)), (name, one, str(day.year))]
    return forms


def _months(year: int, month: int) -> list[str]:
    written = (
        f"{year}-{month:02}",
        f"{year}/{month:02}",
        f"{month:02}/{year}",
        f"{month}/{year}",
        f"{month:02}.{year}",
    )
    return [analyse(text, language="en")[0] for text in written]


@cache
def _month_terms(month: int, languages: tuple[str, ...]) -> list[str]:
    """Return the terms that the names of a month have in the index: each language's name, and short names."""
    names = [(name, language) for language in languages for name, number in _NAMES.items() if number == month]
    return list(dict.fromkeys(term for name, language in names for term in analyse(name, language=language)))


# ------------------------------------------------------------------ numbers


def _forms_of_number(written: str) -> list[tuple[str, ...]]:
    """Return a number of four digits or more without groups, with groups apart, and with zeros for decimals."""
    figures = re.sub(r"[ \u00a0\u202f_]", "", written)
    match = _CANONICAL.fullmatch(analyse(figures, language="en")[0])
    if match is None or (written.isdigit() and int(written) in _YEARS):
        return []
    whole, decimals = match[1], match[2] or ""
    decimals = decimals if decimals.strip("0") else ""
    tail = f".{decimals}" if decimals else ""
    head = len(whole) % 3
    groups = ([whole[:head]] if head else []) + [whole[at : at + 3] for at in range(head, len(whole), 3)]
    forms: list[tuple[str, ...]] = [(whole + tail,), (*groups[:-1], groups[-1] + tail), ("_".join(groups) + tail,)]
    return forms if tail else [*forms, (f"{whole}.00",), (f"{whole}.0",), (*groups[:-1], f"{groups[-1]}.00")]
